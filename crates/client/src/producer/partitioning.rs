//! Choosing the partition of a record.

use milena_core::producer::{TopicPartitions, partition_for_key};

use super::failure;
use super::record::ProducerRecord;
use super::shared::Shared;
use super::topic::Topic;
use crate::Error;

/// The partition that a record goes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    /// This one.
    Fixed(u32),
    /// The one that records without key go to for the time being.
    Sticky(u32),
    /// The record names one that is not known.
    Unknown(i32),
}

/// Spec: java/KafkaProducer.partition@4.x: the partition that the record names, else the custom
/// partitioner's, else that of the key unless keys are ignored, else the sticky one.
pub(super) fn choose(
    shared: &Shared,
    topic: &Topic,
    record: &ProducerRecord<'_>,
) -> Result<Choice, Error> {
    let count = topic.count();
    if record.partition.is_none()
        && let Some(partitioner) = &shared.partitioner
    {
        let available = topic.available.read();
        let partitions = TopicPartitions::new(&topic.name, count, &available);
        let index = partitioner.partition(record.key, record.value, &partitions);
        if index < count {
            return Ok(Choice::Fixed(index));
        }
        let named = i32::try_from(index).unwrap_or(i32::MAX);
        return Err(failure::no_partition(&topic.name, named, count));
    }
    match choose_plainly(shared, topic, record) {
        Choice::Unknown(partition) if partition < 0 => {
            Err(failure::no_partition(&topic.name, partition, count))
        }
        choice => Ok(choice),
    }
}

/// As [`choose`], without a custom partitioner.
#[inline]
pub(super) fn choose_plainly(
    shared: &Shared,
    topic: &Topic,
    record: &ProducerRecord<'_>,
) -> Choice {
    let count = topic.count();
    match (record.partition, record.key) {
        (Some(partition), _) => match u32::try_from(partition) {
            Ok(index) if index < count => Choice::Fixed(index),
            _ => Choice::Unknown(partition),
        },
        (None, Some(key)) if !shared.settings.ignore_keys => {
            Choice::Fixed(partition_for_key(key, count))
        }
        _ => Choice::Sticky(topic.sticky.current(count)),
    }
}
