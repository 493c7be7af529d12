//! Deleting topics: requests for the controller.

use std::time::Instant;

use milena_wire::ByteString;
use milena_wire::messages::DeleteTopicsRequest;
use milena_wire::messages::delete_topics_request::DeleteTopicState;

use super::client::{Admin, Inner, check, highest, highest_from};
use super::operation::{Asked, Operation, Outcomes, controller_may_pass};
use super::results::Results;
use super::topic_key::{TopicKey, with_name};
use crate::Error;

/// The version that deletes by id (KIP-516, Kafka 2.8).
const DELETE_BY_ID_VERSION: i16 = 6;

impl Admin {
    /// Deletes topics, by name or (Kafka 2.8) by id.
    ///
    /// # Errors
    ///
    /// Each topic has its own, most often
    /// [`UNKNOWN_TOPIC_OR_PARTITION`](crate::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) and
    /// [`TOPIC_DELETION_DISABLED`](crate::ErrorCode::TOPIC_DELETION_DISABLED). After a timeout, or when a connection
    /// broke, a topic may have been deleted all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take back what was sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{admin::{Admin, NewTopic}, config::AdminConfig};
    /// # let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// admin.create_topics([NewTopic::new("orders", 3, 1)]).await.all()?;
    /// admin.delete_topics(["orders"]).await.all()?;
    /// assert!(admin.list_topics().await?.is_empty());
    /// # Ok(()) }
    /// ```
    pub async fn delete_topics<K: Into<TopicKey>>(
        &self,
        topics: impl IntoIterator<Item = K>,
    ) -> Results<TopicKey, ()> {
        let operation = DeleteTopics { topics: topics.into_iter().map(Into::into).collect() };
        let results = self.inner.run(&operation, self.inner.deadline(None)).await;
        Results::new(operation.topics, results)
    }
}

struct DeleteTopics {
    topics: Vec<TopicKey>,
}

impl Operation for DeleteTopics {
    type Output = ();

    fn len(&self) -> usize {
        self.topics.len()
    }

    fn may_pass(&self, error: &Error) -> bool {
        controller_may_pass(error)
    }

    async fn attempt(
        &self,
        admin: &Inner,
        pending: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<()>, Error> {
        let (asked, mut outcomes) = Asked::once(&self.topics, pending, |topic| topic);
        let connection = admin.cluster.controller().await?;
        let version = if asked.iter().any(TopicKey::is_id) {
            let what = "deleting a topic by its id";
            highest_from::<DeleteTopicsRequest>(&connection, DELETE_BY_ID_VERSION, what)?
        } else {
            highest::<DeleteTopicsRequest>(&connection)?
        };
        let mut request =
            DeleteTopicsRequest { timeout_ms: admin.timeout_ms(deadline), ..Default::default() };
        for topic in asked.iter() {
            match topic {
                TopicKey::Name(name) if version < DELETE_BY_ID_VERSION => {
                    request.topic_names.push(ByteString::from(name.as_str()));
                }
                TopicKey::Name(name) => request.topics.push(DeleteTopicState {
                    name: Some(ByteString::from(name.as_str())),
                    ..Default::default()
                }),
                TopicKey::Id(id) => {
                    request.topics.push(DeleteTopicState { topic_id: *id, ..Default::default() })
                }
            }
        }
        let response = admin.send(&connection, &request, version, deadline).await?;
        for result in response.responses {
            let (name, id) = (result.name.as_ref(), result.topic_id);
            let Some(index) = asked.find(|topic| topic.is(name, id)) else { continue };
            let message = result.error_message.as_deref();
            let outcome = check::<DeleteTopicsRequest>(result.error_code, message, version)
                .map_err(|error| with_name(error, name));
            outcomes.push((index, outcome));
        }
        Ok(outcomes)
    }
}
