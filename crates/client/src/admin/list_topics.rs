//! Listing topics: a request that any broker answers.

use std::time::{Duration, Instant};

use milena_wire::Uuid;
use milena_wire::messages::MetadataRequest;
use milena_wire::messages::metadata_response::MetadataResponseTopic;

use super::client::{Admin, Inner, metadata};
use super::operation::{Operation, Outcomes};
use crate::Error;

/// A topic of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicListing {
    /// Its name.
    pub name: String,
    /// Its id (Kafka 2.8).
    pub topic_id: Option<Uuid>,
    /// Whether Kafka keeps it for itself, as `__consumer_offsets`.
    pub is_internal: bool,
}

/// Which topics are listed.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ListTopicsOptions {
    /// Kafka's own topics too.
    pub list_internal: bool,
    /// How long the call may take; `None`: `default.api.timeout.ms`.
    pub timeout: Option<Duration>,
}

impl ListTopicsOptions {
    /// Lists Kafka's own topics too.
    #[must_use]
    pub const fn list_internal(mut self, list_internal: bool) -> Self {
        self.list_internal = list_internal;
        self
    }

    /// How long the call may take, in place of `default.api.timeout.ms`.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl Admin {
    /// The topics of the cluster that this client may describe, by name; without Kafka's own.
    ///
    /// # Errors
    ///
    /// When no broker answers in time, or refuses this client.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{admin::Admin, config::AdminConfig};
    /// # let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// assert!(admin.list_topics().await?.is_empty());
    /// # Ok(()) }
    /// ```
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>, Error> {
        self.list_topics_with(ListTopicsOptions::default()).await
    }

    /// The topics of the cluster that this client may describe, by name.
    ///
    /// # Errors
    ///
    /// As [`list_topics`](Self::list_topics).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn list_topics_with(
        &self,
        options: ListTopicsOptions,
    ) -> Result<Vec<TopicListing>, Error> {
        let deadline = self.inner.deadline(options.timeout);
        let topics = self.inner.run_one(&ListTopics, deadline).await?;
        let mut listings: Vec<TopicListing> = topics
            .into_iter()
            .filter(|topic| options.list_internal || !topic.is_internal)
            .map(|topic| TopicListing {
                name: topic.name.as_deref().unwrap_or_default().to_owned(),
                topic_id: Some(topic.topic_id).filter(|id| *id != Uuid::ZERO),
                is_internal: topic.is_internal,
            })
            .collect();
        listings.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(listings)
    }
}

struct ListTopics;

impl Operation for ListTopics {
    type Output = Vec<MetadataResponseTopic>;

    fn len(&self) -> usize {
        1
    }

    async fn attempt(
        &self,
        admin: &Inner,
        _: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<Self::Output>, Error> {
        let request = MetadataRequest {
            topics: None,
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let (response, _) = metadata(admin, &request, None, deadline).await?;
        Ok(vec![(0, Ok(response.topics))])
    }
}
