//! A topic: its id, its configuration, its partitions.

use std::sync::Arc;

use milena_wire::{ByteString, Uuid};
use parking_lot::RwLock;

use super::partition::Partition;
use crate::config::TopicConfig;

/// A topic. Partitions are only ever added.
#[derive(Debug)]
pub(crate) struct Topic {
    pub name: ByteString,
    pub id: Uuid,
    pub config: RwLock<TopicConfig>,
    pub partitions: RwLock<Vec<Arc<Partition>>>,
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        usize::try_from(index).ok().and_then(|index| self.partitions.read().get(index).cloned())
    }

    pub(crate) fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.read().len()).unwrap_or(i32::MAX)
    }

    /// Topics that clients may not write.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(&*self.name, "__consumer_offsets" | "__transaction_state")
    }
}
