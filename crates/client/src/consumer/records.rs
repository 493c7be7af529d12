//! What a poll hands out: batches by partition, and records as slices of them.

use bytes::Bytes;
use milena_core::{
    TopicPartition,
    consumer::Position,
    fetch::{RecordSegment, SegmentIter},
};
use milena_wire::records::{Headers, TimestampType};

/// The records of one poll, by partition.
///
/// They are slices of the responses that they came in. Iterating allocates nothing; the responses
/// are freed with this value and with whatever was made of it by
/// [`to_owned`](ConsumerRecord::to_owned).
#[derive(Clone, Debug, Default)]
pub struct ConsumerRecords {
    partitions: Vec<PartitionRecords>,
    count: usize,
}

impl ConsumerRecords {
    pub(super) fn push(
        &mut self,
        partition: TopicPartition,
        segments: Vec<RecordSegment>,
        count: usize,
        next: Position,
    ) {
        self.count += count;
        match self.partitions.last_mut().filter(|last| last.partition == partition) {
            Some(last) => {
                last.segments.extend(segments);
                last.count += count;
                last.next = next;
            }
            None => self.partitions.push(PartitionRecords { partition, segments, count, next }),
        }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none, as when a poll times out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records partition by partition.
    #[must_use]
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = &PartitionRecords> {
        self.partitions.iter()
    }

    /// All records, partition after partition and in the order of offsets within each.
    #[must_use]
    pub fn iter(&self) -> Records<'_> {
        Records { partitions: self.partitions.iter(), current: None }
    }

    pub(super) fn into_partitions(self) -> Vec<PartitionRecords> {
        self.partitions
    }
}

impl<'a> IntoIterator for &'a ConsumerRecords {
    type Item = ConsumerRecord<'a>;
    type IntoIter = Records<'a>;

    fn into_iter(self) -> Records<'a> {
        self.iter()
    }
}

/// Records of one partition, in the order of their offsets.
#[derive(Clone, Debug)]
pub struct PartitionRecords {
    partition: TopicPartition,
    segments: Vec<RecordSegment>,
    count: usize,
    next: Position,
}

impl PartitionRecords {
    /// The topic and the partition's number.
    #[must_use]
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.partition.topic
    }

    /// The partition's number.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition.partition
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The position behind these records: what to commit once they are processed. It may lie
    /// beyond the last record's offset plus one, where offsets are used by transaction markers or
    /// were compacted away.
    #[must_use]
    pub fn next_position(&self) -> Position {
        self.next
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> PartitionIter<'_> {
        PartitionIter {
            partition: &self.partition,
            segments: self.segments.iter(),
            current: None,
            left: self.count,
        }
    }
}

/// The records of one partition.
#[derive(Clone, Debug)]
pub struct PartitionIter<'a> {
    partition: &'a TopicPartition,
    segments: std::slice::Iter<'a, RecordSegment>,
    current: Option<(&'a RecordSegment, SegmentIter<'a>)>,
    left: usize,
}

impl<'a> Iterator for PartitionIter<'a> {
    type Item = ConsumerRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<ConsumerRecord<'a>> {
        loop {
            if let Some((segment, records)) = &mut self.current
                && let Some(record) = records.next()
            {
                self.left = self.left.saturating_sub(1);
                return Some(ConsumerRecord {
                    topic: &self.partition.topic,
                    partition: self.partition.partition,
                    leader_epoch: segment.leader_epoch(),
                    offset: record.offset,
                    timestamp: record.timestamp,
                    timestamp_type: segment.timestamp_type(),
                    key: record.key,
                    value: record.value,
                    headers: record.headers(),
                    source: Source { partition: self.partition, segment },
                });
            }
            let segment = self.segments.next()?;
            self.current = Some((segment, segment.iter()));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// All records of a poll.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    partitions: std::slice::Iter<'a, PartitionRecords>,
    current: Option<PartitionIter<'a>>,
}

impl<'a> Iterator for Records<'a> {
    type Item = ConsumerRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<ConsumerRecord<'a>> {
        loop {
            if let Some(record) = self.current.as_mut().and_then(Iterator::next) {
                return Some(record);
            }
            self.current = Some(self.partitions.next()?.records());
        }
    }
}

/// One record as slices of its batch.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConsumerRecord<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition's number.
    pub partition: i32,
    /// The epoch of the leader that wrote the record; `None` for records older than Kafka 0.11.
    pub leader_epoch: Option<i32>,
    /// The record's offset.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 when there is none.
    pub timestamp: i64,
    /// Who set the timestamp.
    pub timestamp_type: TimestampType,
    /// The key, which may be null.
    pub key: Option<&'a [u8]>,
    /// The value; null is a tombstone in compacted topics.
    pub value: Option<&'a [u8]>,
    /// The headers in order; names may occur more than once.
    pub headers: Headers<'a>,
    source: Source<'a>,
}

#[derive(Clone, Copy)]
struct Source<'a> {
    partition: &'a TopicPartition,
    segment: &'a RecordSegment,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl ConsumerRecord<'_> {
    /// The record as a value of its own; key, value and headers share the batch's bytes.
    #[must_use]
    pub fn to_owned(&self) -> OwnedRecord {
        let share = |slice: &[u8]| self.source.segment.slice_ref(slice);
        OwnedRecord {
            topic_partition: self.source.partition.clone(),
            leader_epoch: self.leader_epoch,
            offset: self.offset,
            timestamp: self.timestamp,
            timestamp_type: self.timestamp_type,
            key: self.key.map(share),
            value: self.value.map(share),
            headers: self
                .headers
                .map(|header| OwnedHeader {
                    key: header.key().into_owned(),
                    value: header.value().map(share),
                })
                .collect(),
        }
    }
}

/// A record that lives for itself. Its bytes are shared with the batch that it came in, which is
/// kept as long as any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedRecord {
    /// Topic and partition.
    pub topic_partition: TopicPartition,
    /// The epoch of the leader that wrote the record.
    pub leader_epoch: Option<i32>,
    /// The record's offset.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 when there is none.
    pub timestamp: i64,
    /// Who set the timestamp.
    pub timestamp_type: TimestampType,
    /// The key, which may be null.
    pub key: Option<Bytes>,
    /// The value, which may be null.
    pub value: Option<Bytes>,
    /// The headers in order; names may occur more than once.
    pub headers: Vec<OwnedHeader>,
}

/// A header that lives for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedHeader {
    /// The name; bytes that are no UTF-8 are replaced.
    pub key: String,
    /// The value, which may be null.
    pub value: Option<Bytes>,
}
