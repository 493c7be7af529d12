//! What members of a consumer group tell each other through the coordinator.
//!
//! A subscription or an assignment is an int16 version and the fields of that version; the
//! coordinator passes the bytes on unread. A reader takes what it knows of a later version.
//!
//! Spec: json/ConsumerProtocolSubscription v0-3, json/ConsumerProtocolAssignment v0-3.

use bytes::{Buf, Bytes};
use milena_wire::{
    ByteString, DecodeError, Decoder, EncodeError, Encoder, Int32Array, Message,
    messages::{
        ConsumerProtocolAssignment, ConsumerProtocolSubscription,
        consumer_protocol_assignment::TopicPartition as AssignedTopic,
        consumer_protocol_subscription::TopicPartition as OwnedTopic,
    },
};

use super::assignor::GroupMember;
use crate::TopicPartition;

/// The protocol type under which consumers join.
pub const PROTOCOL_TYPE: &str = "consumer";

/// Why bytes of another member cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub enum ProtocolError {
    /// There is not even a version.
    NoVersion,
    /// The version is negative.
    NegativeVersion(i16),
    /// The fields cannot be read.
    Decode(DecodeError),
}

impl std::fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoVersion => write!(f, "fewer bytes than the version has"),
            Self::NegativeVersion(version) => write!(f, "version {version} is negative"),
            Self::Decode(_) => write!(f, "the fields cannot be read"),
        }
    }
}

impl std::error::Error for ProtocolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::NoVersion | Self::NegativeVersion(_) => None,
        }
    }
}

/// Writes a subscription in the newest version, which every reader takes as far as it knows it.
///
/// # Errors
///
/// [`EncodeError`] when a name is too long for the protocol.
pub fn encode_subscription(
    topics: impl IntoIterator<Item = ByteString>,
    user_data: Option<Bytes>,
    owned: &[TopicPartition],
    generation_id: i32,
    rack_id: Option<ByteString>,
) -> Result<Bytes, EncodeError> {
    let owned_partitions = grouped(owned)
        .map(|(topic, partitions)| OwnedTopic { topic, partitions, ..Default::default() })
        .collect();
    encode(&ConsumerProtocolSubscription {
        topics: topics.into_iter().collect(),
        user_data,
        owned_partitions,
        generation_id,
        rack_id,
        ..Default::default()
    })
}

/// Reads another member's subscription, any version.
///
/// # Errors
///
/// [`ProtocolError`] when the bytes are no subscription.
pub fn decode_subscription(
    member_id: ByteString,
    group_instance_id: Option<ByteString>,
    bytes: &Bytes,
) -> Result<GroupMember, ProtocolError> {
    let (version, subscription) = decode::<ConsumerProtocolSubscription>(bytes)?;
    let owned_partitions = flat(subscription.owned_partitions, |t| (t.topic, t.partitions));
    Ok(GroupMember {
        member_id,
        group_instance_id,
        topics: subscription.topics,
        user_data: subscription.user_data,
        owned_partitions,
        // Up to v1 the generation is not there, which is not the same as having none.
        generation_id: (version >= 2).then_some(subscription.generation_id),
        rack_id: subscription.rack_id,
    })
}

/// Writes a member's assignment.
///
/// # Errors
///
/// [`EncodeError`] when a name is too long for the protocol.
pub fn encode_assignment(partitions: &[TopicPartition]) -> Result<Bytes, EncodeError> {
    let assigned_partitions = grouped(partitions)
        .map(|(topic, partitions)| AssignedTopic { topic, partitions, ..Default::default() })
        .collect();
    encode(&ConsumerProtocolAssignment { assigned_partitions, ..Default::default() })
}

