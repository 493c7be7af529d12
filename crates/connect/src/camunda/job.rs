//! A job of the engine: what it asks for, and what the engine is told. Without I/O: a worker fetches jobs and
//! tells the outcome.

use std::time::Duration;

use milena_feel::{DaysTimeDuration, Value as FeelValue};
use serde_json::{Map, Value, json};

use super::{
    Compatibility, ConnectorError, OutboundConfiguration, OutboundInput, error::shown, expression,
    mapping::Mapping,
};
use crate::{
    secrets::{Masker, Secrets},
    settings::{Field, FieldKind, Node, Problems, TableReader},
};

const RETRY_BACKOFF: &str = "retryBackoff";
const JOB_TIMEOUT: &str = "jobTimeout";

const FIELDS: &[Field] = &[
    super::mapping::RESULT_VARIABLE_FIELD,
    super::mapping::RESULT_EXPRESSION_FIELD,
    super::mapping::ERROR_EXPRESSION_FIELD,
    Field::optional(
        RETRY_BACKOFF,
        "Retry backoff",
        FieldKind::Text,
        "how long to wait before the next try, such as PT30S",
    ),
    Field::optional(
        JOB_TIMEOUT,
        "Job timeout",
        FieldKind::Text,
        "how long the job may take, such as PT5M",
    ),
];

/// The headers of a task that say what becomes of a job.
///
/// ```
/// use milena_connect::camunda::{JobHeaders, JobOutcome};
/// use milena_connect::secrets::Masker;
/// use serde_json::json;
///
/// let headers = json!({ "resultExpression": "={ at: response.offset }", "retryBackoff": "PT30S" });
/// let masker = Masker::default();
/// let headers = JobHeaders::from_json(headers.as_object().unwrap(), &masker)?;
/// let response = json!({ "topic": "t", "timestamp": 1, "offset": 7, "partition": 0 });
/// let JobOutcome::Complete { variables } = headers.outcome(3, Ok(&response), &masker) else {
///     panic!("it was sent");
/// };
/// assert_eq!(variables["at"], 7);
/// # Ok::<(), milena_connect::camunda::ConnectorError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct JobHeaders {
    /// `resultVariable`, `resultExpression` and `errorExpression`.
    pub mapping: Mapping,
    /// `retryBackoff`: none at once.
    pub retry_backoff: Duration,
    /// `jobTimeout`.
    pub job_timeout: Option<Duration>,
}

/// What the engine is told of a job.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum JobOutcome {
    /// The job is done.
    Complete {
        /// The variables for the process.
        variables: Map<String, Value>,
    },
    /// The job failed, and may be tried again; without retries there is an incident.
    Fail {
        /// Why: 6,000 characters at most, without secrets.
        message: String,
        /// How often it may be tried again; from 0.
        retries: i32,
        /// How long to wait before that.
        backoff: Duration,
        /// The variables for the process: `error` among them.
        variables: Map<String, Value>,
    },
    /// The process is to handle a BPMN error.
    BpmnError {
        /// Its code.
        code: String,
        /// Its message, without secrets.
        message: Option<String>,
        /// The variables for the process.
        variables: Map<String, Value>,
    },
}

impl JobHeaders {
    /// Reads a task's headers. Those that are not known are other people's.
    ///
    /// # Errors
    ///
    /// Durations and expressions that are none. The job is then [failed](JobOutcome::of_input_error), and
    /// nothing is sent.
    pub fn from_json(
        headers: &Map<String, Value>,
        masker: &Masker,
    ) -> Result<Self, ConnectorError> {
        let known = headers
            .iter()
            .filter(|(name, _)| FIELDS.iter().any(|field| field.name == name.as_str()));
        let known: Map<_, _> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut problems = Problems::default();
        let read = Self::read(&Node::from_json(&Value::Object(known)), &mut problems);
        problems.or(read).map_err(|problems| ConnectorError::input(problems, masker))
    }

