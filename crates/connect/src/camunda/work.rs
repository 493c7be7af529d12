//! The action `work`: takes jobs of the engine, and gives what the engine is to be told of each.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use milena::{Error, Producer, config::ProducerConfig, metrics::Snapshot};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::{sync::RwLock, time::Instant};

use super::{
    Compatibility, ConnectorError, JobHeaders, JobOutcome, OutboundConfiguration, OutboundJob,
    Produce, Serialization, compatibility, encoder::Encoder,
};
use crate::{
    connection::Connection,
    connector::{
        Action, ActionConfiguration, ActionError, BoxFuture, Delivered, Delivery, with_causes,
    },
    recent::Recent,
    registry::NewSchema,
    settings::{ClientProperties, Field, Node, Problems, TableReader},
};

/// How many producers, and how many registries, are kept for the next job that wants the same.
const KEPT_MAX: usize = 32;

/// The fields of the action's configuration: all else comes with a job.
pub(super) const FIELDS: &[Field] = &[compatibility::FIELD];

/// The older producer's.
pub(super) const LEGACY_FIELDS: &[Field] = &[];

/// The configuration of the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkConfiguration {
    /// What is followed where the running connector and its document differ; the older producer has a
    /// document of its own.
    pub compatibility: Compatibility,
}

impl WorkConfiguration {
    pub(super) fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, FIELDS, problems)?;
        let compatibility = Compatibility::read(&mut reader);
        reader.finish();
        Some(Self { compatibility })
    }

    pub(super) fn read_legacy(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        TableReader::new(node, path, LEGACY_FIELDS, problems)?.finish();
        Some(Self { compatibility: Compatibility::Legacy82 })
    }
}

impl ActionConfiguration for WorkConfiguration {
    fn open(&self, connection: &Connection) -> Result<Box<dyn Action>, Error> {
        Ok(Box::new(Work::new(*self, connection)))
    }

    fn topic(&self) -> &'static str {
        "of each job"
    }

    fn has_brokers(&self) -> bool {
        true
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        OutboundConfiguration::of_each_job(self.compatibility).client_properties(connection)
    }

    fn job_variables(&self) -> Option<Vec<&'static str>> {
        Some(OutboundConfiguration::variable_names(self.compatibility == Compatibility::Legacy82))
    }
}

/// The action `work`: takes jobs as the engine gives them, sends what each asks for, and gives what the
/// engine is to be told, a [`JobCommand`](super::JobCommand).
///
/// A job says everything itself: brokers, credentials, topic, message. Producers are kept for the next job
/// that wants the same; the running connector opens one for each job. Whatever is wrong with a job or happens
/// to it is an outcome, and no error; an error is what is no job at all.
#[derive(Debug)]
pub struct Work(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    compatibility: Compatibility,
    connection: Connection,
    producers: Mutex<Recent<Properties, Producer>>,
    /// The counters of producers that are not kept any more.
    gone: Mutex<Snapshot>,
    /// Each job that is being done holds it for reading; closing waits until nobody does.
    doing: Arc<RwLock<()>>,
    registries: Mutex<Recent<(Properties, Option<NewSchema>), Encoder>>,
}

/// Properties whose values can be secrets: `Debug` shows none.
#[derive(PartialEq, Eq)]
struct Properties(Vec<(String, String)>);

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Properties {
    fn of<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Self {
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// The value of a key, which is made where it is not kept, and the one that had to go for it. Whoever uses
/// that has a clone: it ends with the last one.
fn kept<K: PartialEq, V: Clone>(
    recent: &mut Recent<K, V>,
    key: K,
    make: impl FnOnce() -> Result<V, Error>,
) -> Result<(V, Option<V>), Error> {
    if let Some(known) = recent.get(&key) {
        return Ok((known.clone(), None));
    }
    let value = make()?;
    let gone = recent.insert(key, value.clone());
    Ok((value, gone))
}

impl Work {
    /// An action on this connection, whose brokers take the place of a job's. Does not connect yet.
    #[must_use]
    pub fn new(configuration: WorkConfiguration, connection: &Connection) -> Self {
        Self(Arc::new(Inner {
            compatibility: configuration.compatibility,
            connection: connection.clone(),
            producers: Mutex::new(Recent::new(KEPT_MAX)),
            registries: Mutex::new(Recent::new(KEPT_MAX)),
            gone: Mutex::default(),
            doing: Arc::default(),
        }))
    }
}

impl Action for Work {
    fn submit(&self, job: Value) -> BoxFuture<'_, Result<Delivery, ActionError>> {
        let inner = Arc::clone(&self.0);
        async move {
            let job = Job::read(job).map_err(ActionError::input)?;
            let doing = Arc::clone(&inner.doing).read_owned().await;
            // A job may wait for brokers of its own: it must not hold up the next one.
            let task = tokio::spawn(async move {
                let delivered = inner.work(job).await;
                drop(doing);
                delivered
            });
            let broken_off = |error| ActionError::input(format!("the job broke off: {error}"));
            Ok(async move { task.await.map_err(broken_off) }.boxed())
        }
        .boxed()
    }

    fn close(&self, within: Duration) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let end = Instant::now() + within;
            // What is not done by then ends with its producer.
            let _ = tokio::time::timeout_at(end, self.0.doing.write()).await;
            let within = end.saturating_duration_since(Instant::now());
            let empty = Recent::new(KEPT_MAX);
            let producers = std::mem::replace(&mut *self.0.producers.lock(), empty);
            let closing = producers.values().map(|producer| producer.close(within));
            join_all(closing).await.into_iter().collect()
        }
        .boxed()
    }

    fn metrics(&self) -> Option<Snapshot> {
        let producers = self.0.producers.lock();
        let counters = producers.values().map(Producer::metrics);
        Some(counters.fold(*self.0.gone.lock(), |sum, counters| sum + counters))
    }
}

