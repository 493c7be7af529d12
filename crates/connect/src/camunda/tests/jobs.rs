use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{config, secrets};
use crate::{
    camunda::{Compatibility, ConnectorError, JobHeaders, JobOutcome, OutboundJob},
    secrets::Masker,
};

fn headers(headers: Value) -> JobHeaders {
    let Value::Object(headers) = headers else { panic!("headers") };
    JobHeaders::from_json(&headers, &Masker::default()).unwrap()
}

fn response() -> Value {
    json!({ "topic": "t", "timestamp": 5, "offset": 7, "partition": 1 })
}

fn failure(cause: &str) -> ConnectorError {
    ConnectorError::fail(cause, Compatibility::Document, &Masker::default())
}

fn on_success(fields: Value) -> JobOutcome {
    headers(fields).outcome(3, Ok(&response()), &Masker::default())
}

fn on_failure(fields: Value) -> JobOutcome {
    headers(fields).outcome(3, Err(&failure("timed out")), &Masker::default())
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("an object") };
    map
}

fn complete(variables: Value) -> JobOutcome {
    JobOutcome::Complete { variables: object(variables) }
}

#[test]
fn a_response_completes_the_job_with_the_variables_that_are_asked_for() {
    assert_eq!(on_success(json!({})), complete(json!({})));
    assert_eq!(
        on_success(json!({
            "resultVariable": "r",
            "resultExpression": "={partitionResponse:partition, topicResult:topic}",
            "otherHeader": 7,
        })),
        complete(json!({ "r": response(), "partitionResponse": 1, "topicResult": "t" }))
    );
}

#[test]
fn a_failure_takes_one_retry_and_leaves_the_error_in_a_variable() {
    let message = "Error during Kafka Producer execution; error message: [timed out]";
    let error = json!({
        "type": "io.camunda.connector.api.error.ConnectorException",
        "message": message, "code": "FAIL",
    });
    assert_eq!(
        on_failure(json!({ "retryBackoff": "PT30S" })),
        JobOutcome::Fail {
            message: message.to_owned(),
            retries: 2,
            backoff: Duration::from_secs(30),
            variables: object(json!({ "error": error })),
        }
    );
    let older = ConnectorError::fail("x", Compatibility::Camunda84, &Masker::default());
    assert_eq!(older.message, "Kafka Producer execution exception: x");
}

#[test]
fn an_input_error_leaves_no_retries() {
    let error = ConnectorError::input("topic is missing", &Masker::default());
    let outcome =
        headers(json!({ "retryBackoff": "PT1S" })).outcome(3, Err(&error), &Masker::default());
    let JobOutcome::Fail { message, retries, backoff, variables } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((message.as_str(), retries, backoff), ("topic is missing", 0, Duration::ZERO));
    assert_eq!(
        variables["error"]["type"],
        "io.camunda.connector.api.error.ConnectorInputException"
    );
    for result_expression in ["=partition", "=[1]", "=\"x\""] {
        let outcome = on_success(json!({ "resultExpression": result_expression }));
        assert!(matches!(outcome, JobOutcome::Fail { retries: 0, .. }), "{outcome:?}");
    }
}

#[test]
fn durations_and_expressions_that_are_none_are_told_before_anything_is_sent() {
    for (fields, expected) in [
        (
            json!({ "retryBackoff": "30 seconds" }),
            "retryBackoff is \"30 seconds\": expected a duration",
        ),
        (
            json!({ "jobTimeout": "-PT1S" }),
            "jobTimeout is \"-PT1S\": expected a duration from 0 on",
        ),
        (json!({ "errorExpression": "=if" }), "errorExpression is no FEEL expression"),
    ] {
        let error = JobHeaders::from_json(&object(fields), &Masker::default()).unwrap_err();
        assert!(error.is_input && error.message.starts_with(expected), "{error}");
        let outcome = JobOutcome::of_input_error(&error);
        assert!(matches!(outcome, JobOutcome::Fail { retries: 0, .. }));
    }
    assert_eq!(
        headers(json!({ "jobTimeout": "PT5M" })).job_timeout,
        Some(Duration::from_secs(300))
    );
}

#[test]
fn the_time_of_a_job_is_read_without_a_look_at_its_other_headers() {
    for (fields, expected) in [
        (json!({ "jobTimeout": " PT5M ", "errorExpression": "=if" }), Some(300)),
        (json!({ "jobTimeout": "-PT1S" }), None),
        (json!({ "jobTimeout": null }), None),
        (json!({ "retryBackoff": "PT5M" }), None),
    ] {
        let timeout = JobHeaders::job_timeout_of(&object(fields));
        assert_eq!(timeout, expected.map(Duration::from_secs));
    }
}

