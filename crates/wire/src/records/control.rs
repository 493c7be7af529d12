//! Control records: the ends of transactions, and what KRaft writes into its own log.
//!
//! A control record's key is version and type as int16; the value of an end of a transaction is
//! version as int16 and the coordinator's epoch as int32.
//!
//! Source: the protocol guide, "Control Batches"; KIP-98.

use std::fmt;

use bytes::Bytes;

use super::builder::{RecordBatchBuilder, SealOptions};
use crate::compression::Compressor;

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ControlRecordType {
    /// The producer's transaction was aborted; type 0.
    Abort,
    /// The producer's transaction was committed; type 1.
    Commit,
    /// A KRaft leader was elected; type 2.
    LeaderChange,
    /// A KRaft snapshot begins; type 3.
    SnapshotHeader,
    /// A KRaft snapshot ends; type 4.
    SnapshotFooter,
    /// The KRaft version; type 5.
    KRaftVersion,
    /// The set of KRaft voters; type 6.
    KRaftVoters,
    /// A type of a later Kafka, to be skipped.
    Unknown(i16),
}

impl ControlRecordType {
    /// The type that the key of a control record names.
    ///
    /// # Errors
    ///
    /// The key has less than four bytes or a negative version.
    pub fn parse(key: &[u8]) -> Result<Self, InvalidControlRecord> {
        let invalid = InvalidControlRecord { part: "key", expected: 4, found: key.len() };
        let (_version, rest) = take_version(key, invalid)?;
        let kind = rest.first_chunk().ok_or(invalid)?;
        Ok(match i16::from_be_bytes(*kind) {
            0 => Self::Abort,
            1 => Self::Commit,
            2 => Self::LeaderChange,
            3 => Self::SnapshotHeader,
            4 => Self::SnapshotFooter,
            5 => Self::KRaftVersion,
            6 => Self::KRaftVoters,
            other => Self::Unknown(other),
        })
    }

    /// The type's number.
    #[must_use]
    pub const fn id(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::LeaderChange => 2,
            Self::SnapshotHeader => 3,
            Self::SnapshotFooter => 4,
            Self::KRaftVersion => 5,
            Self::KRaftVoters => 6,
            Self::Unknown(id) => id,
        }
    }
}

/// The value of the control record that ends a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransactionMarker {
    /// The version of the value; fields of versions above 0 are not known and skipped.
    pub version: i16,
    /// The epoch of the transaction coordinator that wrote it.
    pub coordinator_epoch: i32,
}

impl EndTransactionMarker {
    /// The marker in the value of a control record of type abort or commit.
    ///
    /// # Errors
    ///
    /// The value has less than six bytes or a negative version.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidControlRecord> {
        let invalid = InvalidControlRecord { part: "value", expected: 6, found: value.len() };
        let (version, rest) = take_version(value, invalid)?;
        let epoch = rest.first_chunk().ok_or(invalid)?;
        Ok(Self { version, coordinator_epoch: i32::from_be_bytes(*epoch) })
    }
}

fn take_version(
    bytes: &[u8],
    invalid: InvalidControlRecord,
) -> Result<(i16, &[u8]), InvalidControlRecord> {
    let (version, rest) = bytes.split_first_chunk().ok_or(invalid)?;
    let version = i16::from_be_bytes(*version);
    if version < 0 { Err(invalid) } else { Ok((version, rest)) }
}

/// A control record whose key or value is too short, or has a negative version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidControlRecord {
    part: &'static str,
    expected: usize,
    found: usize,
}

impl fmt::Display for InvalidControlRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "control record {} of {} bytes: expected a version of 0 or more and {} bytes at least",
            self.part, self.found, self.expected
        )
    }
}

impl std::error::Error for InvalidControlRecord {}

/// A batch with the one control record that ends a producer's transaction, as a broker appends it.
///
/// `timestamp` is in milliseconds; offset and leader epoch are for
/// [`RecordBatchMut`](super::RecordBatchMut) to set.
#[must_use]
pub fn end_transaction_batch(
    is_committed: bool,
    producer_id: i64,
    producer_epoch: i16,
    coordinator_epoch: i32,
    timestamp: i64,
) -> Bytes {
    let kind = if is_committed { ControlRecordType::Commit } else { ControlRecordType::Abort };
    let mut key = [0; 4];
    key[2..].copy_from_slice(&kind.id().to_be_bytes());
    let mut value = [0; 6];
    value[2..].copy_from_slice(&coordinator_epoch.to_be_bytes());
    let mut builder = RecordBatchBuilder::with_capacity(128);
    builder.append(timestamp, Some(&key), Some(&value), &[]).expect("a marker is small");
    let options = SealOptions {
        producer_id,
        producer_epoch,
        is_transactional: true,
        is_control: true,
        ..SealOptions::default()
    };
    builder
        .seal(&options, &mut Compressor::new())
        .expect("storing without compression cannot fail")
        .into_bytes()
}
