//! FEEL expressions in fields: read once, evaluated with JSON; and tables that are written as such.

use std::{
    borrow::Cow,
    time::{SystemTime, UNIX_EPOCH},
};

use milena_feel::{Context, DateTime, Environment, Expression, Zone};
use serde_json::{Map, Value};

use super::authentication;
use crate::settings::{Content, Node, Place, Problems, TableReader};

/// The expression of a field; blank is none. The outer `None` is a problem, which is told.
pub(super) fn read(
    reader: &mut TableReader<'_, '_>,
    name: &'static str,
) -> Option<Option<Expression>> {
    let Some(text) = reader.text(name).filter(|text| !text.trim().is_empty()) else {
        return Some(None);
    };
    match Expression::parse(&text) {
        Ok(expression) => Some(Some(expression)),
        Err(error) => {
            reader.problem(name, format_args!("is no FEEL expression: {error}"));
            None
        }
    }
}

/// The value of an expression, whose variables are these.
pub(super) fn evaluate(
    expression: &Expression,
    scope: &Map<String, Value>,
) -> Result<milena_feel::Value, String> {
    let mut environment = Environment::new().randomness(&|bytes| {
        // Without randomness a jitter is always the same.
        let _ = getrandom::fill(bytes);
    });
    if let Some(now) = now() {
        environment = environment.now(now);
    }
    expression.evaluate(&Context::from_json(scope), &environment).map_err(|error| error.to_string())
}

/// The system's time in UTC.
fn now() -> Option<DateTime> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    DateTime::from_epoch_nanos(i128::try_from(since_1970.as_nanos()).ok()?, Zone::UTC)
}

/// The variables of an expression: the fields of an answer, and the answer itself as `response`.
pub(super) fn scope_of(response: &Value) -> Map<String, Value> {
    let mut scope = response.as_object().cloned().unwrap_or_default();
    scope.insert("response".to_owned(), response.clone());
    scope
}

/// The same configuration, with these of its tables evaluated where they are written as FEEL: `= {a: "b"}`.
/// The expression sees the other fields, but for the credentials.
///
/// An expression that gives null, and a blank text, leave the table out.
pub(super) fn with_tables<'n>(
    node: &'n Node,
    path: &str,
    names: &[&str],
    problems: &mut Problems,
) -> Cow<'n, Node> {
    let Content::Table(entries) = &node.content else { return Cow::Borrowed(node) };
    let is_text = |node: &Node| matches!(&node.content, Content::Text(_));
    if !entries.iter().any(|entry| names.contains(&entry.name.as_str()) && is_text(&entry.node)) {
        return Cow::Borrowed(node);
    }
    let mut scope = match node.to_json() {
        Value::Object(scope) => scope,
        _ => Map::new(),
    };
    scope.remove(authentication::NAME);
    names.iter().for_each(|name| drop(scope.remove(*name)));
    let mut node = node.clone();
    if let Content::Table(entries) = &mut node.content {
        for entry in entries.iter_mut().filter(|entry| names.contains(&entry.name.as_str())) {
            let Content::Text(text) = &entry.node.content else { continue };
            match table(text, &scope) {
                Ok(content) => {
                    let (place, is_secret) = (entry.node.place, entry.node.is_secret);
                    entry.node.content = content;
                    mark(&mut entry.node, place, is_secret);
                }
                Err(problem) => {
                    let dot = if path.is_empty() { "" } else { "." };
                    let message = format!("{path}{dot}{} {problem}", entry.name);
                    problems.push(entry.node.place, message);
                    entry.node.content = Content::Null;
                }
            }
        }
    }
    Cow::Owned(node)
}

/// The table that a text stands for.
fn table(text: &str, scope: &Map<String, Value>) -> Result<Content, String> {
    if text.trim().is_empty() {
        return Ok(Content::Null);
    }
    if !text.trim_start().starts_with('=') {
        return Err(
            "is a text: expected a table, or FEEL that gives one, such as = {a: \"b\"}".into()
        );
    }
    let expression =
        Expression::parse(text).map_err(|error| format!("is no FEEL expression: {error}"))?;
    let value = evaluate(&expression, scope)
        .map_err(|error| format!("cannot be evaluated as FEEL: {error}"))?;
    match Node::from_json(&value.to_json()).content {
        content @ (Content::Table(_) | Content::Null) => Ok(content),
        _ => Err(format!("gives a {} as FEEL: expected a context", value.kind())),
    }
}

/// What an expression gives stands where the expression does, and is as secret as it is.
fn mark(node: &mut Node, place: Option<Place>, is_secret: bool) {
    node.place = place;
    node.is_secret = is_secret;
    match &mut node.content {
        Content::List(items) => items.iter_mut().for_each(|item| mark(item, place, is_secret)),
        Content::Table(entries) => {
            for entry in entries {
                entry.place = place;
                mark(&mut entry.node, place, is_secret);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn evaluated(config: Value) -> Result<Value, String> {
        let node = Node::from_json(&config);
        let mut problems = Problems::default();
        let node = with_tables(&node, "config", &["headers"], &mut problems).into_owned();
        problems.or(Some(node.to_json())).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_table_may_be_written_as_an_expression_over_the_other_fields() {
        for (headers, expected) in [
            (json!({ "a": "=b" }), json!({ "a": "=b" })),
            (
                json!("= {\"a.b\": \"c\", n: 1 + 2, ok: true}"),
                json!({ "a.b": "c", "n": 3, "ok": true }),
            ),
            (json!("={key: message.key}"), json!({ "key": "k" })),
            (json!("=missing"), json!(null)),
            (json!("  "), json!(null)),
            (json!("={p: authentication.password}"), json!({ "p": null })),
        ] {
            let config = json!({
                "headers": headers, "message": { "key": "k" }, "authentication": { "password": "x" },
            });
            assert_eq!(evaluated(config).unwrap()["headers"], expected, "{headers}");
        }
    }

    #[test]
    fn what_is_no_table_is_named() {
        for (headers, expected) in [
            (
                "a=b",
                "config.headers is a text: expected a table, or FEEL that gives one, such as = {a: \"b\"}",
            ),
            ("= {a: ", "config.headers is no FEEL expression: line 1, column 7"),
            ("= [1]", "config.headers gives a list as FEEL: expected a context"),
        ] {
            let problem = evaluated(json!({ "headers": headers })).unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn what_an_expression_gives_is_as_secret_as_the_expression() {
        let mut node = Node::from_json(&json!({ "headers": "={a: {b: \"hush\"}}" }));
        if let Content::Table(entries) = &mut node.content {
            entries[0].node.is_secret = true;
        }
        let node = with_tables(&node, "config", &["headers"], &mut Problems::default());
        assert!(!format!("{node:?}").contains("hush"), "{node:?}");
    }
}
