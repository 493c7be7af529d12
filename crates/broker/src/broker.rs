//! The running broker: starting and stopping, and commands to it.

use std::sync::Arc;

use milena_wire::ErrorCode;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::background;
use crate::builder::{BrokerBuilder, ListenerOptions};
use crate::cluster::{Cluster, CoordinatorKind, NewTopic};
use crate::error::{CommandError, StartError};
use crate::fault::Faults;
use crate::listener::{NodeServer, Tls};
use crate::security::{SecurityProtocol, TlsMaterial};
use crate::settings::Settings;

/// A running broker of one or several nodes.
///
/// It stops when it is dropped; [`shutdown`](Self::shutdown) also waits until it has.
#[derive(Debug)]
pub struct Broker {
    cluster: Arc<Cluster>,
    listeners: Vec<ListenerOptions>,
    tls: Option<Tls>,
    /// One for each node, in the order of ids; `None` while a node is stopped.
    servers: Mutex<Vec<Option<NodeServer>>>,
    background: Vec<JoinHandle<()>>,
}

impl Broker {
    /// A broker with the default options: one node on a free port of 127.0.0.1, in memory.
    ///
    /// # Errors
    /// [`StartError::Listen`] when no port can be bound.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Options for a broker.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::default()
    }

    pub(crate) async fn launch(
        settings: Settings,
        listeners: Vec<ListenerOptions>,
        tls: Option<TlsMaterial>,
        topics: Vec<NewTopic>,
    ) -> Result<Self, StartError> {
        let tls = tls.as_ref().map(Tls::new).transpose()?;
        let cluster = Arc::new(Cluster::open(settings)?);
        for topic in &topics {
            match cluster.create_topic(topic, false) {
                Ok(_) => {}
                Err(problem) if problem.code == ErrorCode::TOPIC_ALREADY_EXISTS => {}
                Err(problem) => {
                    let problem = format!("{}: {}", topic.name, problem.message);
                    return Err(StartError::Config { option: "topic", problem });
                }
            }
        }
        let mut servers = Vec::new();
        for node_id in 1..=cluster.settings.node_count {
            let server = NodeServer::bind(&cluster, node_id, &listeners, tls.as_ref()).await?;
            cluster.set_endpoints(node_id, server.endpoints(&listeners));
            servers.push(server);
        }
        // Nodes serve only when every address is known: metadata names them all.
        servers.iter_mut().for_each(NodeServer::serve);
        let background = background::spawn(&cluster);
        let servers = Mutex::new(servers.into_iter().map(Some).collect());
        Ok(Self { cluster, listeners, tls, servers, background })
    }

    /// The addresses of all running nodes on the first listener, as `host:port,host:port`.
    pub fn bootstrap_servers(&self) -> String {
        self.bootstrap(0)
    }

    /// As [`bootstrap_servers`](Self::bootstrap_servers), of the first listener with this protocol;
    /// `None` when there is none.
    pub fn bootstrap_servers_of(&self, protocol: SecurityProtocol) -> Option<String> {
        let listener = self.listeners.iter().position(|listener| listener.protocol == protocol)?;
        Some(self.bootstrap(listener))
    }

    fn bootstrap(&self, listener: usize) -> String {
        let address = |(_, endpoint): (i32, crate::cluster::Endpoint)| {
            if endpoint.host.contains(':') {
                format!("[{}]:{}", endpoint.host, endpoint.port)
            } else {
                format!("{}:{}", endpoint.host, endpoint.port)
            }
        };
        self.cluster.endpoints(listener).into_iter().map(address).collect::<Vec<_>>().join(",")
    }

    /// The id that clients see in metadata.
    pub fn cluster_id(&self) -> &str {
        &self.cluster.cluster_id
    }

    /// The ids of all nodes, running or not.
    pub fn node_ids(&self) -> Vec<i32> {
        (1..=self.cluster.settings.node_count).collect()
    }

    /// Faults to inject, and the requests that were received.
    pub fn faults(&self) -> &Faults {
        &self.cluster.faults
    }

    /// Creates a topic with the default replication factor.
    ///
    /// # Errors
    /// [`CommandError::Topic`] when the name is illegal or taken, or the number of partitions is impossible.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), CommandError> {
        let new = NewTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: -1,
            ..NewTopic::default()
        };
        let created = self.cluster.create_topic(&new, false);
        created.map(drop).map_err(|problem| CommandError::Topic { problem: problem.message })
    }

    /// Deletes a topic with its records; false when there is none of that name.
    pub fn delete_topic(&self, name: &str) -> bool {
        self.cluster.delete_topic(name).is_ok()
    }

    /// The node that leads a partition; `None` when no node does.
    ///
    /// # Errors
    /// [`CommandError::UnknownPartition`].
    pub fn leader(&self, topic: &str, partition: i32) -> Result<Option<i32>, CommandError> {
        let found =
            self.cluster.partition(topic, partition).ok_or_else(|| unknown(topic, partition))?;
        let leader = found.leadership().leader;
        Ok((leader >= 0).then_some(leader))
    }

    /// The log start offset and the log end offset of a partition.
    ///
    /// # Errors
    /// [`CommandError::UnknownPartition`].
    pub fn offsets(&self, topic: &str, partition: i32) -> Result<(i64, i64), CommandError> {
        let found =
            self.cluster.partition(topic, partition).ok_or_else(|| unknown(topic, partition))?;
        let state = found.lock();
        Ok((state.log.start_offset(), state.log.end_offset()))
    }

    /// Makes a node the leader of a partition and returns the new leader epoch. Moving a leader to
    /// where it is bumps the epoch alone.
    ///
    /// # Errors
    /// [`CommandError::UnknownPartition`] and [`CommandError::UnknownNode`] (also for a stopped node).
    pub fn move_leader(
        &self,
        topic: &str,
        partition: i32,
        node_id: i32,
    ) -> Result<i32, CommandError> {
        self.cluster.move_leader(topic, partition, node_id)
    }

    /// Cuts a log at `offset`, or at the start of the batch that holds it, and elects the same
    /// leader again, as an unclean leader election does (KIP-320). Returns the new leader epoch.
    ///
    /// # Errors
    /// [`CommandError::UnknownPartition`] and [`CommandError::UnknownNode`] when no node leads the partition.
    pub fn truncate(&self, topic: &str, partition: i32, offset: i64) -> Result<i32, CommandError> {
        let found =
            self.cluster.partition(topic, partition).ok_or_else(|| unknown(topic, partition))?;
        found.lock().truncate(offset);
        let leader = found.leadership().leader;
        self.cluster.move_leader(topic, partition, leader)
    }

    /// The node that coordinates a group; `None` when no node runs.
    pub fn group_coordinator(&self, group_id: &str) -> Option<i32> {
        self.cluster.coordinator(CoordinatorKind::Group, group_id)
    }

    /// Makes a node the coordinator of a group. Members keep their place; what they wait for is
    /// answered with `NOT_COORDINATOR`.
    ///
    /// # Errors
    /// [`CommandError::UnknownNode`], also for a stopped node.
    pub fn move_group_coordinator(&self, group_id: &str, node_id: i32) -> Result<(), CommandError> {
        self.check_running(node_id)?;
        self.cluster.move_coordinator(CoordinatorKind::Group, group_id, node_id);
        self.cluster.groups.with(|groups| groups.unload(group_id, ErrorCode::NOT_COORDINATOR));
        Ok(())
    }

    /// Makes a node the coordinator of a transactional id.
    ///
    /// # Errors
    /// [`CommandError::UnknownNode`], also for a stopped node.
    pub fn move_transaction_coordinator(
        &self,
        transactional_id: &str,
        node_id: i32,
    ) -> Result<(), CommandError> {
        self.check_running(node_id)?;
        self.cluster.move_coordinator(CoordinatorKind::Transaction, transactional_id, node_id);
        Ok(())
    }

    fn check_running(&self, node_id: i32) -> Result<(), CommandError> {
        if self.cluster.is_running(node_id) {
            Ok(())
        } else {
            Err(CommandError::UnknownNode { node_id })
        }
    }

    /// Stops a node: its listeners close, its connections are cut, its partitions get another
    /// leader among their replicas or none. Stopping a stopped node does nothing.
    ///
    /// Cancel safe: the node counts as stopped from the first poll on.
    ///
    /// # Errors
    /// [`CommandError::UnknownNode`].
    pub async fn stop_node(&self, node_id: i32) -> Result<(), CommandError> {
        let index = self.node_index(node_id)?;
        let server = self.servers.lock().get_mut(index).and_then(Option::take);
        let Some(server) = server else { return Ok(()) };
        let coordinated: Vec<_> = self
            .cluster
            .groups
            .with(|groups| groups.group_ids())
            .into_iter()
            .filter(|group| {
                self.cluster.coordinator(CoordinatorKind::Group, group) == Some(node_id)
            })
            .collect();
        self.cluster.set_running(node_id, false);
        self.cluster.node_stopped(node_id);
        if let Some(sessions) = self.cluster.fetch_sessions.get(index) {
            sessions.lock().clear();
        }
        self.cluster.groups.with(|groups| {
            coordinated.iter().for_each(|group| groups.unload(group, ErrorCode::NOT_COORDINATOR));
        });
        server.stop().await;
        Ok(())
    }

    /// Starts a stopped node on the ports that it had. Starting a running node does nothing.
    ///
    /// # Errors
    /// [`CommandError::UnknownNode`]; [`CommandError::Listen`] when somebody took a port meanwhile.
    pub async fn start_node(&self, node_id: i32) -> Result<(), CommandError> {
        let index = self.node_index(node_id)?;
        if self.cluster.is_running(node_id) {
            return Ok(());
        }
        let bound =
            NodeServer::bind(&self.cluster, node_id, &self.listeners, self.tls.as_ref()).await;
        let mut server = bound.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            CommandError::Listen { problem: format!("{error}{}", cause.unwrap_or_default()) }
        })?;
        self.cluster.set_endpoints(node_id, server.endpoints(&self.listeners));
        self.cluster.set_running(node_id, true);
        self.cluster.node_started(node_id);
        server.serve();
        if let Some(slot) = self.servers.lock().get_mut(index) {
            *slot = Some(server);
        }
        Ok(())
    }

    fn node_index(&self, node_id: i32) -> Result<usize, CommandError> {
        let nodes = 1..=self.cluster.settings.node_count;
        let index = usize::try_from(node_id - 1).ok().filter(|_| nodes.contains(&node_id));
        index.ok_or(CommandError::UnknownNode { node_id })
    }

    /// Stops all nodes, closes every connection, and flushes the data directory.
    ///
    /// Cancel safe: dropping the future stops the broker without waiting for its tasks.
    pub async fn shutdown(self) {
        let servers = std::mem::take(&mut *self.servers.lock());
        for server in servers.into_iter().flatten() {
            server.stop().await;
        }
        // The rest is what dropping does.
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.servers.lock().clear();
        self.background.iter().for_each(JoinHandle::abort);
        self.cluster.sync();
    }
}

fn unknown(topic: &str, partition: i32) -> CommandError {
    CommandError::UnknownPartition { topic: topic.to_owned(), partition }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_can_be_shared_between_tasks() {
        fn is_shareable<T: Send + Sync + 'static>() {}
        is_shareable::<Broker>();
    }
}
