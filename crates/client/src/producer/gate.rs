//! Whether records may be sent, as far as transactions are concerned.

use std::sync::atomic::{AtomicBool, Ordering};

use milena_core::producer::TransactionState;
use parking_lot::Mutex;

use super::failure;
use crate::{Error, ErrorKind};

/// Open for producers without transactions, and while a transaction is open.
///
/// Sending tasks look at it under the lock of a partition, and the background task closes it before it
/// takes that lock to see what belongs to a transaction that ends: so no record falls between two.
#[derive(Debug)]
pub(super) struct Gate {
    is_open: AtomicBool,
    why: Mutex<Why>,
}

#[derive(Debug, Default)]
struct Why {
    state: Option<TransactionState>,
    /// What went wrong last on the way to a coordinator.
    trouble: Option<Error>,
}

impl Gate {
    pub(super) fn new(is_open: bool) -> Self {
        Self { is_open: AtomicBool::new(is_open), why: Mutex::default() }
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::Relaxed);
    }

    /// Opens or closes it as the state says.
    pub(super) fn follow(&self, state: &TransactionState) {
        let mut why = self.why.lock();
        if why.state.as_ref() != Some(state) {
            why.state = Some(state.clone());
            why.trouble = None;
        }
        drop(why);
        self.is_open.store(*state == TransactionState::InTransaction, Ordering::Relaxed);
    }

    /// Remembers why a coordinator cannot be asked.
    pub(super) fn set_trouble(&self, error: Error) {
        self.why.lock().trouble = Some(error);
    }

    /// Why no record is taken.
    #[cold]
    pub(super) fn refusal(&self) -> Error {
        let why = self.why.lock();
        if let Some(failure) = why.state.as_ref().and_then(TransactionState::failure) {
            return failure::transaction(failure);
        }
        let message = match &why.state {
            None
            | Some(TransactionState::Uninitialized | TransactionState::Initializing { .. }) => {
                "the producer has a transactional.id: call init_transactions and begin_transaction first"
            }
            Some(TransactionState::Ready) => {
                "the producer has a transactional.id: call begin_transaction first"
            }
            _ => "the transaction is being committed or aborted",
        };
        Error::new(ErrorKind::TransactionState, message)
    }

    /// The error of a call that found no end in time.
    pub(super) fn timed_out(&self, call: &str) -> Error {
        let message = format!(
            "{call} found no end within max.block.ms; it goes on, and another call waits for the same"
        );
        let error = Error::new(ErrorKind::Timeout, message);
        match &self.why.lock().trouble {
            Some(trouble) => error.with_source(trouble.clone()),
            None => error,
        }
    }
}