/// Reads our own assignment, any version. No bytes at all are an empty assignment, as Kafka's
/// coordinator gives to members that the leader left out.
///
/// # Errors
///
/// [`ProtocolError`] when the bytes are no assignment.
pub fn decode_assignment(bytes: &Bytes) -> Result<Vec<TopicPartition>, ProtocolError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let (_, assignment) = decode::<ConsumerProtocolAssignment>(bytes)?;
    let mut partitions = flat(assignment.assigned_partitions, |t| (t.topic, t.partitions));
    partitions.sort_unstable();
    partitions.dedup();
    Ok(partitions)
}

fn encode<M: Message>(message: &M) -> Result<Bytes, EncodeError> {
    let mut encoder = Encoder::new();
    message.encode(&mut encoder, M::MAX_VERSION)?;
    let mut bytes = M::MAX_VERSION.to_be_bytes().to_vec();
    bytes.extend_from_slice(&encoder.into_bytes());
    Ok(bytes.into())
}

fn decode<M: Message>(bytes: &Bytes) -> Result<(i16, M), ProtocolError> {
    let mut fields = bytes.clone();
    let version = fields.try_get_i16().map_err(|_| ProtocolError::NoVersion)?;
    if version < 0 {
        return Err(ProtocolError::NegativeVersion(version));
    }
    let known = version.min(M::MAX_VERSION);
    let message = M::decode(&mut Decoder::new(fields), known).map_err(ProtocolError::Decode)?;
    Ok((version, message))
}

/// Runs of the same topic as one entry each; the partitions need not be sorted.
fn grouped(partitions: &[TopicPartition]) -> impl Iterator<Item = (ByteString, Int32Array)> + '_ {
    partitions.chunk_by(|a, b| a.topic == b.topic).map(|run| {
        (run[0].topic.clone(), run.iter().map(|partition| partition.partition).collect())
    })
}

fn flat<T>(topics: Vec<T>, parts: impl Fn(T) -> (ByteString, Int32Array)) -> Vec<TopicPartition> {
    let mut partitions = Vec::new();
    for (topic, numbers) in topics.into_iter().map(parts) {
        // A copy, for the frame that the name is a slice of would stay alive with it.
        let topic = ByteString::from(&*topic);
        partitions
            .extend(numbers.iter().map(|n| TopicPartition { topic: topic.clone(), partition: *n }));
    }
    partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned() -> Vec<TopicPartition> {
        vec![TopicPartition::new("a", 0), TopicPartition::new("a", 1), TopicPartition::new("b", 7)]
    }

    #[test]
    fn subscriptions_survive_the_way_to_the_leader() {
        let bytes = encode_subscription(
            [ByteString::from("a"), ByteString::from("b")],
            Some(Bytes::from_static(b"data")),
            &owned(),
            5,
            Some("rack".into()),
        )
        .unwrap();
        let member = decode_subscription("m".into(), None, &bytes).unwrap();
        assert_eq!(member.topics, ["a", "b"]);
        assert_eq!(member.owned_partitions, owned());
        assert_eq!(member.generation_id, Some(5));
        assert_eq!(member.rack_id.as_deref(), Some("rack"));
    }

    #[test]
    fn old_subscriptions_have_no_generation() {
        let v0 = Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff");
        let member = decode_subscription("m".into(), Some("i".into()), &v0).unwrap();
        assert_eq!((member.topics.len(), member.generation_id, member.user_data), (1, None, None));
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let mut bytes = encode_assignment(&owned()).unwrap().to_vec();
        bytes[..2].copy_from_slice(&99i16.to_be_bytes());
        bytes.extend_from_slice(b"fields of a later version");
        assert_eq!(decode_assignment(&bytes.into()).unwrap(), owned());
    }

    #[test]
    fn an_assignment_without_bytes_is_empty() {
        assert_eq!(decode_assignment(&Bytes::new()).unwrap(), []);
    }

    #[test]
    fn refuses_bytes_that_are_no_assignment() {
        for hostile in [&b"\0"[..], b"\xff\xff\0\0\0\0", b"\0\0\x7f\xff\xff\xff"] {
            assert!(decode_assignment(&Bytes::copy_from_slice(hostile)).is_err());
        }
    }
}
