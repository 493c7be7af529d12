//! How far a flow has come, for whoever wants to show it.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far a flow has come. It is updated as the flow runs and can be read at any time.
#[derive(Debug, Default)]
pub struct Progress {
    inputs_read: AtomicU64,
    input_bytes: AtomicU64,
    inputs_delivered: AtomicU64,
    records_produced: AtomicU64,
    records_consumed: AtomicU64,
}

/// How far a flow has come at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Inputs that were read and given to actions.
    pub inputs_read: u64,
    /// Bytes of them, newlines included.
    pub input_bytes: u64,
    /// Inputs whose records are all written.
    pub inputs_delivered: u64,
    /// Records that are written.
    pub records_produced: u64,
    /// Records that triggers gave and that were accepted.
    pub records_consumed: u64,
}

impl Progress {
    /// How far it is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            inputs_read: read(&self.inputs_read),
            input_bytes: read(&self.input_bytes),
            inputs_delivered: read(&self.inputs_delivered),
            records_produced: read(&self.records_produced),
            records_consumed: read(&self.records_consumed),
        }
    }

    pub(super) fn handle_read(&self, bytes: usize) {
        self.input_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn handle_submitted(&self) {
        self.inputs_read.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn handle_delivered(&self, is_whole: bool, records_count: usize) {
        self.inputs_delivered.fetch_add(u64::from(is_whole), Ordering::Relaxed);
        self.records_produced.fetch_add(records_count as u64, Ordering::Relaxed);
    }

    pub(super) fn handle_consumed(&self, records_count: usize) {
        self.records_consumed.fetch_add(records_count as u64, Ordering::Relaxed);
    }
}
