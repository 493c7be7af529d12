//! The transaction coordinator as a machine: who may write, what a transaction covers, when it ends.
//!
//! Ending is one step here, because markers go into logs of the same process: the caller writes the
//! markers of an [`Ending`] right after it got it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use milena_wire::{ByteString, ErrorCode};

use crate::storage::StoredTransaction;

/// Kafka's default of `transaction.max.timeout.ms`.
const TIMEOUT_MAX: Duration = Duration::from_secs(15 * 60);
/// Epochs end here; then the transactional id gets another producer id.
const EPOCH_MAX: i16 = i16::MAX - 1;

/// Where a transactional id stands; names are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionState {
    Empty,
    Ongoing,
    CompleteCommit,
    CompleteAbort,
}

impl TransactionState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

/// One transactional id.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub timeout: Duration,
    pub state: TransactionState,
    pub partitions: BTreeSet<(ByteString, i32)>,
    pub groups: BTreeSet<ByteString>,
    pub started_ms: i64,
    deadline: Option<Instant>,
}

/// What has to be written to end a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub commits: bool,
    pub partitions: Vec<(ByteString, i32)>,
    pub groups: Vec<ByteString>,
}

/// The answer to InitProducerId.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Initialized {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// An unfinished transaction of the producer before.
    pub aborted: Option<Ending>,
}

/// A producer as a request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerIdentity {
    pub producer_id: i64,
    pub producer_epoch: i16,
}

/// All transactional ids.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    by_id: BTreeMap<ByteString, Transaction>,
}

impl Transactions {
    pub(crate) fn restore(&mut self, stored: BTreeMap<ByteString, StoredTransaction>) {
        for (id, stored) in stored {
            let timeout = Duration::from_millis(u64::try_from(stored.timeout_ms).unwrap_or(0));
            let transaction = Transaction::new(stored.producer_id, stored.producer_epoch, timeout);
            self.by_id.insert(id, transaction);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ByteString, &Transaction)> {
        self.by_id.iter()
    }

    pub(crate) fn get(&self, transactional_id: &str) -> Option<&Transaction> {
        self.by_id.get(transactional_id)
    }

    /// InitProducerId with a transactional id: fences the producer before, ends what it left open.
    pub(crate) fn initialize(
        &mut self,
        transactional_id: &ByteString,
        timeout: Duration,
        expected: Option<ProducerIdentity>,
        mut new_producer_id: impl FnMut() -> i64,
    ) -> Result<Initialized, ErrorCode> {
        if timeout.is_zero() || timeout > TIMEOUT_MAX {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
        }
        let Some(transaction) = self.by_id.get_mut(transactional_id) else {
            let transaction = Transaction::new(new_producer_id(), 0, timeout);
            let producer_id = transaction.producer_id;
            self.by_id.insert(transactional_id.clone(), transaction);
            return Ok(Initialized { producer_id, producer_epoch: 0, aborted: None });
        };
        if let Some(expected) = expected {
            let is_current = expected.producer_id == transaction.producer_id;
            // A retry of a bump that was done already still names the epoch before.
            let is_retry = expected.producer_epoch.checked_add(1)
                == Some(transaction.producer_epoch)
                && transaction.state == TransactionState::Empty;
            if is_current && is_retry {
                let Transaction { producer_id, producer_epoch, .. } = *transaction;
                return Ok(Initialized { producer_id, producer_epoch, aborted: None });
            }
            if !is_current || expected.producer_epoch != transaction.producer_epoch {
                return Err(ErrorCode::PRODUCER_FENCED);
            }
        }
        transaction.bump(&mut new_producer_id);
        let aborted =
            (transaction.state == TransactionState::Ongoing).then(|| transaction.end(false));
        transaction.state = TransactionState::Empty;
        transaction.timeout = timeout;
        let Transaction { producer_id, producer_epoch, .. } = *transaction;
        Ok(Initialized { producer_id, producer_epoch, aborted })
    }

    /// Whether the producer is the current one of the transactional id.
    pub(crate) fn check(
        &self,
        transactional_id: &str,
        producer: ProducerIdentity,
    ) -> Result<(), ErrorCode> {
        let known =
            self.by_id.get(transactional_id).ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)?;
        if known.producer_id != producer.producer_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if known.producer_epoch != producer.producer_epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        Ok(())
    }

