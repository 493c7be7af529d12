//! The nodes of a broker and where they listen.

use milena_wire::ByteString;

use super::Cluster;
use crate::security::SecurityProtocol;

/// An address that clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub protocol: SecurityProtocol,
    pub host: ByteString,
    pub port: u16,
}

/// One node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub id: i32,
    pub is_running: bool,
    /// One for each listener of the broker, in its order.
    pub endpoints: Vec<Endpoint>,
}

impl Node {
    pub(crate) fn new(id: i32) -> Self {
        Self { id, is_running: true, endpoints: Vec::new() }
    }
}

impl Cluster {
    pub(crate) fn running_nodes(&self) -> Vec<i32> {
        self.nodes.read().iter().filter(|node| node.is_running).map(|node| node.id).collect()
    }

    pub(crate) fn is_running(&self, node_id: i32) -> bool {
        self.nodes.read().iter().any(|node| node.id == node_id && node.is_running)
    }

    /// The running node with the lowest id; -1 when none runs.
    pub(crate) fn controller_id(&self) -> i32 {
        self.nodes.read().iter().find(|node| node.is_running).map_or(-1, |node| node.id)
    }

    /// The address of a running node as clients of this listener know it.
    pub(crate) fn endpoint(&self, node_id: i32, listener: usize) -> Option<Endpoint> {
        let nodes = self.nodes.read();
        let node = nodes.iter().find(|node| node.id == node_id && node.is_running)?;
        node.endpoints.get(listener).cloned()
    }

    /// All running nodes with their addresses.
    pub(crate) fn endpoints(&self, listener: usize) -> Vec<(i32, Endpoint)> {
        let nodes = self.nodes.read();
        let running = nodes.iter().filter(|node| node.is_running);
        running.filter_map(|node| Some((node.id, node.endpoints.get(listener)?.clone()))).collect()
    }

    pub(crate) fn set_endpoints(&self, node_id: i32, endpoints: Vec<Endpoint>) {
        if let Some(node) = self.nodes.write().iter_mut().find(|node| node.id == node_id) {
            node.endpoints = endpoints;
        }
    }

    /// Marks a node as running or not; false when there is no such node.
    pub(crate) fn set_running(&self, node_id: i32, is_running: bool) -> bool {
        let mut nodes = self.nodes.write();
        let node = nodes.iter_mut().find(|node| node.id == node_id);
        node.map(|node| node.is_running = is_running).is_some()
    }
}
