//! How the steps of a run are: up or down and why, and what they have counted.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use milena::metrics::Snapshot;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use crate::{connector::Trigger, secrets::Masker};

/// How one step is. It is updated as the step runs and can be read at any time.
#[derive(Debug)]
pub(super) struct StepStatus {
    name: String,
    kind: &'static str,
    topic: String,
    masker: Masker,
    health: Mutex<Health>,
    /// Whoever wants to know of changes.
    changed: OnceLock<Arc<Notify>>,
    metrics: Mutex<Option<Snapshot>>,
    lags: Mutex<Vec<(i32, u64)>>,
    counters: [AtomicU64; COUNTERS.len()],
    gauges: [AtomicU64; GAUGES.len()],
}

/// Whether a step works.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Health {
    state: State,
    /// Who the step is in its group, if it has one.
    details: Map<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    NotStarted,
    Up,
    Down(String),
}

impl Health {
    /// Whether the step works.
    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Why it does not; no secret is in it.
    pub(super) fn trouble(&self) -> Option<&str> {
        match &self.state {
            State::NotStarted => Some("it has not started yet"),
            State::Up => None,
            State::Down(why) => Some(why),
        }
    }

    /// `status` and `details`, as part of an object.
    pub(super) fn to_json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        let status = if self.is_up() { "UP" } else { "DOWN" };
        object.insert("status".to_owned(), status.into());
        let details = match self.trouble() {
            Some(trouble) => json!({ "error": trouble }),
            None => Value::Object(self.details.clone()),
        };
        object.insert("details".to_owned(), details);
        object
    }
}

/// What a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Inputs,
    InputsFailed,
    RecordsProduced,
    RecordsGiven,
    RecordsDelivered,
    RecordsSkipped,
    RecordsDeadLettered,
    DeliveriesRetried,
    Commits,
    CommitsFailed,
}

/// The counters by name, with what they count.
const COUNTERS: [(&str, &str); 10] = [
    ("inputs_total", "Inputs that were given to an action."),
    ("inputs_failed_total", "Inputs that were refused or not delivered whole."),
    ("records_produced_total", "Records that an action has written."),
    ("records_given_total", "Records that a trigger has given."),
    ("records_delivered_total", "Records that the sink of a trigger has taken."),
    ("records_skipped_total", "Records that nobody could use and that were skipped."),
    ("records_dead_lettered_total", "Records that went to the dead-letter topic."),
    ("deliveries_retried_total", "Deliveries to a sink that were tried again."),
    ("commits_total", "Commits of what was accepted, those that had nothing to commit among them."),
    ("commits_failed_total", "Commits that failed; the next one covers them."),
];

/// What a step has at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gauge {
    InputsInFlight,
    RecordsInFlight,
    RecordsWaiting,
}

const GAUGES: [(&str, &str); 3] = [
    ("inputs_in_flight", "Inputs that an action has and that are not answered yet."),
    ("records_in_flight", "Records that the sink of a trigger has and has not taken yet."),
    ("records_waiting", "Records that wait for their turn with the sink."),
];

impl StepStatus {
    pub(super) fn new(name: &str, kind: &'static str, topic: &str, masker: &Masker) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            kind,
            topic: topic.to_owned(),
            masker: masker.clone(),
            health: Mutex::default(),
            changed: OnceLock::new(),
            metrics: Mutex::default(),
            lags: Mutex::default(),
            counters: Default::default(),
            gauges: Default::default(),
        })
    }

    /// The step's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `action` or `trigger`.
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// The topic of its configuration.
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// Whether it works at this moment.
    pub(super) fn health(&self) -> Health {
        self.health.lock().clone()
    }

    /// From here on, changes of the health are told to this.
    pub(super) fn tell_changes(&self, changed: &Arc<Notify>) {
        // A step is part of one run, which asks for this once.
        let _ = self.changed.set(Arc::clone(changed));
    }

    /// The counters: name, what it counts, value.
    pub(super) fn counters(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        values(&COUNTERS, &self.counters)
    }

    /// The gauges: name, what it tells, value.
    pub(super) fn gauges(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        values(&GAUGES, &self.gauges)
    }

    /// The counters of the step's client, as of a moment ago.
    pub(super) fn metrics(&self) -> Option<Snapshot> {
        *self.metrics.lock()
    }

    pub(super) fn set_metrics(&self, snapshot: Option<Snapshot>) {
        *self.metrics.lock() = snapshot;
    }

    /// How many records of each partition are not accepted yet, as of a moment ago.
    pub(super) fn lags(&self) -> Vec<(i32, u64)> {
        self.lags.lock().clone()
    }

    /// Takes over what a trigger tells of itself.
    pub(super) fn observe(&self, trigger: &dyn Trigger) {
        self.set_metrics(trigger.metrics());
        *self.lags.lock() = trigger.lags();
        let details = trigger.details();
        self.change(|health| {
            let is_new = health.details != details;
            health.details = details;
            is_new && health.is_up()
        });
    }

    pub(super) fn count(&self, counter: Counter, by: usize) {
        let counter = &self.counters[counter as usize];
        counter.fetch_add(by as u64, Ordering::Relaxed);
    }

    pub(super) fn set(&self, gauge: Gauge, value: usize) {
        self.gauges[gauge as usize].store(value as u64, Ordering::Relaxed);
    }

    /// Something is in flight, to the end of what this gives.
    pub(super) fn add(self: &Arc<Self>, gauge: Gauge) -> InFlight {
        self.gauges[gauge as usize].fetch_add(1, Ordering::Relaxed);
        InFlight { status: Arc::clone(self), gauge }
    }

    pub(super) fn set_up(&self) {
        self.change(|health| {
            let is_new = !health.is_up();
            if is_new {
                health.state = State::Up;
            }
            is_new
        });
    }

    pub(super) fn set_down(&self, why: &str) {
        let state = State::Down(self.masker.mask(why));
        self.change(|health| {
            let is_new = health.state != state;
            health.state = state;
            is_new
        });
    }

    fn change(&self, change: impl FnOnce(&mut Health) -> bool) {
        let has_changed = change(&mut self.health.lock());
        if has_changed && let Some(changed) = self.changed.get() {
            changed.notify_one();
        }
    }

    /// A text about this step that anybody may see.
    pub(super) fn masked(&self, text: &str) -> String {
        self.masker.mask(text)
    }
}

fn values<'a>(
    names: &'static [(&'static str, &'static str)],
    values: &'a [AtomicU64],
) -> impl Iterator<Item = (&'static str, &'static str, u64)> + 'a {
    let values = values.iter().map(|value| value.load(Ordering::Relaxed));
    names.iter().zip(values).map(|((name, help), value)| (*name, *help, value))
}

/// Something that is in flight until this is dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    status: Arc<StepStatus>,
    gauge: Gauge,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.status.gauges[self.gauge as usize].fetch_sub(1, Ordering::Relaxed);
    }
}
