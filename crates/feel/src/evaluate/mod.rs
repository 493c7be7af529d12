//! Evaluates a tree: from an expression and what its names stand for to a value.
//!
//! FEEL has no errors: what does not go comes to null, and says why in a warning. An evaluation ends
//! with an error where it would go beyond a limit, and only there.
//!
//! 1. Every part that is evaluated costs a step, and so does every item and every 32 bytes of a text.
//! 2. Every list, context and string that is made is held to the limit of size, counted as if
//!    nothing in it were shared: walking over a value is bounded by that.
//! 3. Every recursion goes through [`Evaluator::deeper`], or over a value, whose depth is bounded.

mod arithmetic;
mod calls;
mod comparison;
mod conformity;
mod filter;
mod frame;
mod iteration;
mod path;
mod tests;

pub(crate) use self::{
    comparison::is_in_range, conformity::conforms, filter::position, frame::Frame,
};
use crate::{
    Environment,
    ast::{Conditional, Definition, Expr, Kind},
    builtins::Patterns,
    error::{EvaluationError, EvaluationErrorKind},
    value::{Closure, Context, Function, List, Range, Shape, Value},
};

/// What a part of an expression comes to.
pub(crate) type Outcome = Result<Value, EvaluationError>;

/// The most warnings that are kept.
const WARNINGS_MAX: usize = 100;

