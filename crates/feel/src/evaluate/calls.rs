//! Paths, filters and invocations, one after the other; and functions that an expression defines.

use std::sync::Arc;

use super::{Evaluator, Frame, Outcome, conforms};
use crate::{
    ast::{Arguments, Expr, Step},
    builtins::Given,
    value::{Closure, Function, FunctionKind, Value},
};

impl Evaluator<'_> {
    pub(super) fn postfix(&mut self, base: &Expr, steps: &[Step], frame: &Frame) -> Outcome {
        let mut value = self.evaluate(base, frame)?;
        for step in steps {
            self.step(1)?;
            value = match step {
                Step::Path(at, name) => {
                    self.at = *at;
                    self.path(&value, name)?
                }
                Step::Filter(at, filter) => {
                    self.at = *at;
                    self.filter(value, filter, frame)?
                }
                Step::Call(at, arguments) => self.call_step(&value, *at, arguments, frame)?,
            };
        }
        Ok(value)
    }

    fn call_step(
        &mut self,
        function: &Value,
        at: usize,
        arguments: &Arguments,
        frame: &Frame,
    ) -> Outcome {
        let mut names = Vec::new();
        let mut values = Vec::new();
        match arguments {
            Arguments::Positional(arguments) => {
                for argument in arguments {
                    values.push(self.evaluate(argument, frame)?);
                }
            }
            Arguments::Named(arguments) => {
                for (name, argument) in arguments {
                    names.push(Arc::clone(name));
                    values.push(self.evaluate(argument, frame)?);
                }
            }
        }
        self.at = at;
        let Value::Function(function) = function else {
            return Ok(self.null(format!("a {} cannot be invoked", function.kind())));
        };
        let given = if matches!(arguments, Arguments::Named(_)) {
            Given::Named(names.into_iter().zip(values).collect())
        } else {
            Given::Positional(values)
        };
        self.invoke(function, given)
    }

    /// Invokes a function with the arguments.
    pub(crate) fn invoke(&mut self, function: &Function, given: Given) -> Outcome {
        let at = self.at;
        let outcome = match &function.0 {
            FunctionKind::Builtin(builtin) => {
                self.deeper(|evaluator| crate::builtins::invoke(builtin, given, evaluator))
            }
            FunctionKind::Closure(closure) => {
                self.deeper(|evaluator| evaluator.invoke_closure(function, closure, given))
            }
        };
        self.at = at;
        outcome
    }

    fn invoke_closure(
        &mut self,
        function: &Function,
        closure: &Arc<Closure>,
        given: Given,
    ) -> Outcome {
        let Some(body) = &closure.body else {
            return Ok(self.null("an external function cannot be invoked here"));
        };
        let expected = closure.parameters.len();
        let values = match given {
            Given::Positional(values) => values,
            Given::Named(mut named) => {
                let mut values = Vec::with_capacity(expected);
                for parameter in &*closure.parameters {
                    let found = named.iter().position(|(name, _)| *name == parameter.name);
                    let Some(found) = found else {
                        let name = &parameter.name;
                        return Ok(self.null(format!("the function needs an argument '{name}'")));
                    };
                    values.push(named.swap_remove(found).1);
                }
                if let Some((name, _)) = named.first() {
                    return Ok(self.null(format!("the function has no parameter '{name}'")));
                }
                values
            }
        };
        if values.len() != expected {
            let found = values.len();
            return Ok(self.null(format!("the function takes {expected} arguments, not {found}")));
        }
        let mut bindings = Vec::with_capacity(expected + 1);
        if let Some(name) = &closure.name {
            bindings.push((Arc::clone(name), Value::Function(function.clone())));
        }
        for (parameter, value) in closure.parameters.iter().zip(values) {
            self.step_over(&value)?;
            let Some(value) = coerced(value, parameter.kind.as_ref()) else {
                let name = &parameter.name;
                return Ok(self.null(format!("the argument '{name}' is not of its type")));
            };
            bindings.push((Arc::clone(&parameter.name), value));
        }
        self.evaluate(body, &closure.frame.with(bindings))
    }
}

/// The value as a value of the type: itself, the only item of it, or a list of it.
fn coerced(value: Value, kind: Option<&crate::ast::Type>) -> Option<Value> {
    let Some(kind) = kind else { return Some(value) };
    if conforms(&value, kind) {
        return Some(value);
    }
    if let Value::List(list) = &value
        && let [only] = list.items()
        && conforms(only, kind)
    {
        return Some(only.clone());
    }
    let list = Value::from(vec![value]);
    conforms(&list, kind).then_some(list)
}
