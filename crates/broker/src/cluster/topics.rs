//! Creating, growing and deleting topics.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use milena_wire::{ByteString, ErrorCode, Uuid};
use parking_lot::RwLock;

use super::partition::{Leadership, NO_LEADER, Partition};
use super::topic::Topic;
use super::{Cluster, random_uuid};
use crate::config::{TopicConfig, check_topic_value};
use crate::storage::StoredTopic;

/// Longest topic name, as in Kafka.
const NAME_LEN_MAX: usize = 249;
/// A request may not make the broker allocate more partitions than this for one topic.
const PARTITIONS_MAX: usize = 10_000;

/// All topics by name and by id.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<ByteString, Arc<Topic>>,
    by_id: HashMap<[u8; 16], Arc<Topic>>,
}

/// A topic to be created.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewTopic {
    pub name: String,
    /// -1 for the default.
    pub partitions: i32,
    /// -1 for the default.
    pub replication_factor: i16,
    /// Nodes by partition; replaces the two numbers above when it is not empty.
    pub assignments: Vec<Vec<i32>>,
    pub configs: Vec<(String, String)>,
}

/// Why a topic cannot be created or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicProblem {
    pub code: ErrorCode,
    pub message: String,
}

impl TopicProblem {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl Topics {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name)
    }

    pub(crate) fn get_by_id(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.by_id.get(&id.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values()
    }

    pub(super) fn insert(&mut self, topic: Arc<Topic>) {
        self.by_id.insert(topic.id.0, Arc::clone(&topic));
        self.by_name.insert(topic.name.clone(), topic);
    }

    fn remove(&mut self, name: &str) -> Option<Arc<Topic>> {
        let topic = self.by_name.remove(name)?;
        self.by_id.remove(&topic.id.0);
        Some(topic)
    }
}

