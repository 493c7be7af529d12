//! How much work the passwords of one file may take.

use super::error::StoreError;

/// Java takes 10,000 rounds for each of three things, older releases 100,000, OpenSSL 2,048. All
/// of this takes some seconds.
const ROUNDS_MAX: u64 = 5_000_000;

/// What is left.
pub(super) struct Budget {
    rounds: u64,
}

impl Budget {
    /// All of it.
    pub(super) const fn new() -> Self {
        Self { rounds: ROUNDS_MAX }
    }

    /// Takes rounds of a hash away.
    pub(super) fn take(&mut self, rounds: u64) -> Result<(), StoreError> {
        self.rounds = self.rounds.checked_sub(rounds).ok_or(StoreError::TooMuchWork)?;
        Ok(())
    }
}
