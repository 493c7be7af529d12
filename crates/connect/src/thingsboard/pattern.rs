//! Patterns over metadata and data: `${key}`, `${*}`, `$[path]`, `$[*]`.

use std::fmt;

use serde_json::{Map, Value};

use super::java;

/// The longest text that a pattern may become: ten times the largest record of a default producer.
const RESULT_MAX: usize = 10 << 20;

/// Why a pattern gives no text. The node tells only that it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// The data is no JSON, or is empty. Patterns without placeholders need it too.
    Data(String),
    /// What was put in makes the text longer than 10 MiB.
    TooLong,
}

impl PatternError {
    /// All that the node tells.
    pub(super) const SENTENCE: &str = "Failed to process pattern!";
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::SENTENCE)?;
        match self {
            Self::Data(why) => write!(f, " The data is no JSON: {why}"),
            Self::TooLong => write!(f, " The result is longer than {RESULT_MAX} bytes"),
        }
    }
}

impl std::error::Error for PatternError {}

/// The text that a pattern stands for.
///
/// In this order, each once: `${*}` becomes the metadata as a JSON object, `${key}` the value of a key
/// of the metadata, `$[*]` the data as compact JSON, and, when the data is an object, `$[a.b.c]` the
/// scalar at that path. Whatever finds nothing, or finds no scalar, stays as it is; arrays have no paths.
/// Placeholders in values that were put in by an earlier of these steps are found too.
///
/// ```
/// use milena_connect::thingsboard::process_pattern;
/// # use serde_json::json;
///
/// let metadata = json!({ "deviceType": "thermostat" });
/// let metadata = metadata.as_object().ok_or("a table")?;
/// let data = r#"{"position":{"floor":3}}"#;
/// let text = process_pattern("${deviceType}-$[position.floor]-${none}", metadata, data)?;
/// assert_eq!(text, "thermostat-3-${none}");
/// assert!(process_pattern("constant", metadata, "no JSON").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`PatternError`] when the data is no JSON, or the text would be longer than 10 MiB.
pub fn process_pattern(
    pattern: &str,
    metadata: &Map<String, Value>,
    data: &str,
) -> Result<String, PatternError> {
    let json: Value =
        serde_json::from_str(data).map_err(|error| PatternError::Data(error.to_string()))?;
    process(pattern, metadata, &json)
}

/// As [`process_pattern`], with data that was read already.
pub(super) fn process(
    pattern: &str,
    metadata: &Map<String, Value>,
    json: &Value,
) -> Result<String, PatternError> {
    let mut text = pattern.to_owned();
    if text.contains("${*}") {
        let all = Value::Object(metadata.clone()).to_string();
        replace(&mut text, "${*}", &all)?;
    }
    if text.contains("${") {
        for (key, value) in metadata {
            let Some(value) = java::scalar(value) else { continue };
            replace(&mut text, &format!("${{{key}}}"), &value)?;
        }
    }
    if text.contains("$[*]") {
        replace(&mut text, "$[*]", &java::compact(json))?;
    }
    if json.is_object() {
        for path in paths(&text) {
            if let Some(value) = at(json, &path).and_then(java::scalar) {
                replace(&mut text, &format!("$[{path}]"), &value)?;
            }
        }
    }
    Ok(text)
}

/// Puts a value wherever the placeholder stands. Checked before it is done: a short placeholder and a
/// long value, one inside the other, would fill any memory.
fn replace(text: &mut String, placeholder: &str, value: &str) -> Result<(), PatternError> {
    let count = text.matches(placeholder).count();
    if count == 0 {
        return Ok(());
    }
    if count.saturating_mul(value.len()).saturating_add(text.len()) > RESULT_MAX {
        return Err(PatternError::TooLong);
    }
    *text = text.replace(placeholder, value);
    Ok(())
}