    /// Adds partitions and groups to the transaction; the first one begins it.
    pub(crate) fn add(
        &mut self,
        transactional_id: &str,
        producer: ProducerIdentity,
        partitions: impl IntoIterator<Item = (ByteString, i32)>,
        groups: impl IntoIterator<Item = ByteString>,
        (now, now_ms): (Instant, i64),
    ) -> Result<(), ErrorCode> {
        self.check(transactional_id, producer)?;
        let Some(transaction) = self.by_id.get_mut(transactional_id) else { return Ok(()) };
        if transaction.state != TransactionState::Ongoing {
            transaction.state = TransactionState::Ongoing;
            transaction.started_ms = now_ms;
            transaction.deadline = Some(now + transaction.timeout);
        }
        transaction.partitions.extend(partitions);
        transaction.groups.extend(groups);
        Ok(())
    }

    /// Whether a partition is part of the open transaction.
    pub(crate) fn covers(
        &self,
        transactional_id: &str,
        producer: ProducerIdentity,
        topic: &str,
        partition: i32,
    ) -> bool {
        self.check(transactional_id, producer).is_ok()
            && self.by_id.get(transactional_id).is_some_and(|transaction| {
                transaction
                    .partitions
                    .iter()
                    .any(|(name, index)| name == topic && *index == partition)
            })
    }

    /// EndTxn. `None` when the same end was made before. `bumps` is the second transaction
    /// protocol (KIP-890): every end gives the producer a new epoch.
    pub(crate) fn end(
        &mut self,
        transactional_id: &str,
        producer: ProducerIdentity,
        commits: bool,
        bumps: bool,
        mut new_producer_id: impl FnMut() -> i64,
    ) -> Result<(Option<Ending>, ProducerIdentity), ErrorCode> {
        let retried = self.by_id.get(transactional_id).filter(|transaction| {
            let last = ProducerIdentity {
                producer_epoch: transaction.producer_epoch.saturating_sub(1),
                ..producer
            };
            bumps && transaction.producer_id == producer.producer_id && last == producer
        });
        if let Some(transaction) = retried
            && (transaction.is_ended(commits) || transaction.is_ended(!commits))
        {
            // Also what was aborted because it took too long has ended like that.
            return if transaction.is_ended(commits) {
                Ok((None, transaction.identity()))
            } else {
                Err(ErrorCode::INVALID_TXN_STATE)
            };
        }
        self.check(transactional_id, producer)?;
        let Some(transaction) = self.by_id.get_mut(transactional_id) else {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        };
        if transaction.state != TransactionState::Ongoing {
            // With the second protocol a transaction that never wrote anything may be aborted; the same
            // end again would name the epoch before.
            if bumps && !commits {
                transaction.bump(&mut new_producer_id);
                transaction.state = TransactionState::CompleteAbort;
                return Ok((None, transaction.identity()));
            }
            if !bumps && transaction.is_ended(commits) {
                return Ok((None, transaction.identity()));
            }
            return Err(ErrorCode::INVALID_TXN_STATE);
        }
        if bumps {
            transaction.bump(&mut new_producer_id);
        }
        let mut ending = transaction.end(commits);
        ending.producer_id = producer.producer_id;
        if transaction.producer_id != producer.producer_id {
            ending.producer_epoch = i16::MAX;
        }
        Ok((Some(ending), transaction.identity()))
    }

    /// Aborts what has been open for longer than its timeout. The producer is fenced.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Ending> {
        let due = |transaction: &&mut Transaction| {
            transaction.deadline.is_some_and(|deadline| deadline <= now)
        };
        let mut endings = Vec::new();
        for transaction in self.by_id.values_mut().filter(due) {
            transaction.producer_epoch = transaction.producer_epoch.saturating_add(1);
            endings.push(transaction.end(false));
        }
        endings
    }
}

impl Transaction {
    fn new(producer_id: i64, producer_epoch: i16, timeout: Duration) -> Self {
        Self {
            producer_id,
            producer_epoch,
            timeout,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
            started_ms: -1,
            deadline: None,
        }
    }

    fn identity(&self) -> ProducerIdentity {
        ProducerIdentity { producer_id: self.producer_id, producer_epoch: self.producer_epoch }
    }

    fn is_ended(&self, commits: bool) -> bool {
        let ended = if commits {
            TransactionState::CompleteCommit
        } else {
            TransactionState::CompleteAbort
        };
        self.state == ended
    }

