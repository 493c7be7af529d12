//! How the steps of a run are: up or down and why, and what they have counted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use milena::metrics::Snapshot;
use parking_lot::Mutex;

use crate::secrets::Masker;

/// How one step is. It is updated as the step runs and can be read at any time.
#[derive(Debug)]
pub(super) struct StepStatus {
    name: String,
    kind: &'static str,
    topic: String,
    masker: Masker,
    /// Why the step is down.
    trouble: Mutex<Option<String>>,
    metrics: Mutex<Option<Snapshot>>,
    is_started: Mutex<bool>,
    counters: [AtomicU64; COUNTERS.len()],
}

/// What a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Inputs,
    InputsFailed,
    RecordsProduced,
    RecordsGiven,
    RecordsAccepted,
    RecordsSkipped,
    RecordsDeadLettered,
    Retries,
}

/// The counters by name, with what they count.
const COUNTERS: [(&str, &str); 8] = [
    ("inputs_total", "Inputs that were given to an action."),
    ("inputs_failed_total", "Inputs that were refused or not delivered whole."),
    ("records_produced_total", "Records that an action has written."),
    ("records_given_total", "Records that a trigger has given."),
    ("records_accepted_total", "Records that the sink of a trigger has taken."),
    ("records_skipped_total", "Records that nobody could use and that were skipped."),
    ("records_dead_lettered_total", "Records that went to the dead-letter topic."),
    ("retries_total", "Deliveries to a sink that were tried again."),
];

impl StepStatus {
    pub(super) fn new(name: &str, kind: &'static str, topic: &str, masker: &Masker) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            kind,
            topic: topic.to_owned(),
            masker: masker.clone(),
            trouble: Mutex::default(),
            metrics: Mutex::default(),
            is_started: Mutex::default(),
            counters: Default::default(),
        })
    }

    /// The step's name.
    #[must_use]
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `action` or `trigger`.
    #[must_use]
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The topic of its configuration.
    #[must_use]
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// Why the step does not work at this moment; `None` when it does. No secret is in it.
    #[must_use]
    pub(super) fn trouble(&self) -> Option<String> {
        if !*self.is_started.lock() {
            return Some("it has not started yet".to_owned());
        }
        self.trouble.lock().clone()
    }

    /// The counters: name, what it counts, value.
    pub(super) fn counters(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        let values = self.counters.iter().map(|counter| counter.load(Ordering::Relaxed));
        COUNTERS.iter().zip(values).map(|((name, help), value)| (*name, *help, value))
    }

    /// The counters of the step's client, as of a moment ago.
    #[must_use]
    pub(super) fn metrics(&self) -> Option<Snapshot> {
        *self.metrics.lock()
    }

    pub(super) fn set_metrics(&self, snapshot: Option<Snapshot>) {
        *self.metrics.lock() = snapshot;
    }

    pub(super) fn count(&self, counter: Counter, by: usize) {
        let counter = &self.counters[counter as usize];
        counter.fetch_add(by as u64, Ordering::Relaxed);
    }

    pub(super) fn set_up(&self) {
        *self.is_started.lock() = true;
        *self.trouble.lock() = None;
    }

    pub(super) fn set_down(&self, why: &str) {
        *self.is_started.lock() = true;
        *self.trouble.lock() = Some(self.masker.mask(why));
    }

    /// A text about this step that anybody may see.
    pub(super) fn masked(&self, text: &str) -> String {
        self.masker.mask(text)
    }
}
