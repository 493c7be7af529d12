//! Which jobs are fetched, and what the engine is told of one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::settings::{Field, FieldKind, TableReader};

const NAME: &str = "jobs";

/// The job type of Camunda's element templates for the Kafka producer connector.
const TYPE_DEFAULT: &str = "io.camunda:connector-kafka:1";

/// The field of a step that says which jobs it takes.
pub(crate) const FIELD: Field = Field::optional(
    NAME,
    "Jobs",
    FieldKind::Record(FIELDS),
    "which jobs an action with input = \"camunda\" takes, and how",
);

const FIELDS: &[Field] = &[
    Field::optional("type", "Job type", FieldKind::Text, "the type of the jobs")
        .default(TYPE_DEFAULT),
    Field::optional(
        "worker",
        "Worker",
        FieldKind::Text,
        "the name of the worker, which the engine shows; by default the step's",
    ),
    Field::optional(
        "maxJobsToActivate",
        "Most jobs",
        FieldKind::Integer(1, 10_000),
        "how many jobs may be in hand at the same time",
    )
    .default("32"),
    Field::optional(
        "timeoutMs",
        "Timeout",
        FieldKind::Integer(1_000, 86_400_000),
        "after how many milliseconds the engine gives a job that nothing was told of to somebody else",
    )
    .default("300000"),
    Field::optional(
        "requestTimeoutMs",
        "Request timeout",
        FieldKind::Integer(1, 3_600_000),
        "how many milliseconds the engine waits for jobs before it answers that there are none",
    )
    .default("30000"),
    Field::optional(
        "tenantIds",
        "Tenants",
        FieldKind::TextOrList,
        "whose jobs; by default those that belong to nobody in particular",
    ),
];

/// Which jobs are fetched, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobsSettings {
    /// The type of the jobs.
    pub job_type: String,
    /// The worker's name, which the engine shows.
    pub worker: String,
    /// How many jobs may be in hand at the same time.
    pub jobs_max: usize,
    /// After how long the engine gives a job that nothing was told of to somebody else.
    pub timeout: Duration,
    /// How long the engine waits for jobs before it answers that there are none.
    pub request_timeout: Duration,
    /// Whose jobs; empty: the default tenant's.
    pub tenant_ids: Vec<String>,
}

/// How a step's table `jobs` is read.
pub(crate) struct JobsTable;

impl JobsTable {
    /// Reads the table; all fields have defaults, and the worker's is the name of the step.
    pub(crate) fn read(reader: &mut TableReader<'_, '_>, step: &str) -> Option<JobsSettings> {
        if !reader.has(NAME) {
            return Some(JobsSettings::new(step));
        }
        reader.record(NAME, |reader| {
            let job_type = reader.text("type");
            let worker = reader.text("worker").unwrap_or_else(|| step.to_owned());
            let jobs_max = reader.integer("maxJobsToActivate");
            let timeout = reader.integer("timeoutMs").map(milliseconds);
            let request_timeout = reader.integer("requestTimeoutMs").map(milliseconds);
            let tenant_ids = reader.texts("tenantIds").unwrap_or_default();
            Some(JobsSettings {
                job_type: job_type?,
                worker,
                jobs_max: usize::try_from(jobs_max?).ok()?,
                timeout: timeout?,
                request_timeout: request_timeout?,
                tenant_ids,
            })
        })
    }
}

impl JobsSettings {
    /// Jobs of Camunda's element templates, 32 at the same time, each for five minutes.
    #[must_use]
    pub fn new(worker: impl Into<String>) -> Self {
        Self {
            job_type: TYPE_DEFAULT.to_owned(),
            worker: worker.into(),
            jobs_max: 32,
            timeout: Duration::from_secs(300),
            request_timeout: Duration::from_secs(30),
            tenant_ids: Vec::new(),
        }
    }

    /// The body of the request for so many jobs, with these variables of theirs.
    pub(super) fn activation(&self, count: usize, variables: &[&str]) -> Value {
        let mut body = json!({
            "type": self.job_type,
            "worker": self.worker,
            "timeout": ms(self.timeout),
            "maxJobsToActivate": count,
            "requestTimeout": ms(self.request_timeout),
            "fetchVariable": variables,
        });
        if !self.tenant_ids.is_empty() {
            body["tenantIds"] = self.tenant_ids.clone().into();
        }
        body
    }
}

/// What the engine is told of a job, as an action gives it:
/// `{"jobKey":"2251799813685249","command":"completion","body":{"variables":{}}}`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobCommand {
    /// The job.
    pub job_key: String,
    /// `completion`, `failure` or `error`: the last part of the path.
    pub command: &'static str,
    /// The body of the request.
    pub body: Value,
}

impl JobCommand {
    pub(in super::super) fn new(
        job_key: impl Into<String>,
        command: &'static str,
        body: Value,
    ) -> Self {
        Self { job_key: job_key.into(), command, body }
    }

    /// Reads a command; `None` when it is none.
    #[must_use]
    pub fn from_json(command: &Value) -> Option<Self> {
        let job_key = command.get("jobKey")?.as_str()?;
        let name = command.get("command")?.as_str()?;
        let name = ["completion", "failure", "error"].into_iter().find(|known| *known == name)?;
        let body = command.get("body")?.clone();
        Some(Self { job_key: job_key.to_owned(), command: name, body })
    }

    /// The command as an action gives it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "jobKey": self.job_key, "command": self.command, "body": self.body })
    }

    /// The command for a job whose outcome the engine does not take: an incident says so.
    pub(crate) fn refused(&self, why: &str) -> Self {
        let body = json!({ "retries": 0, "errorMessage": why, "retryBackOff": 0 });
        Self::new(self.job_key.as_str(), "failure", body)
    }
}

/// The field's range has no negative numbers.
fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