/// An evaluation under way.
pub(crate) struct Evaluator<'a> {
    pub(crate) environment: &'a Environment<'a>,
    steps_left: u64,
    depth: u32,
    /// The byte of the text that is evaluated, for warnings.
    pub(crate) at: usize,
    warnings: Vec<(usize, String)>,
    pub(crate) patterns: Patterns,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(environment: &'a Environment<'a>) -> Self {
        let steps_left = environment.limits.steps_max;
        Self {
            environment,
            steps_left,
            depth: 0,
            at: 0,
            warnings: Vec::new(),
            patterns: Patterns::default(),
        }
    }

    /// Each warning and the byte of the text that it is about.
    pub(crate) fn into_warnings(self) -> Vec<(usize, String)> {
        self.warnings
    }

    /// Null, for a reason that is recorded.
    pub(crate) fn null(&mut self, reason: impl Into<String>) -> Value {
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push((self.at, reason.into()));
        }
        Value::Null
    }

    /// The value, or null for a reason that is recorded.
    pub(crate) fn or_null(&mut self, value: Option<Value>, reason: &str) -> Value {
        value.unwrap_or_else(|| self.null(reason))
    }

    /// Takes some steps.
    pub(crate) fn step(&mut self, steps: usize) -> Result<(), EvaluationError> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                self.steps_left = 0;
                let limit = self.environment.limits.steps_max;
                Err(EvaluationError {
                    kind: EvaluationErrorKind::Steps,
                    message: format!("the evaluation takes more than steps_max = {limit} steps"),
                })
            }
        }
    }

    /// Takes the steps that walking over a value takes.
    pub(crate) fn step_over(&mut self, value: &Value) -> Result<(), EvaluationError> {
        self.step(usize::try_from(value.shape().bytes / 32).unwrap_or(usize::MAX))
    }

    /// Goes a level deeper.
    pub(crate) fn deeper<T>(
        &mut self,
        evaluate: impl FnOnce(&mut Self) -> Result<T, EvaluationError>,
    ) -> Result<T, EvaluationError> {
        self.check_depth(self.depth + 1)?;
        self.depth += 1;
        let outcome = evaluate(self);
        self.depth -= 1;
        outcome
    }

    fn check_depth(&self, depth: u32) -> Result<(), EvaluationError> {
        let limit = self.environment.limits.depth_max;
        if depth <= limit {
            return Ok(());
        }
        Err(EvaluationError {
            kind: EvaluationErrorKind::Depth,
            message: format!("the evaluation goes more than depth_max = {limit} levels deep"),
        })
    }

    /// Holds a value to the limits of size and depth.
    pub(crate) fn check(&self, shape: Shape) -> Result<(), EvaluationError> {
        let limit = self.environment.limits.value_bytes_max;
        if shape.bytes > limit {
            return Err(EvaluationError {
                kind: EvaluationErrorKind::Size,
                message: format!("a value has more than value_bytes_max = {limit} bytes"),
            });
        }
        self.check_depth(shape.depth)
    }

    /// A string that was made.
    pub(crate) fn text(&mut self, text: String) -> Outcome {
        self.step(text.len() / 32)?;
        self.check(Shape::of_text(&text))?;
        Ok(text.into())
    }

    /// A list that was made.
    pub(crate) fn list(&mut self, items: Vec<Value>) -> Outcome {
        self.step(items.len())?;
        let list = List::from(items);
        self.check(list.shape())?;
        Ok(list.into())
    }

    /// A context that was made.
    pub(crate) fn context(&mut self, context: Context) -> Outcome {
        self.step(context.len())?;
        self.check(context.shape())?;
        Ok(context.into())
    }

    /// Evaluates a part, with what its names stand for in the frame.
    pub(crate) fn evaluate(&mut self, expr: &Expr, frame: &Frame) -> Outcome {
        self.step(1)?;
        self.at = expr.at;
        match &expr.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Name(name) => Ok(self.name(name, frame)),
            _ => self.deeper(|evaluator| evaluator.branch(expr, frame)),
        }
    }

    /// Evaluates a part that has parts.
    fn branch(&mut self, expr: &Expr, frame: &Frame) -> Outcome {
        match &expr.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Name(name) => Ok(self.name(name, frame)),
            Kind::List(items) => self.items(items, frame),
            Kind::Context(entries) => self.entries(entries, frame),
            Kind::Function(definition) => self.closure(definition, frame),
            Kind::If(conditional) => self.conditional(conditional, frame),
            Kind::For(iteration) => self.iteration(iteration, frame),
            Kind::Quantified(quantified) => self.quantified(quantified, frame),
            Kind::Or(operands) => self.logic(operands, true, frame),
            Kind::And(operands) => self.logic(operands, false, frame),
            Kind::Negate(operand) => self.negation(operand, frame),
            Kind::Chain(chain) => self.chain(chain, frame),
            Kind::Compare(parts) => self.comparison(parts, frame),
            Kind::Between(parts) => self.between(parts, frame),
            Kind::In(parts) => self.membership(&parts.0, &parts.1, frame),
            Kind::InstanceOf(parts) => {
                let value = self.evaluate(&parts.0, frame)?;
                self.step_over(&value)?;
                Ok(self.instance_of(&value, &parts.1))
            }
            Kind::Range(ends) => {
                let start = self.evaluate(&ends.start, frame)?;
                let end = self.evaluate(&ends.end, frame)?;
                let range = Range::new(start, ends.start_included, end, ends.end_included);
                self.range(range)
            }
            Kind::ComparisonRange(parts) => {
                let value = self.evaluate(&parts.1, frame)?;
                self.range(Range::of_comparison(parts.0, value))
            }
            Kind::Postfix(parts) => self.postfix(&parts.0, &parts.1, frame),
        }
    }

    fn range(&mut self, range: Range) -> Outcome {
        let range = Value::from(range);
        self.check(range.shape())?;
        Ok(range)
    }

    /// What a name stands for: in the frame, or as a builtin function.
    pub(crate) fn name(&mut self, name: &str, frame: &Frame) -> Value {
        if let Some(value) = frame.get(name) {
            return value;
        }
        if let Some(builtin) = crate::builtins::find(name) {
            return Value::Function(Function(crate::value::FunctionKind::Builtin(builtin)));
        }
        self.null(format!("there is no '{name}'"))
    }

    fn items(&mut self, items: &[Expr], frame: &Frame) -> Outcome {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.evaluate(item, frame)?);
        }
        self.list(values)
    }

    /// A context: each entry sees those before it.
    fn entries(&mut self, entries: &[(std::sync::Arc<str>, Expr)], frame: &Frame) -> Outcome {
        let mut frame = frame.clone();
        let mut made = indexmap::IndexMap::with_capacity(entries.len());
        for (name, expr) in entries {
            let value = match self.evaluate(expr, &frame)? {
                Value::Function(function) => Value::Function(function.named(name)),
                value => value,
            };
            if made.insert(std::sync::Arc::clone(name), value.clone()).is_some() {
                return Ok(self.null(format!("two entries are called '{name}'")));
            }
            frame.bind(name, value);
        }
        self.context(Context::from(made))
    }

    fn closure(&mut self, definition: &Definition, frame: &Frame) -> Outcome {
        let shape = Shape { bytes: 64, depth: frame.depth() + 1 };
        self.check(shape)?;
        let closure = Closure {
            parameters: std::sync::Arc::clone(&definition.parameters),
            body: definition.body.clone(),
            frame: frame.clone(),
            name: None,
            shape,
        };
        Ok(Value::Function(Function::of(closure)))
    }

    fn conditional(&mut self, conditional: &Conditional, frame: &Frame) -> Outcome {
        for (condition, value) in &conditional.branches {
            let condition = self.evaluate(condition, frame)?;
            if condition == Value::Boolean(true) {
                return self.evaluate(value, frame);
            }
            if condition.as_boolean().is_none() {
                let kind = condition.kind();
                self.null(format!(
                    "a condition must be a boolean, and is a {kind}: it counts as false"
                ));
            }
        }
        self.evaluate(&conditional.otherwise, frame)
    }
}
