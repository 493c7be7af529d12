//! What an envelope says: records, answers, and how each step is.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, mpsc},
    task::JoinHandle,
};

use super::super::{
    shared::Shared,
    status::{Health, StepStatus},
};

/// So many bytes are written at once.
const WRITE_BYTES: usize = 64 << 10;

/// A line, and what is free for others once it is written.
type Line = (String, Option<OwnedSemaphorePermit>);

/// Takes lines, in order, for standard output. Clones write to the same.
///
/// It never waits: whoever has something to say bounds how much that is.
#[derive(Clone)]
pub(in super::super) struct Writer(mpsc::UnboundedSender<Line>);

/// Lines that nobody writes yet.
pub(in super::super) struct Unwritten(mpsc::UnboundedReceiver<Line>);

impl Writer {
    pub(super) fn new() -> (Self, Unwritten) {
        let (sender, lines) = mpsc::unbounded_channel();
        (Self(sender), Unwritten(lines))
    }

    /// Has a line written, which ends with a newline. `permit` is let go once it is.
    pub(in super::super) fn send(&self, line: String, permit: Option<OwnedSemaphorePermit>) {
        // When nobody writes any more, the run ends.
        let _ = self.0.send((line, permit));
    }
}

impl Unwritten {
    /// Writes lines until all writers are gone, or nobody reads what is written; and a line for each
    /// change of a step's health, which is told once it is more than "not started".
    pub(super) fn write(
        self,
        statuses: Vec<Arc<StepStatus>>,
        shared: Arc<Shared>,
    ) -> JoinHandle<()> {
        let changed = Arc::new(Notify::new());
        statuses.iter().for_each(|status| status.tell_changes(&changed));
        let told = statuses.into_iter().map(|status| (status, Health::default())).collect();
        tokio::spawn(write(self.0, Told(told), changed, shared))
    }
}

async fn write(
    mut lines: mpsc::UnboundedReceiver<Line>,
    mut told: Told,
    changed: Arc<Notify>,
    shared: Arc<Shared>,
) {
    loop {
        let mut next = tokio::select! {
            // A step's health comes before what it says.
            biased;
            () = changed.notified() => None,
            line = lines.recv() => match line {
                None => break,
                line => line,
            },
        };
        let mut text = told.changes();
        let mut permits = Vec::new();
        while let Some((line, permit)) = next {
            text.push_str(&line);
            permits.push(permit);
            next = if text.len() < WRITE_BYTES { lines.try_recv().ok() } else { None };
        }
        if !text.is_empty() && shared.write(text).await.is_err() {
            return;
        }
    }
    let text = told.changes();
    if !text.is_empty() {
        // A failure is the run's, which is at its end anyway.
        let _ = shared.write(text).await;
    }
}

/// What was last told of each step.
struct Told(Vec<(Arc<StepStatus>, Health)>);

impl Told {
    /// A line for each step that is otherwise than was last told.
    fn changes(&mut self) -> String {
        let mut lines = String::new();
        for (status, told) in &mut self.0 {
            let health = status.health();
            if health == *told {
                continue;
            }
            let mut line = Map::new();
            line.insert("event".to_owned(), "health".into());
            line.insert("step".to_owned(), status.name().into());
            line.extend(health.to_json());
            lines.push_str(&format!("{}\n", Value::Object(line)));
            *told = health;
        }
        lines
    }
}
