//! `milena feel`.

use serde_json::json;

use crate::program::run;

#[test]
fn evaluates_one_expression_with_its_variables() {
    let folder = tempfile::tempdir().unwrap();
    let feel = |arguments: &[&str]| run(folder.path(), &[&["feel"], arguments].concat(), "");
    let ended = feel(&["1 / 3"]);
    assert_eq!(
        (ended.code, ended.stdout.trim()),
        (Some(0), "0.3333333333333333333333333333333333")
    );
    let ended = feel(&["-x.first-name", "--context", r#"{"x": {"first-name": 7}}"#]);
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "-7"));
    let ended = feel(&["@\"2024-01-31\" + @\"P1M\""]);
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "\"2024-02-29\""));
    let ended = feel(&["now() > @\"2024-01-01T00:00:00Z\" and string length(uuid()) = 36"]);
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "true"));
    let ended = feel(&["1 + missing"]);
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "null"));
    assert!(ended.stderr.contains("note: line 1, column 5: there is no 'missing'"), "{ended:?}");
}

#[test]
fn says_what_is_wrong_with_an_expression_or_a_context() {
    let folder = tempfile::tempdir().unwrap();
    let feel = |arguments: &[&str]| run(folder.path(), &[&["feel"], arguments].concat(), "");
    let ended = feel(&["1 +"]);
    assert_eq!(ended.code, Some(2));
    let expected = "milena: the expression: line 1, column 4: expected a value, found the end";
    assert_eq!(ended.last_error(), expected);
    let ended = feel(&["1", "--context", "[1]"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--context: expected an object, found a list"), "{ended:?}");
    assert_eq!(feel(&[]).code, Some(2));
    assert_eq!(feel(&["1", "--json-lines"]).code, Some(2));
}

#[test]
fn answers_each_line_with_a_result_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let input = [
        r#"{"expression":"a + b","context":{"a":0.1,"b":0.2}}"#,
        "",
        r#"{"expression":"for d in @\"2024-02-28\"..@\"2024-03-01\" return d"}"#,
        r#"{"expression":"n","context":{"n":1234567890.12345678901234567890123}}"#,
        r#"{"expression":"(1"}"#,
        r#"{"context":{}}"#,
        r#"{"expression":"1","context":[]}"#,
        "nonsense",
        r#"{"expression":"count(for x in 1..100000000 return x)"}"#,
        r#"{"expression":"@\"P1DT2H\""}"#,
    ];
    let ended = run(folder.path(), &["feel", "--json-lines"], &input.join("\n"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("{\"result\":1234567890.12345678901234567890123}"), "{ended:?}");
    let lines = ended.json();
    assert_eq!(lines[0], json!({ "result": 0.3 }));
    assert_eq!(lines[1], json!({ "result": ["2024-02-28", "2024-02-29", "2024-03-01"] }));
    assert_eq!(lines[3], json!({ "error": "line 1, column 3: expected ')', found the end" }));
    assert_eq!(lines[4], json!({ "error": "expression must be a text" }));
    assert_eq!(lines[5], json!({ "error": "context must be an object, and is a list" }));
    assert_eq!(lines[6], json!({ "error": "not JSON: a value is expected at byte 0" }));
    let steps = "the evaluation takes more than steps_max = 1000000 steps";
    assert_eq!(lines[7], json!({ "error": steps }));
    assert_eq!(lines[8], json!({ "result": "P1DT2H" }));
}

#[test]
fn prints_the_functions_that_the_documents_list() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &["feel", "--functions"], "");
    assert_eq!(ended.stdout, include_str!("../../../../docs/feel.md"));
}
