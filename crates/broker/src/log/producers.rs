//! What a partition remembers of its producers: sequences, open transactions, aborted ones.
//!
//! Spec: KIP-98#idempotent-producer: the last five batches of a producer can be recognised again.
//! Spec: KIP-360: a new epoch starts at sequence 0.

use std::collections::{BTreeMap, VecDeque};

use super::header::BatchHeader;

/// Batches per producer that a retry can be matched with; clients keep at most five in flight.
const BATCHES_REMEMBERED: usize = 5;

/// Why a batch of an idempotent producer is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SequenceError {
    OutOfOrder,
    ProducerFenced,
    /// A transactional batch mixed with an idempotent one of the same producer, or the other way round.
    TransactionState,
}

#[derive(Debug, Clone, Copy)]
struct BatchSeen {
    base_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    timestamp: i64,
}

#[derive(Debug, Clone)]
struct ProducerState {
    epoch: i16,
    batches: VecDeque<BatchSeen>,
    transaction_first_offset: Option<i64>,
    last_timestamp: i64,
    coordinator_epoch: i32,
}

/// A transaction that was aborted, with the offsets that it covers in this partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
    /// The offset of the abort marker.
    pub last_offset: i64,
}

/// One row of DescribeProducers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProducerSnapshot {
    pub producer_id: i64,
    pub epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    pub transaction_first_offset: Option<i64>,
}

/// A batch that the log holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duplicate {
    pub base_offset: i64,
    pub timestamp: i64,
}

/// All producers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    states: BTreeMap<i64, ProducerState>,
    aborted: Vec<AbortedTransaction>,
}

impl Producers {
    /// Looks at a batch before it is appended. `Ok(Some(_))` says that it is in the log already.
    pub(crate) fn check(&self, batch: &BatchHeader) -> Result<Option<Duplicate>, SequenceError> {
        let Some(state) = self.states.get(&batch.producer_id) else { return Ok(None) };
        if batch.producer_epoch < state.epoch {
            return Err(SequenceError::ProducerFenced);
        }
        if batch.producer_epoch > state.epoch {
            return if batch.base_sequence == 0 {
                Ok(None)
            } else {
                Err(SequenceError::OutOfOrder)
            };
        }
        let last_sequence = batch.last_sequence();
        let same = |seen: &&BatchSeen| {
            seen.base_sequence == batch.base_sequence && seen.last_sequence == last_sequence
        };
        if let Some(seen) = state.batches.iter().find(same) {
            return Ok(Some(Duplicate {
                base_offset: seen.base_offset,
                timestamp: seen.timestamp,
            }));
        }
        if state.transaction_first_offset.is_some() && !batch.is_transactional() {
            return Err(SequenceError::TransactionState);
        }
        match state.batches.back() {
            Some(last) if next_sequence(last.last_sequence) != batch.base_sequence => {
                Err(SequenceError::OutOfOrder)
            }
            // After a marker bumped the epoch there is no batch to compare with: any sequence starts.
            _ => Ok(None),
        }
    }

    /// The state of a batch's producer, which begins anew with a newer epoch.
    fn state_for(&mut self, batch: &BatchHeader) -> &mut ProducerState {
        let state = self
            .states
            .entry(batch.producer_id)
            .or_insert_with(|| ProducerState::new(batch.producer_epoch));
        if batch.producer_epoch > state.epoch {
            state.epoch = batch.producer_epoch;
            state.batches.clear();
        }
        state
    }

    /// Notes an appended data batch whose first offset is `base_offset`.
    pub(crate) fn appended(&mut self, batch: &BatchHeader, base_offset: i64, timestamp: i64) {
        let state = self.state_for(batch);
        if state.batches.len() == BATCHES_REMEMBERED {
            state.batches.pop_front();
        }
        state.batches.push_back(BatchSeen {
            base_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            base_offset,
            timestamp,
        });
        state.last_timestamp = timestamp;
        if batch.is_transactional() && state.transaction_first_offset.is_none() {
            state.transaction_first_offset = Some(base_offset);
        }
    }

    /// Notes an end marker of a transaction at `offset`.
    pub(crate) fn ended(
        &mut self,
        batch: &BatchHeader,
        offset: i64,
        committed: bool,
        coordinator_epoch: i32,
    ) {
        let state = self.state_for(batch);
        state.coordinator_epoch = coordinator_epoch;
        state.last_timestamp = batch.max_timestamp;
        if let Some(first_offset) = state.transaction_first_offset.take()
            && !committed
        {
            self.aborted.push(AbortedTransaction {
                producer_id: batch.producer_id,
                first_offset,
                last_offset: offset,
            });
        }
    }

