//! Who leads which partition, when nodes stop and start and when a leader is moved by command.

use super::Cluster;
use super::partition::{NO_LEADER, Partition};
use crate::error::CommandError;

impl Cluster {
    /// Makes `node_id` the leader of a partition, under a new epoch. A node that held no replica gets one.
    pub(crate) fn move_leader(
        &self,
        topic: &str,
        index: i32,
        node_id: i32,
    ) -> Result<i32, CommandError> {
        let unknown =
            || CommandError::UnknownPartition { topic: topic.to_owned(), partition: index };
        let partition = self.partition(topic, index).ok_or_else(unknown)?;
        if !self.is_running(node_id) {
            return Err(CommandError::UnknownNode { node_id });
        }
        let mut isr = {
            let mut state = partition.lock();
            let replicas = &mut state.leadership.replicas;
            if !replicas.contains(&node_id) {
                replicas.push(node_id);
            }
            state.leadership.isr.clone()
        };
        if !isr.contains(&node_id) {
            isr.push(node_id);
        }
        Ok(self.elect(&partition, node_id, isr))
    }

    /// A node is gone: its partitions get the next running replica as leader, or none.
    pub(crate) fn node_stopped(&self, node_id: i32) {
        self.for_each_partition(|partition| {
            let leadership = partition.leadership();
            if !leadership.replicas.contains(&node_id) {
                return;
            }
            let isr: Vec<i32> =
                leadership.isr.iter().copied().filter(|&node| node != node_id).collect();
            if leadership.leader == node_id {
                // The last replica stays in the set: only it has the records.
                let next = isr.first().copied().unwrap_or(NO_LEADER);
                self.elect(partition, next, if isr.is_empty() { leadership.isr } else { isr });
            } else if !isr.is_empty() {
                partition.lock().leadership.isr = isr;
            }
        });
    }

    /// A node is back: it joins the in-sync replicas, and leads what nobody leads.
    pub(crate) fn node_started(&self, node_id: i32) {
        self.for_each_partition(|partition| {
            let leadership = partition.leadership();
            if !leadership.replicas.contains(&node_id) {
                return;
            }
            let mut isr = leadership.isr;
            if leadership.leader == NO_LEADER {
                self.elect(partition, node_id, vec![node_id]);
            } else if !isr.contains(&node_id) {
                isr.push(node_id);
                partition.lock().leadership.isr = isr;
            }
        });
    }

    fn elect(&self, partition: &Partition, leader: i32, isr: Vec<i32>) -> i32 {
        let epoch = partition.elect(leader, isr);
        self.journal(|journal| journal.epoch(&partition.topic, partition.index, epoch));
        tracing::debug!(
            topic = &*partition.topic,
            partition = partition.index,
            leader,
            epoch,
            "elected leader"
        );
        epoch
    }

    fn for_each_partition(&self, mut act: impl FnMut(&Partition)) {
        let topics: Vec<_> = self.topics.read().iter().cloned().collect();
        for topic in topics {
            let partitions = topic.partitions.read().clone();
            partitions.iter().for_each(|partition| act(partition));
        }
    }
}
