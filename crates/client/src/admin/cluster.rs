//! Describing the cluster: a request that any broker answers.

use std::time::{Duration, Instant};

use milena_wire::messages::{DescribeClusterRequest, MetadataRequest};

use super::acl_operation::{AclOperations, METADATA_TELLS_OPERATIONS};
use super::client::{Admin, Inner, check, highest_from, metadata};
use super::operation::{Operation, Outcomes};
use crate::{Error, ErrorKind};

/// The version that tells of fenced brokers (KIP-1073, Kafka 4.0).
const FENCED_BROKERS_VERSION: i16 = 2;

/// The brokers of a cluster and which of them controls it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterDescription {
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// The broker that controls it, or with `KRaft` one that passes requests on.
    pub controller: Option<i32>,
    /// Its brokers, by id.
    pub nodes: Vec<Node>,
    /// What this client may do with it, if that was asked for.
    pub authorized_operations: Option<AclOperations>,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Its id.
    pub id: i32,
    /// Where it says that clients reach it.
    pub host: String,
    /// The port there.
    pub port: i32,
    /// Its rack.
    pub rack: Option<String>,
    /// Whether it is registered but not serving (Kafka 4.0).
    pub is_fenced: bool,
}

/// How the cluster is described.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DescribeClusterOptions {
    /// Tells what this client may do with the cluster (Kafka 2.3).
    pub include_authorized_operations: bool,
    /// Lists brokers that are registered but not serving (Kafka 4.0).
    pub include_fenced_brokers: bool,
    /// How long the call may take; `None`: `default.api.timeout.ms`.
    pub timeout: Option<Duration>,
}

impl DescribeClusterOptions {
    /// Tells what this client may do with the cluster (Kafka 2.3).
    #[must_use]
    pub const fn include_authorized_operations(mut self, include: bool) -> Self {
        self.include_authorized_operations = include;
        self
    }

    /// Lists brokers that are registered but not serving (Kafka 4.0).
    #[must_use]
    pub const fn include_fenced_brokers(mut self, include: bool) -> Self {
        self.include_fenced_brokers = include;
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
    /// The brokers of the cluster.
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
    /// let cluster = admin.describe_cluster().await?;
    /// assert_eq!(cluster.cluster_id.as_deref(), Some(broker.cluster_id()));
    /// assert_eq!(cluster.nodes.len(), 1);
    /// # Ok(()) }
    /// ```
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, Error> {
        self.describe_cluster_with(DescribeClusterOptions::default()).await
    }

    /// The brokers of the cluster, with options.
    ///
    /// # Errors
    ///
    /// As [`describe_cluster`](Self::describe_cluster), and [`ErrorKind::UnsupportedVersion`] when the
    /// broker is too old for an option.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn describe_cluster_with(
        &self,
        options: DescribeClusterOptions,
    ) -> Result<ClusterDescription, Error> {
        let deadline = self.inner.deadline(options.timeout);
        self.inner.run_one(&DescribeCluster { options }, deadline).await
    }
}

struct DescribeCluster {
    options: DescribeClusterOptions,
}

impl DescribeCluster {
    /// Brokers from 2.8 have an API for it.
    async fn ask(&self, admin: &Inner, deadline: Instant) -> Result<ClusterDescription, Error> {
        let connection = admin.cluster.any_connection().await?;
        let least = if self.options.include_fenced_brokers { FENCED_BROKERS_VERSION } else { 0 };
        let what = "listing fenced brokers";
        let version = highest_from::<DescribeClusterRequest>(&connection, least, what)?;
        let request = DescribeClusterRequest {
            include_cluster_authorized_operations: self.options.include_authorized_operations,
            include_fenced_brokers: self.options.include_fenced_brokers,
            ..Default::default()
        };
        let response = admin.send(&connection, &request, version, deadline).await?;
        let message = response.error_message.as_deref();
        check::<DescribeClusterRequest>(response.error_code, message, version)?;
        let nodes = response.brokers.into_iter().map(|broker| Node {
            id: broker.broker_id,
            host: broker.host.to_string(),
            port: broker.port,
            rack: broker.rack.map(|rack| rack.to_string()),
            is_fenced: broker.is_fenced,
        });
        Ok(ClusterDescription {
            cluster_id: Some(response.cluster_id.to_string()),
            controller: Some(response.controller_id).filter(|id| *id >= 0),
            nodes: sorted(nodes),
            authorized_operations: AclOperations::from_wire(response.cluster_authorized_operations),
        })
    }

    /// Older ones tell the same with their metadata.
    async fn ask_metadata(
        &self,
        admin: &Inner,
        deadline: Instant,
    ) -> Result<ClusterDescription, Error> {
        let include = self.options.include_authorized_operations;
        let request = MetadataRequest {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: false,
            include_cluster_authorized_operations: include,
            ..Default::default()
        };
        let least = include.then_some(METADATA_TELLS_OPERATIONS);
        let (response, _) = metadata(admin, &request, least, deadline).await?;
        let nodes = response.brokers.into_iter().map(|broker| Node {
            id: broker.node_id,
            host: broker.host.to_string(),
            port: broker.port,
            rack: broker.rack.map(|rack| rack.to_string()),
            is_fenced: false,
        });
        Ok(ClusterDescription {
            cluster_id: response.cluster_id.map(|id| id.to_string()),
            controller: Some(response.controller_id).filter(|id| *id >= 0),
            nodes: sorted(nodes),
            authorized_operations: AclOperations::from_wire(response.cluster_authorized_operations),
        })
    }
}

fn sorted(nodes: impl Iterator<Item = Node>) -> Vec<Node> {
    let mut nodes: Vec<Node> = nodes.collect();
    nodes.sort_by_key(|node| node.id);
    nodes
}

impl Operation for DescribeCluster {
    type Output = ClusterDescription;

    fn len(&self) -> usize {
        1
    }

    async fn attempt(
        &self,
        admin: &Inner,
        _: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<ClusterDescription>, Error> {
        let description = match self.ask(admin, deadline).await {
            Err(error)
                if error.kind() == ErrorKind::UnsupportedVersion
                    && !self.options.include_fenced_brokers =>
            {
                self.ask_metadata(admin, deadline).await?
            }
            other => other?,
        };
        Ok(vec![(0, Ok(description))])
    }
}
