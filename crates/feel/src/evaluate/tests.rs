//! Tests of a value: `in`, and the cells of decision tables.

use super::{
    Evaluator, Frame, Outcome,
    comparison::{holds, is_in_range},
};
use crate::{
    EvaluationError,
    ast::{Expr, Test},
    value::Value,
};

impl Evaluator<'_> {
    /// `value in (tests)`
    pub(super) fn membership(&mut self, value: &Expr, tests: &[Test], frame: &Frame) -> Outcome {
        let at = value.at;
        let value = self.evaluate(value, frame)?;
        let frame = if tests.iter().any(|test| matches!(test, Test::Condition(_))) {
            &frame.with(vec![("?".into(), value.clone())])
        } else {
            frame
        };
        let passes = self.passes_any(&value, tests, frame, false)?.map(Value::from);
        self.at = at;
        Ok(self.or_null(passes, "the value does not compare to what 'in' gives"))
    }

    /// Whether the value passes one of the tests; none where that cannot be said.
    ///
    /// In a cell, an expression that gives a boolean is its own answer, unless the value is one, too.
    pub(crate) fn passes_any(
        &mut self,
        value: &Value,
        tests: &[Test],
        frame: &Frame,
        cell: bool,
    ) -> Result<Option<bool>, EvaluationError> {
        let mut unknown = false;
        for test in tests {
            self.step(1)?;
            match self.passes(value, test, frame, cell)? {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => unknown = true,
            }
        }
        Ok(if unknown { None } else { Some(false) })
    }

    fn passes(
        &mut self,
        value: &Value,
        test: &Test,
        frame: &Frame,
        cell: bool,
    ) -> Result<Option<bool>, EvaluationError> {
        match test {
            Test::Any => Ok(Some(true)),
            Test::Not(tests) => {
                let passes = self.passes_any(value, tests, frame, cell)?;
                Ok(passes.map(|passes| !passes))
            }
            Test::Compare(comparison, other) => {
                let other = self.evaluate(other, frame)?;
                self.step_over(&other)?;
                Ok(holds(*comparison, value, &other))
            }
            Test::Condition(expr) => Ok(self.evaluate(expr, frame)?.as_boolean()),
            Test::Expression(expr) => {
                let found = self.evaluate(expr, frame)?;
                // A cell may be a condition of its own: then it is no value to compare to.
                let condition =
                    cell && found.as_boolean().is_some() && value.as_boolean().is_none();
                if condition {
                    return Ok(found.as_boolean());
                }
                self.step_over(&found)?;
                Ok(matches(value, &found))
            }
        }
    }
}

/// Whether the value is the tested one, or in it where that is a range or a list.
fn matches(value: &Value, tested: &Value) -> Option<bool> {
    match tested {
        Value::Range(range) => is_in_range(value, range),
        Value::List(list) => {
            let in_items = list.items().iter().any(|item| {
                let passes = match item {
                    Value::Range(range) => is_in_range(value, range),
                    item => value.equals(item),
                };
                passes == Some(true)
            });
            Some(in_items || value.equals(tested) == Some(true))
        }
        tested => value.equals(tested),
    }
}
