//! Producer ids, epochs and the arithmetic of sequence numbers.
//!
//! Spec: KIP-98#idempotent-producer-guarantees: a broker keeps, per partition and producer, the last
//! sequence that it wrote, and takes a batch only if it starts one after it.
//! Spec: guide#record-batch: sequences wrap from 2147483647 to 0.

use std::fmt;

/// The id that a broker gave to a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub i64);

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The epoch of a producer id: a higher one fences the lower ones and starts sequences at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerEpoch(pub i16);

impl fmt::Display for ProducerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A producer id in one of its epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdentity {
    /// The id.
    pub id: ProducerId,
    /// The epoch.
    pub epoch: ProducerEpoch,
}

/// The sequence of the record `records` after the one with `sequence`.
#[must_use]
pub const fn advance_sequence(sequence: i32, records: u32) -> i32 {
    let wrapped = sequence.cast_unsigned().wrapping_add(records) & 0x7fff_ffff;
    wrapped.cast_signed()
}

/// What a batch carries so that a broker can tell it from every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Who writes.
    pub producer_id: ProducerId,
    /// The epoch of `producer_id` that the sequence belongs to.
    pub producer_epoch: ProducerEpoch,
    /// The sequence of the first record.
    pub base_sequence: i32,
}

impl Stamp {
    /// The stamp of what follows so many records.
    pub(crate) const fn advanced(self, records: u32) -> Self {
        Self { base_sequence: advance_sequence(self.base_sequence, records), ..self }
    }
}

/// Where the sequences of one partition stand.
///
/// Each partition has an epoch of its own that starts at the producer's and moves alone: a broker
/// checks epoch and sequence per partition, so a gap in one needs no pause in the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbering {
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    next_sequence: i32,
}

impl Numbering {
    pub(crate) const fn new(producer_id: ProducerId, producer_epoch: ProducerEpoch) -> Self {
        Self { producer_id, producer_epoch, next_sequence: 0 }
    }

    /// The stamp for the next batch of so many records; the sequences are spent.
    pub(crate) const fn stamp(&mut self, records: u32) -> Stamp {
        let stamp = Stamp {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.next_sequence,
        };
        self.next_sequence = advance_sequence(self.next_sequence, records);
        stamp
    }

    /// The numbering that goes on at this sequence, which no broker has taken.
    pub(crate) const fn rewound(self, next_sequence: i32) -> Self {
        Self { next_sequence, ..self }
    }

    /// The numbering that starts again at 0 in the next epoch; `None` when the id has no more.
    ///
    /// Spec: KIP-360#idempotent-producer: the idempotent producer bumps its epoch by itself.
    pub(crate) fn restarted(self) -> Option<Self> {
        let epoch = self.producer_epoch.0.checked_add(1)?;
        Some(Self::new(self.producer_id, ProducerEpoch(epoch)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(advance_sequence(i32::MAX, 1), 0);
        assert_eq!(advance_sequence(i32::MAX - 2, 5), 2);
        assert_eq!(advance_sequence(0, 7), 7);
    }

    #[test]
    fn stamps_follow_each_other() {
        let mut numbering = Numbering::new(ProducerId(9), ProducerEpoch(0));
        assert_eq!(numbering.stamp(3).base_sequence, 0);
        assert_eq!(numbering.stamp(1).base_sequence, 3);
        assert_eq!(numbering.stamp(1).base_sequence, 4);
    }

    #[test]
    fn restart_begins_at_zero_in_the_next_epoch() {
        let mut numbering = Numbering::new(ProducerId(9), ProducerEpoch(4));
        numbering.stamp(3);
        let mut next = numbering.restarted().unwrap();
        let stamp = next.stamp(1);
        assert_eq!((stamp.producer_epoch, stamp.base_sequence), (ProducerEpoch(5), 0));
    }

    #[test]
    fn last_epoch_has_no_successor() {
        assert_eq!(Numbering::new(ProducerId(9), ProducerEpoch(i16::MAX)).restarted(), None);
    }
}
