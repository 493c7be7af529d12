//! Filters: `list[condition]` and `list[number]`.

use super::{Evaluator, Frame, Outcome};
use crate::{
    Number,
    ast::Expr,
    value::{List, Value},
};

impl Evaluator<'_> {
    /// `value[filter]`; what is no list is the only item of one.
    pub(super) fn filter(&mut self, value: Value, filter: &Expr, frame: &Frame) -> Outcome {
        let list = value.into_list();
        let at = self.at;
        let Some(first) = list.items().first() else {
            let filter = self.evaluate(filter, frame)?;
            return Ok(if filter.as_number().is_some() { Value::Null } else { list.into() });
        };
        let decision = self.evaluate(filter, &frame.with_item(first.clone()))?;
        self.at = at;
        match decision {
            Value::Number(index) => Ok(self.item(&list, index)),
            decision => self.matching(&list, decision, filter, frame),
        }
    }

    /// The item at an index: from 1, or from -1 for the last.
    pub(crate) fn item(&mut self, list: &List, index: Number) -> Value {
        let item = index.truncate_to_i64().and_then(|index| position(index, list.len()));
        let item = item.map(|position| list.items()[position].clone());
        self.or_null(item, "there is no item at this index")
    }

    /// The items for which the filter is true; for the first of them it is `decision`.
    fn matching(&mut self, list: &List, decision: Value, filter: &Expr, frame: &Frame) -> Outcome {
        let mut kept = Vec::new();
        let mut decision = Some(decision);
        for item in list.items() {
            self.step(1)?;
            let decision = match decision.take() {
                Some(decision) => decision,
                None => self.evaluate(filter, &frame.with_item(item.clone()))?,
            };
            match decision {
                Value::Boolean(true) => kept.push(item.clone()),
                Value::Boolean(false) | Value::Null => {}
                other => {
                    let kind = other.kind();
                    let reason = format!("a filter is a boolean or a number, not a {kind}");
                    return Ok(self.null(reason));
                }
            }
        }
        self.list(kept)
    }
}

/// The position of an index that counts from 1, or backwards from -1.
pub(crate) fn position(index: i64, length: usize) -> Option<usize> {
    let magnitude = usize::try_from(index.unsigned_abs()).ok()?;
    if magnitude == 0 || magnitude > length {
        return None;
    }
    Some(if index > 0 { magnitude - 1 } else { length - magnitude })
}
