//! The background task's side of transactions: commands to the machine, its news to those who wait.

use std::collections::BTreeMap;
use std::time::Instant;

use milena_core::producer::{
    Ending, OffsetsId, TransactionAnswer, TransactionEnd, TransactionEvent, TransactionFailure,
    TransactionNumber, TransactionState,
};

use super::coordination::Answered;
use super::driver::Driver;
use super::failure;
use super::inbox::{Command, Waiter};
use crate::{Error, ErrorKind};

/// Who waits for what. Bounded by the callers.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    initialized: Vec<Waiter<()>>,
    begun: Vec<Waiter<TransactionNumber>>,
    offsets: BTreeMap<OffsetsId, Waiter<()>>,
    ended: Vec<Waiter<()>>,
    /// The transaction that is open, or was last.
    number: TransactionNumber,
    /// Nobody has a handle on it any more.
    is_abandoned: bool,
}

impl Waiters {
    /// Whether the end of a transaction is still to come that nobody has a handle on.
    pub(super) const fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }
}

impl Driver {
    /// Carries out a command that concerns transactions.
    pub(super) fn transact(&mut self, command: Command, now: Instant) {
        if self.sender.transaction_state().is_none() {
            return refuse(command);
        }
        match command {
            Command::InitTransactions(waiter) => match self.sender.initialize_transactions() {
                Ok(Ending::Done) => tell(waiter, Ok(())),
                Ok(Ending::Waiting) => self.waiters.initialized.push(waiter),
                Err(failure) => tell(waiter, Err(failure::transaction(&failure))),
            },
            Command::BeginTransaction(waiter) => self.begin(waiter, now),
            Command::SendOffsets(number, offsets, waiter) => {
                match self.sender.send_offsets(number, *offsets) {
                    Ok(id) => drop(self.waiters.offsets.insert(id, waiter)),
                    Err(failure) => tell(waiter, Err(failure::transaction(&failure))),
                }
            }
            Command::EndTransaction(number, end, waiter) => match self.end(number, end, now) {
                Ok(Ending::Done) => tell(waiter, Ok(())),
                Ok(Ending::Waiting) => self.waiters.ended.push(waiter),
                Err(failure) => tell(waiter, Err(failure::transaction(&failure))),
            },
            Command::AbandonTransaction(number) => self.abandon(number, now),
            Command::AbortTransaction(waiter) => {
                self.abandon(self.waiters.number, now);
                if self.waiters.is_abandoned {
                    self.waiters.ended.push(waiter);
                } else {
                    tell(waiter, Ok(()));
                }
            }
            Command::Flush(_) | Command::Abort(_) | Command::Detach | Command::Encoded(..) => {}
        }
        self.follow_transactions();
    }

    fn begin(&mut self, waiter: Waiter<TransactionNumber>, now: Instant) {
        match self.sender.begin_transaction() {
            Ok(number) => {
                self.waiters.number = number;
                self.follow_transactions();
                // Whoever asked has gone, and would have had the handle.
                if waiter.send(Ok(number)).is_err() {
                    self.abandon(number, now);
                }
            }
            Err(_) if self.waiters.is_abandoned => self.waiters.begun.push(waiter),
            Err(failure) => tell(waiter, Err(failure::transaction(&failure))),
        }
    }

    fn end(
        &mut self,
        number: TransactionNumber,
        end: TransactionEnd,
        now: Instant,
    ) -> Result<Ending, TransactionFailure> {
        if number == self.waiters.number {
            self.shared.gate.close();
        }
        self.sender.end_transaction(number, end, &mut self.partitions, now)
    }

    /// Nobody has a handle on the transaction any more.
    fn abandon(&mut self, number: TransactionNumber, now: Instant) {
        if number != self.waiters.number {
            return;
        }
        match self.sender.transaction_state() {
            Some(TransactionState::InTransaction | TransactionState::AbortableError(_)) => {
                self.waiters.is_abandoned = self.end(number, TransactionEnd::Abort, now).is_ok();
            }
            Some(
                TransactionState::CommittingTransaction
                | TransactionState::AbortingTransaction
                | TransactionState::Initializing { ended: Some(_) },
            ) => self.waiters.is_abandoned = true,
            _ => {}
        }
    }

