//! The bytes that eager sticky members send with their subscription.
//!
//! Spec: java/StickyAssignor@4.x: `previous_assignment` as an array of (string topic, array of int32),
//! then (v1) `generation` as int32; no version in front, so a reader tries v1 and then v0.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use milena_wire::ByteString;

use crate::TopicPartition;

/// What a member of a `sticky` group owned before it gave everything up to join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StickyAssignorUserData {
    /// The partitions of its last assignment.
    pub previous_assignment: Vec<TopicPartition>,
    /// The generation of that assignment; `None` writes v0.
    pub generation_id: Option<i32>,
}

impl StickyAssignorUserData {
    /// Writes v1, or v0 without a generation. Partitions of a topic that stand together make one
    /// entry.
    pub fn encode(&self) -> Bytes {
        let topics: Vec<&[TopicPartition]> =
            self.previous_assignment.chunk_by(|a, b| a.topic == b.topic).collect();
        let mut out = BytesMut::new();
        out.put_u32(length(topics.len()));
        for partitions in topics {
            let topic = &partitions[0].topic;
            // A topic's name is at most 249 bytes in Kafka.
            out.put_u16(u16::try_from(topic.len()).unwrap_or(u16::MAX));
            out.put_slice(&topic.as_bytes()[..topic.len().min(usize::from(u16::MAX))]);
            out.put_u32(length(partitions.len()));
            partitions.iter().for_each(|tp| out.put_i32(tp.partition));
        }
        if let Some(generation_id) = self.generation_id {
            out.put_i32(generation_id);
        }
        out.freeze()
    }

    /// Reads v1 or v0; `None` when it is neither, which a leader treats as owning nothing.
    pub fn decode(data: &Bytes) -> Option<Self> {
        let mut data = data.clone();
        let mut previous_assignment = Vec::new();
        for _ in 0..data.try_get_u32().ok()? {
            let length = usize::from(data.try_get_u16().ok()?);
            if data.len() < length {
                return None;
            }
            let topic = ByteString::try_from(data.split_to(length)).ok()?;
            for _ in 0..data.try_get_u32().ok()? {
                let partition = data.try_get_i32().ok()?;
                previous_assignment.push(TopicPartition { topic: topic.clone(), partition });
            }
        }
        // Bytes behind v1 belong to a later version and are left alone.
        let generation_id = data.try_get_i32().ok();
        Some(Self { previous_assignment, generation_id })
    }
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_bytes_that_java_writes() {
        let data = StickyAssignorUserData {
            previous_assignment: vec![
                TopicPartition::new("a", 0),
                TopicPartition::new("a", 2),
                TopicPartition::new("bc", 1),
            ],
            generation_id: Some(7),
        };
        let expected =
            b"\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x02\0\x02bc\0\0\0\x01\0\0\0\x01\0\0\0\x07";
        assert_eq!(data.encode(), &expected[..]);
        assert_eq!(StickyAssignorUserData::decode(&data.encode()), Some(data));
    }

    #[test]
    fn reads_version_0_without_a_generation() {
        let data = StickyAssignorUserData {
            previous_assignment: vec![TopicPartition::new("a", 0)],
            generation_id: None,
        };
        assert_eq!(StickyAssignorUserData::decode(&data.encode()), Some(data));
    }

    #[test]
    fn refuses_counts_that_the_bytes_do_not_hold() {
        for hostile in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x01\0\x01a\x7f\xff\xff\xff\0\0", b"\0\0"]
        {
            assert_eq!(StickyAssignorUserData::decode(&Bytes::copy_from_slice(hostile)), None);
        }
    }
}
