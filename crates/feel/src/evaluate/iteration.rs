//! `for`, `some` and `every`.

use std::sync::Arc;

use super::{Evaluator, Frame, Outcome};
use crate::{
    EvaluationError, Number, Rounding,
    ast::{Domain, Expr, Iteration, Quantified},
    temporal::Date,
    value::{List, Range, Value},
};

/// What a name goes over.
enum Items {
    List(List),
    /// From one number or day to another, both included, up or down.
    Steps {
        next: i64,
        last: i64,
        days: bool,
    },
}

impl Items {
    fn get(&self, index: usize) -> Option<Value> {
        match self {
            Self::List(list) => list.items().get(index).cloned(),
            Self::Steps { next, last, days } => {
                let index = i64::try_from(index).ok()?;
                let distance = last.checked_sub(*next)?;
                if index > distance.checked_abs()? {
                    return None;
                }
                let value = next + index * distance.signum();
                if *days {
                    Date::from_epoch_days(value).map(Value::from)
                } else {
                    Some(value.into())
                }
            }
        }
    }
}

/// What is done with each combination of items; false ends the walk.
type Visit<'v, 'e> = dyn FnMut(&mut Evaluator<'e>, &Frame) -> Result<bool, EvaluationError> + 'v;

impl<'e> Evaluator<'e> {
    pub(super) fn iteration(&mut self, iteration: &Iteration, frame: &Frame) -> Outcome {
        let mut results = List::from(Vec::new());
        let partial: Arc<str> = "partial".into();
        let walked = self.walk(&iteration.domains, frame, &mut |evaluator, frame| {
            let value = if iteration.asks_partial {
                let so_far = (Arc::clone(&partial), results.clone().into());
                evaluator.evaluate(&iteration.body, &frame.with(vec![so_far]))?
            } else {
                evaluator.evaluate(&iteration.body, frame)?
            };
            if results.push(value) {
                evaluator.step(results.len())?;
            }
            evaluator.check(results.shape())?;
            Ok(true)
        })?;
        Ok(if walked { results.into() } else { Value::Null })
    }

    pub(super) fn quantified(&mut self, quantified: &Quantified, frame: &Frame) -> Outcome {
        // One true decides `some`, one false `every`.
        let decides = !quantified.every;
        let mut decided = false;
        let mut unknown = false;
        let walked = self.walk(&quantified.domains, frame, &mut |evaluator, frame| {
            let value = evaluator.evaluate(&quantified.condition, frame)?;
            decided = value.as_boolean() == Some(decides);
            unknown |= value.as_boolean().is_none();
            Ok(!decided)
        })?;
        Ok(if decided {
            decides.into()
        } else if unknown || !walked {
            Value::Null
        } else {
            (!decides).into()
        })
    }

    /// Visits every combination of the domains' items, the last domain's fastest. Returns false
    /// where a domain has no items to go over.
    fn walk(
        &mut self,
        domains: &[Domain],
        frame: &Frame,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<bool, EvaluationError> {
        let Some((domain, rest)) = domains.split_first() else {
            return Ok(true);
        };
        let Some(items) = self.items_of(domain, frame)? else { return Ok(false) };
        let mut index = 0;
        while let Some(item) = items.get(index) {
            self.step(1)?;
            index += 1;
            let inner = frame.with(vec![(Arc::clone(&domain.name), item)]);
            if rest.is_empty() {
                if !visit(self, &inner)? {
                    return Ok(true);
                }
            } else {
                let mut goes_on = true;
                let walked = self.deeper(|evaluator| {
                    evaluator.walk(rest, &inner, &mut |evaluator, frame| {
                        goes_on = visit(evaluator, frame)?;
                        Ok(goes_on)
                    })
                })?;
                if !walked || !goes_on {
                    return Ok(walked);
                }
            }
        }
        Ok(true)
    }

    fn items_of(
        &mut self,
        domain: &Domain,
        frame: &Frame,
    ) -> Result<Option<Items>, EvaluationError> {
        let start = self.evaluate(&domain.start, frame)?;
        let items = match &domain.end {
            Some(end) => {
                let end: &Expr = end;
                let end = self.evaluate(end, frame)?;
                steps(&start, &end)
            }
            None => match start {
                Value::Range(range) => range_steps(&range),
                Value::Null => None,
                other => Some(Items::List(other.into_list())),
            },
        };
        if items.is_none() {
            self.at = domain.start.at;
            self.null("only lists and ranges of whole numbers or dates can be gone over");
        }
        Ok(items)
    }
}

/// The whole numbers or the days from one to the other.
fn steps(start: &Value, end: &Value) -> Option<Items> {
    match (start, end) {
        (Value::Number(start), Value::Number(end)) => {
            let (next, last) = (start.to_i64()?, end.to_i64()?);
            Some(Items::Steps { next, last, days: false })
        }
        (Value::Date(start), Value::Date(end)) => {
            Some(Items::Steps { next: start.epoch_days(), last: end.epoch_days(), days: true })
        }
        _ => None,
    }
}

/// The whole numbers or the days of a range, which goes up.
fn range_steps(range: &Range) -> Option<Items> {
    let (next, last, days) = match (range.start()?, range.end()?) {
        (Value::Number(start), Value::Number(end)) => {
            let whole = |number: &Number, rounding| number.round_to(0, rounding)?.to_i64();
            let open_start = !range.is_start_included() && start.is_integer();
            let open_end = !range.is_end_included() && end.is_integer();
            let next = whole(start, Rounding::Ceiling)?.checked_add(i64::from(open_start))?;
            let last = whole(end, Rounding::Floor)?.checked_sub(i64::from(open_end))?;
            (next, last, false)
        }
        (Value::Date(start), Value::Date(end)) => {
            let next = start.epoch_days() + i64::from(!range.is_start_included());
            let last = end.epoch_days() - i64::from(!range.is_end_included());
            (next, last, true)
        }
        _ => return None,
    };
    if range.comparison.is_some() || crate::value::compare(range.start()?, range.end()?)?.is_gt() {
        return None;
    }
    if next > last {
        return Some(Items::List(List::from(Vec::new())));
    }
    Some(Items::Steps { next, last, days })
}
