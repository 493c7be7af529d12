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

/// The names that an expression says, functions' bodies included.
///
/// The tree is walked with a list of what is left: a deep one needs no deep stack.
pub(crate) fn names(expr: &Expr) -> impl Iterator<Item = &str> {
    let mut left = vec![expr];
    std::iter::from_fn(move || {
        while let Some(expr) = left.pop() {
            if let Kind::Name(name) = &expr.kind {
                return Some(&**name);
            }
            push_parts(expr, &mut left);
        }
        None
    })
}

fn push_parts<'a>(expr: &'a Expr, parts: &mut Vec<&'a Expr>) {
    match &expr.kind {
        Kind::Literal(_) | Kind::Name(_) => {}
        Kind::List(items) | Kind::Or(items) | Kind::And(items) => parts.extend(items),
        Kind::Context(entries) => parts.extend(entries.iter().map(|(_, entry)| entry)),
        Kind::Function(definition) => parts.extend(definition.body.as_deref()),
        Kind::If(conditional) => {
            parts.extend(conditional.branches.iter().flat_map(|(it, then)| [it, then]));
            parts.push(&conditional.otherwise);
        }
        Kind::For(iteration) => {
            push_domains(&iteration.domains, parts);
            parts.push(&iteration.body);
        }
        Kind::Quantified(quantified) => {
            push_domains(&quantified.domains, parts);
            parts.push(&quantified.condition);
        }
        Kind::Negate(operand) => parts.push(operand),
        Kind::Chain(chain) => {
            parts.push(&chain.first);
            parts.extend(chain.rest.iter().map(|(_, _, operand)| operand));
        }
        Kind::Compare(operands) => parts.extend([&operands.0, &operands.2]),
        Kind::Between(operands) => parts.extend(&**operands),
        Kind::In(operands) => {
            parts.push(&operands.0);
            push_tests(&operands.1, parts);
        }
        Kind::InstanceOf(operands) => parts.push(&operands.0),
        Kind::Range(ends) => parts.extend([&ends.start, &ends.end]),
        Kind::ComparisonRange(operands) => parts.push(&operands.1),
        Kind::Postfix(operands) => {
            parts.push(&operands.0);
            for step in &operands.1 {
                match step {
                    Step::Path(..) => {}
                    Step::Filter(_, filter) => parts.push(filter),
                    Step::Call(_, Arguments::Positional(arguments)) => parts.extend(arguments),
                    Step::Call(_, Arguments::Named(arguments)) => {
                        parts.extend(arguments.iter().map(|(_, argument)| argument));
                    }
                }
            }
        }
    }
}

fn push_domains<'a>(domains: &'a [Domain], parts: &mut Vec<&'a Expr>) {
    parts.extend(
        domains.iter().flat_map(|domain| [Some(&domain.start), domain.end.as_ref()]).flatten(),
    );
}

fn push_tests<'a>(tests: &'a [Test], parts: &mut Vec<&'a Expr>) {
    for test in tests {
        match test {
            Test::Compare(_, expr) | Test::Expression(expr) => parts.push(expr),
            Test::Not(tests) => push_tests(tests, parts),
            Test::Any => {}
        }
    }
}