#[test]
fn an_error_expression_throws_bpmn_errors() {
    let expression = "=if error.code = \"FAIL\" then bpmnError(\"KAFKA\", error.message, {a: job.retries}) else null";
    let JobOutcome::BpmnError { code, message, variables } =
        on_failure(json!({ "errorExpression": expression }))
    else {
        panic!("no BPMN error");
    };
    assert_eq!(code, "KAFKA");
    assert!(message.unwrap().ends_with("[timed out]"));
    assert_eq!(variables, object(json!({ "a": 3 })));
    assert_eq!(on_success(json!({ "errorExpression": expression })), complete(json!({})));
    let on_response =
        "=if response.partition = 1 and offset = 7 then bpmnError(\"ONE\", \"one\") else null";
    let outcome = on_success(json!({ "errorExpression": on_response }));
    assert!(matches!(outcome, JobOutcome::BpmnError { .. }), "{outcome:?}");
    let no_code = "=bpmnError(null, \"x\")";
    assert_eq!(on_success(json!({ "errorExpression": no_code })), complete(json!({})));
}

#[test]
fn an_error_expression_fails_the_job_as_it_says() {
    let expression = "=jobError(\"later\", {error: \"mine\", b: 1}, job.retries - 1, @\"PT10S\")";
    assert_eq!(
        on_failure(json!({ "errorExpression": expression })),
        JobOutcome::Fail {
            message: "later".to_owned(),
            retries: 2,
            backoff: Duration::from_secs(10),
            variables: object(json!({ "error": "later", "b": 1 })),
        }
    );
    assert_eq!(
        on_failure(json!({ "errorExpression": "=jobError(\"never\")" })),
        JobOutcome::Fail {
            message: "never".to_owned(),
            retries: 0,
            backoff: Duration::ZERO,
            variables: object(json!({ "error": "never" })),
        }
    );
}

#[test]
fn an_error_expression_can_ignore_the_error_or_say_nothing() {
    assert_eq!(
        on_failure(json!({ "errorExpression": "=ignoreError({was: response.error.code})" })),
        complete(json!({ "was": "FAIL" }))
    );
    for nothing in ["=null", "={}", "=missing", ""] {
        let outcome = on_failure(json!({ "errorExpression": nothing }));
        assert!(matches!(outcome, JobOutcome::Fail { retries: 2, .. }), "{outcome:?}");
    }
    let outcome = on_failure(json!({ "errorExpression": "=7" }));
    let JobOutcome::Fail { message, retries: 0, .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.starts_with("the error expression gave a number"), "{message}");
}

#[test]
fn messages_are_cut_and_secrets_masked() {
    let error = failure(&"ä".repeat(10_000));
    assert_eq!(error.message.chars().count(), 6_000);
    let masker = Masker::default();
    masker.remember(&"hush".into());
    let error = ConnectorError::fail("login of hush failed", Compatibility::Document, &masker);
    assert!(error.message.contains("login of *** failed"), "{error}");
    assert!(!error.to_json().to_string().contains("hush"));
    let headers = headers(json!({ "errorExpression": "=jobError(\"hush\" + error.message)" }));
    let outcome = headers.outcome(1, Err(&error), &masker);
    assert!(!format!("{outcome:?}").contains("hush"), "{outcome:?}");
}

#[test]
fn a_job_is_read_out_of_all_variables_of_its_process() {
    let mut variables = object(config(json!({
        "message": { "key": "{{secrets.KEY}}", "value": 7 }, "headers": { "trace": 7 },
    })));
    variables.insert("orderId".to_owned(), json!(5));
    variables.insert("resultVariable".to_owned(), json!({ "not": "a header" }));
    let job = OutboundJob::from_variables(&variables, &secrets()).unwrap();
    assert_eq!(job.configuration.headers, [("trace".to_owned(), "7".to_owned())]);
    assert_eq!(job.input, json!({ "message": { "key": "\"key\"", "value": 7 } }));
    let job = OutboundJob::legacy_from_variables(&variables, &secrets()).unwrap();
    assert_eq!(job.input["message"]["key"], "{{secrets.KEY}}");
    assert!(job.configuration.headers.is_empty());

    variables.remove("message");
    let error = OutboundJob::from_variables(&variables, &secrets()).unwrap_err();
    assert!(error.is_input && error.message.starts_with("message is missing"), "{error}");
    variables.insert("message".to_owned(), json!({ "value": "{{secrets.NONE}}" }));
    let error = OutboundJob::from_variables(&variables, &secrets()).unwrap_err();
    assert_eq!(error.message, "config.message.value: secret with name 'NONE' is not available");
}