/// The paths between `$[` and the next `]`, on one line, each once.
fn paths(text: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut rest = text;
    while let Some(start) = rest.find("$[") {
        let behind = &rest[start + 2..];
        let Some(end) = behind.find(']') else { break };
        let path = &behind[..end];
        let line_end = path.find(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        if let Some(line_end) = line_end {
            // A placeholder does not go over the end of a line, but another may begin behind it.
            rest = &behind[line_end..];
            continue;
        }
        if seen.insert(path) {
            paths.push(path.to_owned());
        }
        rest = &behind[end + 1..];
    }
    paths
}

/// The value at a path of names with full stops between them; those at its end count for nothing.
fn at<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    let path = if path.is_empty() { return None } else { path.trim_end_matches('.') };
    if path.is_empty() {
        return Some(json);
    }
    path.split('.').try_fold(json, |value, key| match value {
        Value::Object(fields) if !key.is_empty() => fields.get(key),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("a table") };
        map
    }

    fn text(pattern: &str, md: Value, data: Value) -> String {
        process_pattern(pattern, &metadata(md), &data.to_string()).unwrap()
    }

    #[test]
    fn a_simple_pattern_takes_both_kinds_of_key() {
        let pattern = "ABC ${key} $[key2]";
        let given = text(pattern, json!({ "key": "md" }), json!({ "key2": "data" }));
        assert_eq!(given, "ABC md data");
    }

    #[test]
    fn what_matches_nothing_stays() {
        let pattern = "ABC ${key} $[key2]";
        assert_eq!(text(pattern, json!({}), json!({})), pattern);
    }

    #[test]
    fn the_same_key_can_be_in_both() {
        let given = text("${key}|$[key]", json!({ "key": "md" }), json!({ "key": "data" }));
        assert_eq!(given, "md|data");
    }

    #[test]
    fn a_path_goes_into_nested_objects() {
        let data = json!({ "a": { "b": { "c": "deep", "n": null, "t": true, "f": 22.5 } } });
        let pattern = "$[a.b.c] $[a.b.n] $[a.b.t] $[a.b.f] $[a.b] $[a.x.c] $[.a] $[a..b] $[]";
        let given = text(pattern, json!({}), data);
        assert_eq!(given, "deep null true 22.5 $[a.b] $[a.x.c] $[.a] $[a..b] $[]");
    }

    #[test]
    fn an_index_of_an_array_is_left_as_it_is() {
        let data = json!({ "a": [{ "b": 1 }, 2] });
        let pattern = "$[a[0].b] $[a.0] $[a] $[a[0]]";
        assert_eq!(text(pattern, json!({}), data), pattern);
    }

    #[test]
    fn stars_give_everything() {
        let md = json!({ "k": "v", "q": "\"" });
        let data = json!({ "t": 22.5, "o": { "x": 1 } });
        let (all_md, all_data) = (r#"{"k":"v","q":"\""}"#, r#"{"t":22.5,"o":{"x":1}}"#);
        for (pattern, expected) in [
            ("${*}", all_md.to_owned()),
            ("$[*]", all_data.to_owned()),
            ("${*} ${*}", format!("{all_md} {all_md}")),
            ("$[*] $[*]", format!("{all_data} {all_data}")),
            ("${*} $[*]", format!("{all_md} {all_data}")),
            ("${*} ${k} $[*] $[o.x]", format!("{all_md} v {all_data} 1")),
        ] {
            assert_eq!(text(pattern, md.clone(), data.clone()), expected, "{pattern}");
        }
        assert_eq!(text("${*}$[*]", json!({}), json!({})), "{}{}");
    }

    #[test]
    fn data_that_is_an_array_has_a_star_but_no_paths() {
        assert_eq!(text("$[*] $[0]", json!({}), json!([{ "a": 1 }, 2.0])), r#"[{"a":1},2.0] $[0]"#);
    }

    #[test]
    fn a_value_of_the_metadata_can_hold_a_placeholder_of_the_data() {
        let given = text("${p}", json!({ "p": "$[x]" }), json!({ "x": "found" }));
        assert_eq!(given, "found");
    }

    #[test]
    fn data_that_is_no_json_or_empty_fails_constant_patterns_too() {
        for data in ["", "no JSON", "{\"a\":"] {
            let error = process_pattern("topic", &Map::new(), data).unwrap_err();
            assert!(error.to_string().starts_with("Failed to process pattern!"), "{error}");
        }
        assert_eq!(process_pattern("topic", &Map::new(), "7").unwrap(), "topic");
    }

    #[test]
    fn values_that_multiply_are_stopped() {
        let pattern = "${a}".repeat(1000);
        let md = metadata(json!({ "a": "${b}".repeat(1000), "b": "${c}".repeat(1000) }));
        assert_eq!(process_pattern(&pattern, &md, "{}"), Err(PatternError::TooLong));
    }

    #[test]
    fn a_placeholder_ends_with_its_line() {
        let given = text("$[a\nb] $[a]", json!({}), json!({ "a": 1 }));
        assert_eq!(given, "$[a\nb] 1");
    }
}