/// What is needed of a job.
#[derive(Debug)]
struct Job {
    key: String,
    retries: i32,
    headers: Map<String, Value>,
    variables: Map<String, Value>,
}

impl Job {
    fn read(job: Value) -> Result<Self, String> {
        const EXPECTED: &str =
            r#"expected {"jobKey":"...","retries":3,"customHeaders":{...},"variables":{...}}"#;
        let Value::Object(mut job) = job else { return Err(format!("this is no job: {EXPECTED}")) };
        let key = match job.remove("jobKey") {
            Some(Value::String(key)) => key,
            Some(Value::Number(key)) => key.to_string(),
            _ => return Err(format!("this job has no jobKey: {EXPECTED}")),
        };
        let mut object = |name: &str| match job.remove(name) {
            Some(Value::Object(map)) => Ok(map),
            None | Some(Value::Null) => Ok(Map::new()),
            Some(_) => Err(format!("{name} of job {key} is no object: {EXPECTED}")),
        };
        let (headers, variables) = (object("customHeaders")?, object("variables")?);
        let retries = job.get("retries").and_then(Value::as_i64).unwrap_or(0);
        let retries = i32::try_from(retries.max(0)).unwrap_or(i32::MAX);
        Ok(Self { key, retries, headers, variables })
    }
}

impl Inner {
    /// Does what a job asks for; the one output is what the engine is to be told.
    async fn work(&self, job: Job) -> Delivered {
        let masker = self.connection.secrets.masker();
        let mut delivered = Delivered::default();
        let outcome = match JobHeaders::from_json(&job.headers, masker) {
            Err(error) => JobOutcome::of_input_error(&error),
            Ok(headers) => {
                let result = self.send(&job.variables).await;
                let result = result.map(|(response, what)| {
                    delivered = what;
                    response
                });
                headers.outcome(job.retries, result.as_ref(), masker)
            }
        };
        delivered.outputs = vec![outcome.into_command(job.key).to_json()];
        delivered
    }

    async fn send(
        &self,
        variables: &Map<String, Value>,
    ) -> Result<(Value, Delivered), ConnectorError> {
        let secrets = &self.connection.secrets;
        let job = match self.compatibility {
            Compatibility::Legacy82 => OutboundJob::legacy_from_variables(variables, secrets),
            compatibility => OutboundJob::from_variables_with(variables, secrets, compatibility),
        };
        let OutboundJob { configuration, input } = job?;
        let masker = secrets.masker();
        let fail =
            |error: Error| ConnectorError::fail(with_causes(&error), self.compatibility, masker);
        let produce = self.open(configuration).map_err(fail)?;
        produce.respond(input).await.map_err(|error| ConnectorError::of(&error, masker))
    }

    /// The action for one job, on clients that are there already where they can be the same.
    fn open(&self, configuration: OutboundConfiguration) -> Result<Produce, Error> {
        let properties = configuration.client_properties(&self.connection);
        let encoder = || Encoder::new(&configuration, &properties);
        let encoder = match &configuration.serialization {
            Serialization::Registry(registry) => {
                let key = (Properties::of(properties.all_pairs()), registry.schema.clone());
                kept(&mut self.registries.lock(), key, encoder)?.0
            }
            Serialization::Json | Serialization::Avro(_) => encoder()?,
        };
        let key = Properties::of(properties.pairs());
        let config = || ProducerConfig::from_properties(properties.pairs());
        let mut producers = self.producers.lock();
        let (producer, gone) = kept(&mut producers, key, || Producer::new(config()?))?;
        drop(producers);
        if let Some(gone) = gone {
            let mut counters = self.gone.lock();
            *counters = *counters + gone.metrics();
        }
        Ok(Produce::of(producer, encoder, configuration))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_read_from_either_spelling_of_its_key() {
        let job = Job::read(json!({ "jobKey": 7, "retries": 3, "variables": { "a": 1 } })).unwrap();
        assert_eq!((job.key.as_str(), job.retries, job.headers.len()), ("7", 3, 0));
        let job = Job::read(json!({ "jobKey": "7", "retries": -1, "variables": null })).unwrap();
        assert_eq!((job.key.as_str(), job.retries), ("7", 0));
        for (job, expected) in [
            (json!([]), "this is no job: expected"),
            (json!({}), "this job has no jobKey: expected"),
            (
                json!({ "jobKey": "7", "variables": [] }),
                "variables of job 7 is no object: expected",
            ),
        ] {
            let problem = Job::read(job).unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn what_was_used_last_is_kept() {
        let mut recent = Recent::new(KEPT_MAX);
        let mut made = Vec::new();
        let mut get = |key: usize, made: &mut Vec<usize>| {
            let value = kept(&mut recent, key, || {
                made.push(key);
                Ok(key)
            });
            assert_eq!(value.unwrap().0, key);
        };
        (0..KEPT_MAX).for_each(|key| get(key, &mut made));
        get(0, &mut made);
        get(KEPT_MAX, &mut made);
        get(0, &mut made);
        assert_eq!(made, (0..=KEPT_MAX).collect::<Vec<_>>());
        get(1, &mut made);
        assert_eq!(made.last(), Some(&1), "it was used least");
    }
}