    /// The `jobTimeout` of a task's headers alone, without a look at the others: whoever has the job done
    /// must know it before. `None` too where it is none.
    #[must_use]
    pub fn job_timeout_of(headers: &Map<String, Value>) -> Option<Duration> {
        let only = json!({ JOB_TIMEOUT: headers.get(JOB_TIMEOUT)? });
        let (node, mut problems) = (Node::from_json(&only), Problems::default());
        let mut reader = TableReader::new(&node, "", FIELDS, &mut problems)?.coercing();
        read_duration(&mut reader, JOB_TIMEOUT)?
    }

    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, "", FIELDS, problems)?.coercing();
        let mapping = Mapping::read(&mut reader, true);
        let retry_backoff = read_duration(&mut reader, RETRY_BACKOFF);
        let job_timeout = read_duration(&mut reader, JOB_TIMEOUT);
        reader.finish();
        let (retry_backoff, job_timeout) = (retry_backoff?.unwrap_or_default(), job_timeout?);
        Some(Self { mapping: mapping?, retry_backoff, job_timeout })
    }

    /// What the engine is told. `retries` are those that the job has left with this try.
    #[must_use]
    pub fn outcome(
        &self,
        retries: i32,
        result: Result<&Value, &ConnectorError>,
        masker: &Masker,
    ) -> JobOutcome {
        match self.asked_for(retries, result, masker) {
            Ok(Some(outcome)) => return outcome,
            Ok(None) => {}
            Err(problem) => {
                return JobOutcome::of_input_error(&ConnectorError::input(problem, masker));
            }
        }
        let error = match result {
            Ok(response) => match self.mapping.variables(response) {
                Ok(variables) => return JobOutcome::Complete { variables },
                Err(problem) => &ConnectorError::input(problem, masker),
            },
            Err(error) => error,
        };
        if error.is_input {
            return JobOutcome::of_input_error(error);
        }
        JobOutcome::Fail {
            message: error.message.clone(),
            retries: retries.saturating_sub(1).max(0),
            backoff: self.retry_backoff,
            variables: Map::from_iter([("error".to_owned(), error.to_json())]),
        }
    }

    /// What the error expression asks for, if it does.
    fn asked_for(
        &self,
        retries: i32,
        result: Result<&Value, &ConnectorError>,
        masker: &Masker,
    ) -> Result<Option<JobOutcome>, String> {
        let Some(expression) = &self.mapping.error_expression else { return Ok(None) };
        let mut scope = match result {
            Ok(response) => expression::scope_of(response),
            Err(error) => expression::scope_of(&json!({ "error": error.to_json() })),
        };
        scope.insert("job".to_owned(), json!({ "retries": retries }));
        let value = expression::evaluate(expression, &scope)
            .map_err(|error| format!("the error expression failed: {error}"))?;
        let asked = match &value {
            FeelValue::Null => return Ok(None),
            FeelValue::Context(context) if context.is_empty() => return Ok(None),
            FeelValue::Context(context) => context,
            other => return Err(unexpected(other.kind())),
        };
        let text = |name: &str| Some(asked.get(name)?.as_str()?.to_owned());
        let variables = match asked.get("variables").map(FeelValue::to_json) {
            Some(Value::Object(variables)) => variables,
            _ => Map::new(),
        };
        let message = text("errorMessage").map(|message| shown(&message, masker));
        Ok(match text("errorType").as_deref() {
            Some("bpmnError") => {
                text("errorCode").map(|code| JobOutcome::BpmnError { code, message, variables })
            }
            Some("ignoreError") => Some(JobOutcome::Complete { variables }),
            Some("jobError") => {
                let message = message.unwrap_or_default();
                let mut variables = variables;
                variables.insert("error".to_owned(), message.as_str().into());
                let retries = asked.get("retries").and_then(|value| value.to_json().as_i64());
                let retries = i32::try_from(retries.unwrap_or(0)).unwrap_or(i32::MAX).max(0);
                let backoff = match asked.get("retryBackoff") {
                    Some(FeelValue::DaysTimeDuration(duration)) => positive(*duration),
                    _ => Duration::ZERO,
                };
                Some(JobOutcome::Fail { message, retries, backoff, variables })
            }
            _ => return Err(unexpected("context without the type of an error")),
        })
    }
}