    /// Lets the sending tasks know where the transactions stand.
    pub(super) fn follow_transactions(&self) {
        if let Some(state) = self.sender.transaction_state() {
            self.shared.gate.follow(state);
        }
    }

    /// Tells those who wait.
    pub(super) fn handle_transaction_event(&mut self, event: TransactionEvent, now: Instant) {
        tracing::debug!(?event, "transaction");
        self.follow_transactions();
        match event {
            TransactionEvent::Initialized => {
                self.waiters.initialized.drain(..).for_each(|waiter| tell(waiter, Ok(())));
            }
            TransactionEvent::OffsetsSent(id) => {
                if let Some(waiter) = self.waiters.offsets.remove(&id) {
                    tell(waiter, Ok(()));
                }
            }
            TransactionEvent::Ended(_, end) => {
                let counters = &self.shared.counters;
                match end {
                    TransactionEnd::Commit => counters.transactions_committed().increment(),
                    TransactionEnd::Abort => counters.transactions_aborted().increment(),
                }
                self.waiters.is_abandoned = false;
                // What was not sent when the transaction was aborted never will be.
                for (_, waiter) in std::mem::take(&mut self.waiters.offsets) {
                    tell(waiter, Err(aborted()));
                }
                self.waiters.ended.drain(..).for_each(|waiter| tell(waiter, Ok(())));
                for waiter in std::mem::take(&mut self.waiters.begun) {
                    self.begin(waiter, now);
                }
            }
            TransactionEvent::Failed(failure) => self.fail_transactions(&failure, now),
        }
    }

    fn fail_transactions(&mut self, failure: &TransactionFailure, now: Instant) {
        tracing::warn!(%failure, severity = ?failure.severity, "the transaction failed");
        let error = failure::transaction(failure);
        let waiters = &mut self.waiters;
        let units = waiters.initialized.drain(..);
        let units = units.chain(std::mem::take(&mut waiters.offsets).into_values());
        let units = units.chain(waiters.ended.drain(..));
        units.for_each(|waiter| tell(waiter, Err(error.clone())));
        if std::mem::take(&mut self.waiters.is_abandoned) {
            // A commit that nobody has a handle on failed: there is nobody to abort it.
            self.abandon(self.waiters.number, now);
        }
        if !self.waiters.is_abandoned {
            for waiter in std::mem::take(&mut self.waiters.begun) {
                tell(waiter, Err(error.clone()));
            }
        }
    }

    /// The answer to a request of the transaction.
    pub(super) fn handle_answered(&mut self, answered: Answered, now: Instant) {
        let Answered { answer, error } = answered;
        if let Some(error) = error {
            if answer == TransactionAnswer::Lost && !error.is_retriable() {
                // The machine asks again, which helps when somebody repairs it; callers are told.
                self.waiters.initialized.drain(..).for_each(|one| tell(one, Err(error.clone())));
            }
            self.shared.gate.set_trouble(error);
        }
        self.sender.handle_transaction_answer(answer, now);
    }
}

fn tell<T>(waiter: Waiter<T>, outcome: Result<T, Error>) {
    // Whoever asked may have given up.
    let _gone = waiter.send(outcome);
}

fn aborted() -> Error {
    Error::new(ErrorKind::TransactionState, "the transaction was aborted")
}

/// Refuses a call on a producer that has no transactions.
fn refuse(command: Command) {
    let error = || {
        let message = "the producer has no transactions: transactional.id is not set";
        Error::new(ErrorKind::TransactionState, message)
    };
    match command {
        Command::InitTransactions(waiter)
        | Command::SendOffsets(_, _, waiter)
        | Command::EndTransaction(_, _, waiter) => tell(waiter, Err(error())),
        Command::BeginTransaction(waiter) => tell(waiter, Err(error())),
        // There is nothing to abort.
        Command::AbortTransaction(waiter) => tell(waiter, Ok(())),
        Command::AbandonTransaction(_)
        | Command::Flush(_)
        | Command::Abort(_)
        | Command::Detach
        | Command::Encoded(..) => {}
    }
}