    /// The first offset that belongs to a transaction that is still open.
    pub(crate) fn first_open_offset(&self) -> Option<i64> {
        self.states.values().filter_map(|state| state.transaction_first_offset).min()
    }

    /// Aborted transactions that touch offsets from `start` to before `end`.
    pub(crate) fn aborted_between(&self, start: i64, end: i64) -> Vec<AbortedTransaction> {
        self.aborted
            .iter()
            .filter(|aborted| aborted.last_offset >= start && aborted.first_offset < end)
            .copied()
            .collect()
    }

    pub(crate) fn snapshot(&self) -> Vec<ProducerSnapshot> {
        self.states
            .iter()
            .map(|(&producer_id, state)| ProducerSnapshot {
                producer_id,
                epoch: state.epoch,
                last_sequence: state.batches.back().map_or(-1, |seen| seen.last_sequence),
                last_timestamp: state.last_timestamp,
                coordinator_epoch: state.coordinator_epoch,
                transaction_first_offset: state.transaction_first_offset,
            })
            .collect()
    }

    /// Drops aborted transactions that end before `offset`.
    pub(crate) fn forget_before(&mut self, offset: i64) {
        self.aborted.retain(|aborted| aborted.last_offset >= offset);
    }
}

impl ProducerState {
    fn new(epoch: i16) -> Self {
        Self {
            epoch,
            batches: VecDeque::with_capacity(BATCHES_REMEMBERED),
            transaction_first_offset: None,
            last_timestamp: -1,
            coordinator_epoch: -1,
        }
    }
}

fn next_sequence(sequence: i32) -> i32 {
    sequence.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, base_sequence: i32, count: i32) -> BatchHeader {
        BatchHeader {
            base_offset: 0,
            size: 61,
            leader_epoch: -1,
            crc: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: 0,
            max_timestamp: 7,
            producer_id: 1,
            producer_epoch: epoch,
            base_sequence,
            records_count: count,
        }
    }

    fn appended(producers: &mut Producers, batch: &BatchHeader, offset: i64) {
        assert_eq!(producers.check(batch), Ok(None));
        producers.appended(batch, offset, 7);
    }

    #[test]
    fn a_retry_of_one_of_the_last_five_batches_is_recognised() {
        let mut producers = Producers::default();
        for index in 0..6 {
            appended(&mut producers, &batch(0, index * 10, 10), i64::from(index) * 10);
        }
        let found = producers.check(&batch(0, 10, 10));
        assert_eq!(found, Ok(Some(Duplicate { base_offset: 10, timestamp: 7 })));
        assert_eq!(producers.check(&batch(0, 0, 10)), Err(SequenceError::OutOfOrder));
    }

    #[test]
    fn a_gap_in_the_sequence_is_out_of_order() {
        let mut producers = Producers::default();
        appended(&mut producers, &batch(0, 0, 2), 0);
        assert_eq!(producers.check(&batch(0, 3, 1)), Err(SequenceError::OutOfOrder));
        assert_eq!(producers.check(&batch(0, 2, 1)), Ok(None));
    }

    #[test]
    fn a_higher_epoch_starts_at_zero_and_fences_the_lower_one() {
        let mut producers = Producers::default();
        appended(&mut producers, &batch(0, 0, 2), 0);
        assert_eq!(producers.check(&batch(1, 2, 1)), Err(SequenceError::OutOfOrder));
        appended(&mut producers, &batch(1, 0, 1), 2);
        assert_eq!(producers.check(&batch(0, 2, 1)), Err(SequenceError::ProducerFenced));
    }

    #[test]
    fn the_sequence_continues_at_zero_after_the_largest_integer() {
        let mut producers = Producers::default();
        appended(&mut producers, &batch(0, i32::MAX, 1), 0);
        assert_eq!(producers.check(&batch(0, 0, 1)), Ok(None));
    }

    #[test]
    fn an_aborted_transaction_is_listed_for_the_offsets_that_it_covers() {
        let mut producers = Producers::default();
        let data = BatchHeader { attributes: 0x10, ..batch(0, 0, 3) };
        appended(&mut producers, &data, 10);
        assert_eq!(producers.first_open_offset(), Some(10));
        producers.ended(
            &BatchHeader { attributes: 0x30, base_sequence: -1, ..batch(0, 0, 1) },
            13,
            false,
            0,
        );
        assert_eq!(producers.first_open_offset(), None);
        let aborted = AbortedTransaction { producer_id: 1, first_offset: 10, last_offset: 13 };
        assert_eq!(producers.aborted_between(0, 11), vec![aborted]);
        assert_eq!(producers.aborted_between(0, 10), vec![]);
        assert_eq!(producers.aborted_between(14, 20), vec![]);
    }
}
