//! Asking for topics once, beside the metadata that is kept fresh.

use std::time::Instant;

use milena_wire::ErrorCode;
use milena_wire::messages::metadata_request::MetadataRequestTopic;
use milena_wire::messages::metadata_response::MetadataResponseTopic;
use milena_wire::messages::{MetadataRequest, MetadataResponse};
use tokio::time::timeout_at;

use super::handle::{Cluster, topic_failed};
use super::refresh::now;
use crate::Error;

/// What a timeout says.
const LATE: &str = "the topics were not learned in time";

/// The topic of this name, or all topics that this client may describe. Repeats what fails for a
/// reason that may pass; that a topic is not there is an answer.
pub(super) async fn ask(
    cluster: &Cluster,
    name: Option<&str>,
    allow_auto_topic_creation: bool,
    deadline: Instant,
) -> Result<Vec<MetadataResponseTopic>, Error> {
    let topic = |name: &str| MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
    let request = MetadataRequest {
        topics: name.map(|name| vec![topic(name)]),
        allow_auto_topic_creation,
        ..Default::default()
    };
    let mut failures = 0;
    let mut last: Option<Error> = None;
    loop {
        match timeout_at(deadline.into(), ask_once(cluster, &request)).await {
            Ok(Ok(topics)) => return Ok(topics),
            Ok(Err(error)) if !may_pass(&error) => return Err(error),
            Ok(Err(error)) => last = Some(error),
            Err(_) => return Err(cluster.timed_out_after(LATE, last)),
        }
        failures += 1;
        let random = cluster.inner.jitter.lock().next_u64();
        let pause = cluster.inner.retry_backoff.delay(failures, random);
        if now() + pause >= deadline {
            return Err(cluster.timed_out_after(LATE, last));
        }
        tokio::time::sleep(pause).await;
    }
}

fn may_pass(error: &Error) -> bool {
    error.is_retriable() && error.code() != Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

async fn ask_once(
    cluster: &Cluster,
    request: &MetadataRequest,
) -> Result<Vec<MetadataResponseTopic>, Error> {
    let connection = cluster.any_connection().await?;
    let version = connection
        .api_versions()
        .highest::<MetadataRequest>()
        .map_err(milena_pool::RequestError::UnsupportedVersion)?;
    let timeout = cluster.inner.request_timeout;
    let response: MetadataResponse = connection.start(request, version, timeout)?.await?;
    let is_named = request.topics.is_some();
    let mut topics = response.topics;
    if is_named {
        let code = topics
            .first()
            .map_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, |topic| ErrorCode(topic.error_code));
        let names = request.topics.iter().flatten().filter_map(|topic| topic.name.as_deref());
        code.ok().map_err(|code| topic_failed(names.last().unwrap_or_default(), code))?;
    } else {
        // Brokers leave out what this client may not see; a topic that is being made or deleted
        // comes with an error and is none yet, or none any more.
        topics.retain(|topic| topic.error_code == ErrorCode::NONE.0);
    }
    Ok(topics)
}
