//! Coming back from a data directory, and leaving it in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use milena_wire::ByteString;
use parking_lot::{Mutex, RwLock};

use super::partition::{Leadership, Partition};
use super::topic::Topic;
use super::topics::{TopicProblem, leadership};
use super::{Cluster, now_ms};
use crate::error::StartError;
use crate::log::end_marker;
use crate::storage::{Journal, Recovered, StoredTopic, recover_partition};

impl Cluster {
    pub(super) fn recover(&mut self, directory: &Path) -> Result<(), StartError> {
        let storage = |path: &Path| {
            let path = path.to_owned();
            move |source| StartError::Storage { path, source }
        };
        std::fs::create_dir_all(directory).map_err(storage(directory))?;
        let (journal, recovered) = Journal::open(directory).map_err(storage(directory))?;
        self.journal = Some(Mutex::new(journal));
        match &recovered.cluster_id {
            Some(id) => self.cluster_id = ByteString::from(id.as_str()),
            None => {
                let id = self.cluster_id.clone();
                self.journal(|journal| journal.cluster_id(&id));
            }
        }
        let ids = self.producer_ids.get_mut();
        (ids.next, ids.reserved_until) = (recovered.next_producer_id, recovered.next_producer_id);
        for (name, stored) in &recovered.topics {
            let topic = self.recover_topic(directory, name, stored, &recovered)?;
            self.topics.get_mut().insert(Arc::new(topic));
        }
        self.groups.with(|groups| {
            for ((group_id, topic, partition), committed) in recovered.offsets {
                groups.commit(&group_id, topic, partition, committed);
            }
        });
        self.transactions.get_mut().restore(recovered.transactions);
        Ok(())
    }

    fn recover_topic(
        &self,
        directory: &Path,
        name: &ByteString,
        stored: &StoredTopic,
        recovered: &Recovered,
    ) -> Result<Topic, StartError> {
        let running = self.running_nodes();
        let mut partitions = Vec::with_capacity(stored.replicas.len());
        for (index, replicas) in stored.replicas.iter().enumerate() {
            let index = i32::try_from(index).unwrap_or(i32::MAX);
            let key = (name.clone(), index);
            let path = partition_path(directory, name, index);
            let (mut log, files) =
                recover_partition(&path).map_err(|source| StartError::Storage { path, source })?;
            if let Some(&start) = recovered.starts.get(&key) {
                log.advance_start(start);
            }
            let known = recovered
                .epochs
                .get(&key)
                .copied()
                .unwrap_or(0)
                .max(log.epochs().latest().unwrap_or(0));
            let leadership =
                Leadership { leader_epoch: known + 1, ..leadership(replicas.clone(), &running) };
            self.journal(|journal| journal.epoch(name, index, known + 1));
            let partition = Partition::with_log(name.clone(), index, leadership, log, Some(files));
            abort_open_transactions(&partition);
            partitions.push(Arc::new(partition));
        }
        let (config, partitions) = (RwLock::new(stored.config.clone()), RwLock::new(partitions));
        Ok(Topic { name: name.clone(), id: stored.id, config, partitions })
    }

    /// An empty partition, with files when the broker has a data directory.
    pub(super) fn new_partition(
        &self,
        topic: &ByteString,
        index: i32,
        leadership: Leadership,
    ) -> Result<Arc<Partition>, TopicProblem> {
        let Some(directory) = &self.settings.data_dir else {
            return Ok(Arc::new(Partition::new(topic.clone(), index, leadership)));
        };
        let path = partition_path(directory, topic, index);
        // What an unfinished deletion of a topic of the same name has left.
        let _ = std::fs::remove_dir_all(&path);
        let (log, files) = recover_partition(&path).map_err(|error| {
            let message = format!("cannot create {}: {error}", path.display());
            TopicProblem::new(milena_wire::ErrorCode::KAFKA_STORAGE_ERROR, message)
        })?;
        Ok(Arc::new(Partition::with_log(topic.clone(), index, leadership, log, Some(files))))
    }

    /// Flushes everything to the disk; for a shutdown in order.
    pub(crate) fn sync(&self) {
        if !self.is_durable() {
            return;
        }
        self.journal(|journal| journal.sync());
        for topic in self.topics.read().iter() {
            for partition in topic.partitions.read().iter() {
                partition.lock().sync();
            }
        }
    }
}

/// A restart loses which transactions were open; their producers have to begin again.
fn abort_open_transactions(partition: &Partition) {
    let open = partition.lock().log.producers();
    for producer in open.iter().filter(|producer| producer.transaction_first_offset.is_some()) {
        let marker = end_marker(
            producer.producer_id,
            producer.epoch,
            false,
            producer.coordinator_epoch,
            now_ms(),
        );
        if let Err(error) = partition.append_marker(&marker) {
            tracing::warn!(topic = &*partition.topic, %error, "cannot abort a transaction that was open");
        }
    }
}

fn partition_path(directory: &Path, topic: &str, index: i32) -> PathBuf {
    directory.join(format!("{topic}-{index}"))
}