    fn bump(&mut self, new_producer_id: &mut impl FnMut() -> i64) {
        if self.producer_epoch >= EPOCH_MAX && self.state != TransactionState::Ongoing {
            self.producer_id = new_producer_id();
            self.producer_epoch = 0;
        } else {
            self.producer_epoch = self.producer_epoch.saturating_add(1);
        }
    }

    fn end(&mut self, commits: bool) -> Ending {
        self.state = if commits {
            TransactionState::CompleteCommit
        } else {
            TransactionState::CompleteAbort
        };
        self.deadline = None;
        Ending {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            commits,
            partitions: std::mem::take(&mut self.partitions).into_iter().collect(),
            groups: std::mem::take(&mut self.groups).into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn started() -> (Transactions, ByteString, ProducerIdentity) {
        let mut transactions = Transactions::default();
        let id = ByteString::from("t");
        let initialized = transactions.initialize(&id, TIMEOUT, None, || 5).unwrap();
        let producer = ProducerIdentity { producer_id: initialized.producer_id, producer_epoch: 0 };
        (transactions, id, producer)
    }

    fn add(
        transactions: &mut Transactions,
        producer: ProducerIdentity,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        transactions.add("t", producer, [(ByteString::from("topic"), 0)], [], (now, 0))
    }

    #[test]
    fn a_new_producer_fences_the_one_before_and_aborts_its_transaction() {
        let (mut transactions, id, old) = started();
        add(&mut transactions, old, Instant::now()).unwrap();
        let next = transactions.initialize(&id, TIMEOUT, None, || 6).unwrap();
        assert_eq!((next.producer_id, next.producer_epoch), (5, 1));
        let aborted = next.aborted.unwrap();
        assert_eq!(
            (aborted.commits, aborted.producer_epoch, aborted.partitions.len()),
            (false, 1, 1)
        );
        assert_eq!(add(&mut transactions, old, Instant::now()), Err(ErrorCode::PRODUCER_FENCED));
    }

    #[test]
    fn the_same_end_may_be_asked_for_twice_but_not_the_other_one() {
        let (mut transactions, _, producer) = started();
        add(&mut transactions, producer, Instant::now()).unwrap();
        assert!(transactions.end("t", producer, true, false, || 6).unwrap().0.is_some());
        assert_eq!(transactions.end("t", producer, true, false, || 6), Ok((None, producer)));
        assert_eq!(
            transactions.end("t", producer, false, false, || 6),
            Err(ErrorCode::INVALID_TXN_STATE)
        );
    }

    #[test]
    fn a_transaction_that_takes_too_long_is_aborted() {
        let (mut transactions, _, producer) = started();
        let now = Instant::now();
        add(&mut transactions, producer, now).unwrap();
        assert!(transactions.handle_timeout(now).is_empty());
        let endings = transactions.handle_timeout(now + TIMEOUT);
        assert_eq!(endings.len(), 1);
        assert_eq!(
            transactions.end("t", producer, true, false, || 6),
            Err(ErrorCode::PRODUCER_FENCED)
        );
    }

    #[test]
    fn with_the_second_protocol_a_producer_goes_on_after_its_transaction_took_too_long() {
        let (mut transactions, id, producer) = started();
        let now = Instant::now();
        add(&mut transactions, producer, now).unwrap();
        assert_eq!(transactions.handle_timeout(now + TIMEOUT).len(), 1);
        let commit = transactions.end("t", producer, true, true, || 6);
        assert_eq!(commit, Err(ErrorCode::INVALID_TXN_STATE));
        let (ending, next) = transactions.end("t", producer, false, true, || 6).unwrap();
        assert_eq!((ending, next.producer_epoch), (None, 1));
        // One that was replaced does not.
        transactions.initialize(&id, TIMEOUT, None, || 6).unwrap();
        let abort = transactions.end("t", next, false, true, || 6);
        assert_eq!(abort, Err(ErrorCode::PRODUCER_FENCED));
    }

    #[test]
    fn the_second_protocol_bumps_the_epoch_at_every_end() {
        let (mut transactions, _, producer) = started();
        add(&mut transactions, producer, Instant::now()).unwrap();
        let (ending, next) = transactions.end("t", producer, true, true, || 6).unwrap();
        assert_eq!(next.producer_epoch, 1);
        assert_eq!(ending.unwrap().producer_epoch, 1);
        assert_eq!(transactions.end("t", producer, true, true, || 6), Ok((None, next)));
    }
}