impl Cluster {
    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.read().get(name).cloned()
    }

    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.topics.read().get_by_id(id).cloned()
    }

    pub(crate) fn partition(&self, topic: &str, index: i32) -> Option<Arc<Partition>> {
        self.topic(topic)?.partition(index)
    }

    /// Creates a topic, or only says whether it could be.
    pub(crate) fn create_topic(
        &self,
        new: &NewTopic,
        validate_only: bool,
    ) -> Result<Arc<Topic>, TopicProblem> {
        check_name(&new.name)?;
        let replicas = self.place(new)?;
        for (name, value) in &new.configs {
            check_topic_value(name, value)
                .map_err(|problem| TopicProblem::new(ErrorCode::INVALID_CONFIG, problem))?;
        }
        let name = ByteString::from(new.name.as_str());
        let id = random_uuid();
        let config = TopicConfig::from_entries(new.configs.iter().cloned());
        let running = self.running_nodes();
        let mut topics = self.topics.write();
        if topics.get(&name).is_some() {
            let message = format!("Topic '{name}' already exists.");
            return Err(TopicProblem::new(ErrorCode::TOPIC_ALREADY_EXISTS, message));
        }
        let stored = StoredTopic { id, replicas, config: config.clone() };
        if validate_only {
            let partitions = stored.replicas.into_iter().enumerate().map(|(index, replicas)| {
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                Arc::new(Partition::new(name.clone(), index, leadership(replicas, &running)))
            });
            let partitions = RwLock::new(partitions.collect());
            return Ok(Arc::new(Topic {
                name: name.clone(),
                id: Uuid::ZERO,
                config: RwLock::new(config),
                partitions,
            }));
        }
        let mut partitions = Vec::with_capacity(stored.replicas.len());
        for (index, replicas) in stored.replicas.iter().enumerate() {
            let index = i32::try_from(index).unwrap_or(i32::MAX);
            partitions.push(self.new_partition(
                &name,
                index,
                leadership(replicas.clone(), &running),
            )?);
        }
        let partitions = RwLock::new(partitions);
        let topic =
            Arc::new(Topic { name: name.clone(), id, config: RwLock::new(config), partitions });
        topics.insert(Arc::clone(&topic));
        self.journal(|journal| journal.topic(&name, &stored));
        tracing::debug!(topic = &*name, partitions = stored.replicas.len(), "created topic");
        Ok(topic)
    }

    /// Creates a topic that a client asked metadata of, if that is allowed.
    pub(crate) fn auto_create(&self, name: &str) -> Result<Arc<Topic>, ErrorCode> {
        let new = NewTopic {
            name: name.to_owned(),
            partitions: -1,
            replication_factor: -1,
            ..NewTopic::default()
        };
        match self.create_topic(&new, false) {
            Ok(topic) => Ok(topic),
            Err(problem) if problem.code == ErrorCode::TOPIC_ALREADY_EXISTS => {
                self.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            }
            Err(problem) => Err(problem.code),
        }
    }

    /// Deletes a topic with its records and the offsets that groups committed for it.
    pub(crate) fn delete_topic(&self, name: &str) -> Result<Arc<Topic>, ErrorCode> {
        let topic =
            self.topics.write().remove(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        for partition in topic.partitions.read().iter() {
            let mut state = partition.lock();
            state.leadership.leader = NO_LEADER;
            state.remove_files();
            state.wake();
        }
        self.journal(|journal| journal.topic_deleted(name));
        let changes = self.groups.with(|groups| groups.forget_topic(name));
        for (group_id, change) in changes {
            self.journal(|journal| {
                journal.offset(&group_id, &change.topic, change.partition, None)
            });
        }
        Ok(topic)
    }

    /// Grows a topic to `count` partitions.
    pub(crate) fn add_partitions(
        &self,
        name: &str,
        count: i32,
        assignments: &[Vec<i32>],
        validate_only: bool,
    ) -> Result<(), TopicProblem> {
        let topic = self.topic(name).ok_or_else(|| {
            TopicProblem::new(
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                "This server does not host this topic-partition.",
            )
        })?;
        let known = topic.partition_count();
        if count <= known || usize::try_from(count).is_ok_and(|count| count > PARTITIONS_MAX) {
            let message = format!(
                "The topic has {known} partitions; a larger number, up to {PARTITIONS_MAX}, was expected instead of {count}."
            );
            return Err(TopicProblem::new(ErrorCode::INVALID_PARTITIONS, message));
        }
        let added = usize::try_from(count - known).unwrap_or(0);
        if !assignments.is_empty() && assignments.len() != added {
            let message = format!(
                "{added} partitions are added, but {} assignments are given.",
                assignments.len()
            );
            return Err(TopicProblem::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        }
        let factor =
            topic.partition(0).map_or(1, |partition| partition.leadership().replicas.len());
        let placed = if assignments.is_empty() {
            (known..count).map(|index| self.spread(name, index, factor)).collect()
        } else {
            self.check_assignments(assignments)?;
            assignments.to_vec()
        };
        if validate_only {
            return Ok(());
        }
        let running = self.running_nodes();
        for (index, replicas) in (known..count).zip(placed) {
            let partition =
                self.new_partition(&topic.name, index, leadership(replicas, &running))?;
            topic.partitions.write().push(partition);
        }
        self.store_topic(&topic);
        Ok(())
    }

    /// Notes a topic's configuration and placement in the journal.
    pub(crate) fn store_topic(&self, topic: &Topic) {
        if !self.is_durable() {
            return;
        }
        let replicas = topic
            .partitions
            .read()
            .iter()
            .map(|partition| partition.leadership().replicas)
            .collect();
        let stored = StoredTopic { id: topic.id, replicas, config: topic.config.read().clone() };
        self.journal(|journal| journal.topic(&topic.name, &stored));
    }

    fn place(&self, new: &NewTopic) -> Result<Vec<Vec<i32>>, TopicProblem> {
        if !new.assignments.is_empty() {
            if new.partitions > 0 || new.replication_factor > 0 {
                let message = "Both assignments and a number of partitions or replicas are given.";
                return Err(TopicProblem::new(ErrorCode::INVALID_REQUEST, message));
            }
            self.check_assignments(&new.assignments)?;
            return Ok(new.assignments.clone());
        }
        let count =
            if new.partitions == -1 { self.settings.default_partitions } else { new.partitions };
        let in_range =
            usize::try_from(count).is_ok_and(|count| (1..=PARTITIONS_MAX).contains(&count));
        if !in_range {
            let message =
                format!("Number of partitions was {count}; 1 to {PARTITIONS_MAX} was expected.");
            return Err(TopicProblem::new(ErrorCode::INVALID_PARTITIONS, message));
        }
        let factor = if new.replication_factor == -1 {
            self.settings.default_replication_factor
        } else {
            new.replication_factor
        };
        let nodes = self.settings.node_count;
        if factor < 1 || i32::from(factor) > nodes {
            let message = format!(
                "Replication factor was {factor}; 1 to {nodes} was expected, for {nodes} nodes."
            );
            return Err(TopicProblem::new(ErrorCode::INVALID_REPLICATION_FACTOR, message));
        }
        let factor = usize::try_from(factor).unwrap_or(1);
        Ok((0..count).map(|index| self.spread(&new.name, index, factor)).collect())
    }

    /// Replicas of a partition: consecutive nodes, beginning with another one for each partition.
    fn spread(&self, topic: &str, index: i32, factor: usize) -> Vec<i32> {
        let nodes = i64::from(self.settings.node_count);
        // Topics begin at different nodes, so that many small topics are spread as well.
        let first = topic.bytes().map(i64::from).sum::<i64>() + i64::from(index);
        (0..i64::try_from(factor).unwrap_or(1))
            .map(|replica| i32::try_from((first + replica) % nodes + 1).unwrap_or(1))
            .collect()
    }

    fn check_assignments(&self, assignments: &[Vec<i32>]) -> Result<(), TopicProblem> {
        let nodes = self.settings.node_count;
        let mut factors = assignments.iter().map(Vec::len);
        let factor = factors.next().unwrap_or(0);
        let is_valid = |replicas: &Vec<i32>| {
            let mut sorted = replicas.clone();
            sorted.sort_unstable();
            sorted.dedup();
            sorted.len() == replicas.len() && replicas.iter().all(|node| (1..=nodes).contains(node))
        };
        if factor == 0 || factors.any(|other| other != factor) || !assignments.iter().all(is_valid)
        {
            let message =
                format!("Every partition needs the same number of different nodes, 1 to {nodes}.");
            return Err(TopicProblem::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        }
        Ok(())
    }
}

/// The first leadership of a partition.
pub(super) fn leadership(replicas: Vec<i32>, running: &[i32]) -> Leadership {
    let isr: Vec<i32> = replicas.iter().copied().filter(|node| running.contains(node)).collect();
    Leadership { leader: isr.first().copied().unwrap_or(NO_LEADER), leader_epoch: 0, replicas, isr }
}

fn check_name(name: &str) -> Result<(), TopicProblem> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_valid = !name.is_empty()
        && name.len() <= NAME_LEN_MAX
        && name != "."
        && name != ".."
        && name.bytes().all(allowed);
    if is_valid {
        return Ok(());
    }
    let shown: String = name.chars().take(NAME_LEN_MAX).collect();
    let message = format!(
        "Topic name '{shown}' is illegal: 1 to {NAME_LEN_MAX} ASCII letters, digits, '.', '_' and '-' were expected."
    );
    Err(TopicProblem::new(ErrorCode::INVALID_TOPIC_EXCEPTION, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_kafka_refuses() {
        for name in ["", ".", "..", "a/b", "a b", "ä", &"x".repeat(250)] {
            assert_eq!(
                check_name(name).map_err(|problem| problem.code),
                Err(ErrorCode::INVALID_TOPIC_EXCEPTION),
                "{name}"
            );
        }
        assert_eq!(check_name("orders.v1_new-2"), Ok(()));
    }
}
