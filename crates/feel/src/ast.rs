//! The tree of an expression.
//!
//! Chains (`a + b + c`, `x.y[1].z`, `if … else if …`) are lists, not nests: a long chain is not deep.

use std::sync::Arc;

use crate::value::{Comparison, Parameter, Value};

/// A part of an expression, and the byte of the text that it begins at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Literal(Value),
    Name(Arc<str>),
    List(Vec<Expr>),
    Context(Vec<(Arc<str>, Expr)>),
    Function(Box<Definition>),
    If(Box<Conditional>),
    For(Box<Iteration>),
    Quantified(Box<Quantified>),
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Negate(Box<Expr>),
    /// Operands of one precedence, from left to right.
    Chain(Box<Chain>),
    Compare(Box<(Expr, Comparison, Expr)>),
    Between(Box<[Expr; 3]>),
    In(Box<(Expr, Vec<Test>)>),
    InstanceOf(Box<(Expr, Type)>),
    Range(Box<RangeEnds>),
    /// `(< 10)`
    ComparisonRange(Box<(Comparison, Expr)>),
    /// Paths, filters and invocations, one after the other.
    Postfix(Box<(Expr, Vec<Step>)>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) parameters: Arc<[Parameter]>,
    pub(crate) body: Option<Arc<Expr>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conditional {
    /// Conditions, and what each leads to.
    pub(crate) branches: Vec<(Expr, Expr)>,
    pub(crate) otherwise: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Iteration {
    pub(crate) domains: Vec<Domain>,
    pub(crate) body: Expr,
    /// Whether the body may say `partial`, the results so far.
    pub(crate) asks_partial: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantified {
    pub(crate) every: bool,
    pub(crate) domains: Vec<Domain>,
    pub(crate) condition: Expr,
}

/// `x in a`, or `x in 1..10`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Domain {
    pub(crate) name: Arc<str>,
    pub(crate) start: Expr,
    pub(crate) end: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain {
    pub(crate) first: Expr,
    pub(crate) rest: Vec<(Operator, usize, Expr)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

impl Operator {
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Power => "**",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RangeEnds {
    pub(crate) start_included: bool,
    pub(crate) start: Expr,
    pub(crate) end: Expr,
    pub(crate) end_included: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Path(usize, Arc<str>),
    Filter(usize, Expr),
    Call(usize, Arguments),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Arguments {
    Positional(Vec<Expr>),
    Named(Vec<(Arc<str>, Expr)>),
}

/// A test of a value: `< 10`, a range, a value, `not(…)`, or `-` for anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Compare(Comparison, Expr),
    Expression(Expr),
    /// An expression that says `?`, the value that is tested: it is its own answer.
    Condition(Expr),
    Not(Vec<Self>),
    Any,
}

/// A type, as `instance of` and parameters have it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Any,
    Null,
    Boolean,
    Number,
    String,
    Date,
    Time,
    DateTime,
    DaysTimeDuration,
    YearsMonthsDuration,
    List(Box<Self>),
    Context(Vec<(Arc<str>, Self)>),
    Range(Box<Self>),
    Function(Option<(Vec<Self>, Box<Self>)>),
    /// A name that FEEL does not know.
    Unknown(Arc<str>),
}
