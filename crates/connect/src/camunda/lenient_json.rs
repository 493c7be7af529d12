//! JSON as the connectors read it: texts may stand in single quotes and have raw control characters.

use serde_json::{Deserializer, Value};

/// The first value of a text, whatever stands behind it; `None` when there is none.
pub(super) fn parse_first(text: &str) -> Option<Value> {
    let strict = strict(text);
    Deserializer::from_str(&strict).into_iter::<Value>().next()?.ok()
}

/// The value that a whole text is; `None` when it is none.
pub(super) fn parse_whole(text: &str) -> Option<Value> {
    serde_json::from_str(&strict(text)).ok()
}

/// The same text in JSON's own spelling.
fn strict(text: &str) -> String {
    let mut strict = String::with_capacity(text.len());
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let Some(open) = quote else {
            if matches!(character, '"' | '\'') {
                quote = Some(character);
                strict.push('"');
            } else {
                strict.push(character);
            }
            continue;
        };
        match character {
            '\\' => match characters.next() {
                // JSON knows no such escape.
                Some('\'') => strict.push('\''),
                Some(escaped) => strict.extend(['\\', escaped]),
                None => strict.push('\\'),
            },
            character if character == open => {
                quote = None;
                strict.push('"');
            }
            '"' => strict.push_str("\\\""),
            character if u32::from(character) < 0x20 => {
                strict.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            character => strict.push(character),
        }
    }
    strict
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_single_quotes_and_raw_control_characters() {
        for (text, expected) in [
            ("{'a': 'it\\'s \"b\"'}", Some(json!({ "a": "it's \"b\"" }))),
            ("{\"a\": \"x\n\ty\u{1}\"}", Some(json!({ "a": "x\n\ty\u{1}" }))),
            (r#"{"a": "{\"valid\":true}"}"#, Some(json!({ "a": "{\"valid\":true}" }))),
            (r#"{"a": "it's \\ \u00e4"}"#, Some(json!({ "a": "it's \\ ä" }))),
            ("plain text", None),
            ("", None),
            ("'open", None),
            ("\"open\\", None),
        ] {
            assert_eq!(parse_whole(text), expected, "{text}");
        }
    }

    #[test]
    fn the_first_value_is_enough_where_that_is_asked_for() {
        assert_eq!(parse_first("1 abc"), Some(json!(1)));
        assert_eq!(parse_whole("1 abc"), None);
        assert_eq!(parse_first("{\"a\":1}{\"a\":2}"), Some(json!({ "a": 1 })));
        assert_eq!(parse_first(&"[".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn what_is_json_stays_what_it_is(text in "\\PC*", number in any::<i64>()) {
            let value = json!({ "text": text, "list": [number, null, true] });
            prop_assert_eq!(parse_whole(&value.to_string()), Some(value.clone()));
            prop_assert_eq!(parse_first(&value.to_string()), Some(value));
        }

        #[test]
        fn any_text_is_read_or_is_not(text in "\\PC*") {
            let _ = (parse_first(&text), parse_whole(&text));
        }
    }
}
