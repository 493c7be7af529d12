//! The field `offsets`: where each partition begins.

use serde_json::Value;

use crate::{
    settings::{Field, FieldKind, TableReader},
    subscription::Starts,
};

const NAME: &str = "offsets";

pub(super) const FIELD: Field = Field::optional(
    NAME,
    "Offsets",
    FieldKind::Json,
    "an offset for each partition, null to leave one, as a list or as a text such as \"1,2\"",
)
.example("[0, null, 12]");

/// The offsets; the outer `None` is a problem, which is told.
pub(super) fn read(reader: &mut TableReader<'_, '_>) -> Option<Option<Starts>> {
    let Some(value) = reader.json(NAME) else { return Some(None) };
    if value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Some(None);
    }
    let starts = parse(&value);
    if starts.is_none() {
        reader.problem(
            NAME,
            format_args!("is {value}: expected offsets from 0 on, such as [1, 2] or \"1,2\""),
        );
    }
    starts.map(Some)
}

/// `[1,2]`, `"=[1,2]"`, `"[1,2]"`, `"1"`, `"1,2"` and `"1,2,"`; null leaves a partition.
fn parse(value: &Value) -> Option<Starts> {
    match value {
        Value::Number(_) => Some(vec![one(value)?]),
        Value::Array(items) => items.iter().map(one).collect(),
        Value::String(text) => {
            let text = text.trim();
            let text = text.strip_prefix('=').unwrap_or(text).trim();
            let list = match text.strip_prefix('[') {
                Some(rest) => rest.strip_suffix(']')?,
                None => text,
            };
            let list = list.trim().strip_suffix(',').unwrap_or(list);
            list.split(',').map(|item| one(&Value::from(item))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

fn one(value: &Value) -> Option<Option<i64>> {
    let offset = match value {
        Value::Null => return Some(None),
        Value::String(text) if text.trim() == "null" => return Some(None),
        Value::String(text) => text.trim().parse().ok()?,
        Value::Number(number) => number.as_i64()?,
        _ => return None,
    };
    (offset >= 0).then_some(Some(offset))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_the_field_is_read() {
        let two = Some(vec![Some(1), Some(2)]);
        for value in [
            json!("=[1,2]"),
            json!("[1,2]"),
            json!("1,2"),
            json!("1,2,"),
            json!([1, 2]),
            json!(["1", "2"]),
            json!(" = [ 1 , 2 ] "),
        ] {
            assert_eq!(parse(&value), two, "{value}");
        }
        for value in [json!("1"), json!(1), json!([1]), json!("[1]")] {
            assert_eq!(parse(&value), Some(vec![Some(1)]), "{value}");
        }
        assert_eq!(parse(&json!([null, 7])), Some(vec![None, Some(7)]));
        assert_eq!(parse(&json!("null,7")), Some(vec![None, Some(7)]));
        for value in [
            json!("[1,2"),
            json!("1,,2"),
            json!("x"),
            json!([-1]),
            json!([1.5]),
            json!({}),
            json!(true),
            json!(","),
        ] {
            assert_eq!(parse(&value), None, "{value}");
        }
    }
}
