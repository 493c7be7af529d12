//! An outcome as the engine's API takes it.

use serde_json::{Map, Value, json};

use super::{JobCommand, JobOutcome};

impl JobOutcome {
    /// What the engine is told of the job with this key.
    ///
    /// ```
    /// use milena_connect::camunda::JobOutcome;
    ///
    /// let outcome = JobOutcome::Complete { variables: serde_json::Map::new() };
    /// let command = outcome.into_command("2251799813685249");
    /// assert_eq!(command.command, "completion");
    /// assert_eq!(command.body.to_string(), r#"{"variables":{}}"#);
    /// ```
    #[must_use]
    pub fn into_command(self, job_key: impl Into<String>) -> JobCommand {
        let (command, body) = match self {
            Self::Complete { variables } => ("completion", json!({ "variables": variables })),
            Self::Fail { message, retries, backoff, variables } => {
                let backoff = u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX);
                let body = json!({
                    "retries": retries, "errorMessage": message, "retryBackOff": backoff,
                    "variables": variables,
                });
                ("failure", body)
            }
            Self::BpmnError { code, message, variables } => {
                let mut body = Map::new();
                body.insert("errorCode".to_owned(), code.into());
                if let Some(message) = message {
                    body.insert("errorMessage".to_owned(), message.into());
                }
                body.insert("variables".to_owned(), variables.into());
                ("error", Value::Object(body))
            }
        };
        JobCommand::new(job_key, command, body)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("an object") };
        map
    }

    #[test]
    fn every_outcome_has_its_command_and_comes_back() {
        let variables = object(json!({ "a": 1 }));
        for (outcome, expected) in [
            (
                JobOutcome::Complete { variables: variables.clone() },
                r#"{"jobKey":"7","command":"completion","body":{"variables":{"a":1}}}"#,
            ),
            (
                JobOutcome::Fail {
                    message: "no".to_owned(),
                    retries: 2,
                    backoff: Duration::from_secs(30),
                    variables: variables.clone(),
                },
                r#"{"jobKey":"7","command":"failure","body":{"retries":2,"errorMessage":"no","retryBackOff":30000,"variables":{"a":1}}}"#,
            ),
            (
                JobOutcome::BpmnError { code: "E".to_owned(), message: None, variables },
                r#"{"jobKey":"7","command":"error","body":{"errorCode":"E","variables":{"a":1}}}"#,
            ),
        ] {
            let command = outcome.into_command("7");
            assert_eq!(command.to_json().to_string(), expected);
            assert_eq!(JobCommand::from_json(&command.to_json()), Some(command));
        }
        assert_eq!(
            JobCommand::from_json(&json!({ "jobKey": "7", "command": "x", "body": {} })),
            None
        );
    }
}