fn unexpected(kind: &str) -> String {
    format!(
        "the error expression gave a {kind}: expected what bpmnError, jobError or ignoreError give, \
         or null"
    )
}

impl JobOutcome {
    /// What the engine is told of a job that is wrong: there is nothing to try again.
    #[must_use]
    pub fn of_input_error(error: &ConnectorError) -> Self {
        Self::Fail {
            message: error.message.clone(),
            retries: 0,
            backoff: Duration::ZERO,
            variables: Map::from_iter([("error".to_owned(), error.to_json())]),
        }
    }
}

/// A job as the action takes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundJob {
    /// Where the message goes, and how.
    pub configuration: OutboundConfiguration,
    /// The action's input.
    pub input: Value,
}

impl OutboundJob {
    /// Reads the variables of a job, among them those of its process, which are none of the connector's.
    ///
    /// # Errors
    ///
    /// Every field that is missing or ill-typed, and secrets that are not available.
    pub fn from_variables(
        variables: &Map<String, Value>,
        secrets: &Secrets,
    ) -> Result<Self, ConnectorError> {
        let own = OutboundConfiguration::own_variables(variables, false);
        Self::of(OutboundConfiguration::from_json_with(&own, secrets), secrets)
    }

    /// As [`from_variables`](Self::from_variables), following this where the running connector and its
    /// document differ.
    ///
    /// # Errors
    ///
    /// As [`from_variables`](Self::from_variables).
    pub fn from_variables_with(
        variables: &Map<String, Value>,
        secrets: &Secrets,
        compatibility: Compatibility,
    ) -> Result<Self, ConnectorError> {
        let mut own = OutboundConfiguration::own_variables(variables, false);
        own["compatibility"] = compatibility.name().into();
        Self::of(OutboundConfiguration::from_json_with(&own, secrets), secrets)
    }

    /// As [`from_variables`](Self::from_variables), for the older producer.
    ///
    /// # Errors
    ///
    /// As [`from_variables`](Self::from_variables).
    pub fn legacy_from_variables(
        variables: &Map<String, Value>,
        secrets: &Secrets,
    ) -> Result<Self, ConnectorError> {
        let own = OutboundConfiguration::own_variables(variables, true);
        Self::of(OutboundConfiguration::legacy_from_json_with(&own, secrets), secrets)
    }

    fn of(
        configuration: Result<OutboundConfiguration, Problems>,
        secrets: &Secrets,
    ) -> Result<Self, ConnectorError> {
        let masker = secrets.masker();
        let configuration =
            configuration.map_err(|problems| ConnectorError::input(problems, masker))?;
        let Some(message) = configuration.message.clone() else {
            let problem = "message is missing: expected a table with key and value";
            return Err(ConnectorError::input(problem, masker));
        };
        Ok(Self { configuration, input: OutboundInput::of(message).to_json() })
    }
}

/// A duration as ISO 8601 writes it; `None` is a problem, which is told.
pub(super) fn read_duration(
    reader: &mut TableReader<'_, '_>,
    name: &'static str,
) -> Option<Option<Duration>> {
    let Some(text) = reader.text(name) else { return Some(None) };
    match text.trim().parse::<DaysTimeDuration>() {
        Ok(duration) if duration.nanos() >= 0 => Some(Some(positive(duration))),
        _ => {
            reader.problem(
                name,
                format_args!("is {text:?}: expected a duration from 0 on, such as PT30S"),
            );
            None
        }
    }
}

/// A duration that is not negative, to the millisecond.
fn positive(duration: DaysTimeDuration) -> Duration {
    let ms = (duration.nanos() / 1_000_000).max(0);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}
