//! A trigger's loop: outputs out, accepted when they are written.

use std::{fmt::Write as _, sync::Arc};

use milena::{Error, ErrorKind};
use tokio::time::Instant;

use super::{
    poison::Poison,
    push::{Delivering, Push, WAIT_MAX},
    run::{CLOSE_WITHIN, RunError},
    shared::{Ended, Phase, Shared},
    sink::Record,
    status::{Counter, StepStatus},
};
use crate::{
    connector::{Emission, Ticket, Trigger, with_causes},
    flow::Until,
};

/// Gives out what a trigger finds until its end comes, and closes it.
pub(super) struct TriggerRun {
    pub(super) trigger: Box<dyn Trigger>,
    pub(super) until: Until,
    /// The trigger's name for messages.
    pub(super) name: String,
    pub(super) shared: Arc<Shared>,
    pub(super) status: Arc<StepStatus>,
    /// What becomes of records that nobody can use.
    pub(super) poison: Arc<Poison>,
    /// What takes the records one by one; without it they are lines.
    pub(super) delivering: Option<Arc<Delivering>>,
}

impl TriggerRun {
    /// Runs until the trigger's end, a failure or until the run stops.
    pub(super) async fn run(mut self) {
        let given = match &self.delivering {
            None => self.give_out().await,
            Some(delivering) => {
                let delivering = Arc::clone(delivering);
                let trigger = self.trigger.as_mut();
                Push { trigger, until: self.until, delivering }.give_out().await
            }
        };
        if let Err(error) = given {
            self.fail(&error);
        }
        if let Err(error) = self.poison.close(CLOSE_WITHIN).await {
            let message = format!("{}: dead letters: {}", self.name, with_causes(&error));
            self.shared.fail(RunError::Failed(message));
        }
        let (shared, name) = (self.shared, self.name);
        if let Err(error) = self.trigger.close(CLOSE_WITHIN).await {
            let message = format!("{name}: {}", with_causes(&error));
            shared.fail(RunError::Failed(message));
        }
    }

    fn fail(&self, error: &Error) {
        let message = format!("{}: {}", self.name, with_causes(error));
        self.status.set_down(&message);
        self.shared.fail(RunError::Failed(message));
        self.shared.stop();
    }

    async fn give_out(&mut self) -> Result<(), Error> {
        let mut phase = self.shared.phase();
        let mut last_record = Instant::now();
        loop {
            let now_phase = *phase.borrow_and_update();
            if now_phase == Phase::Stopping || self.is_through(now_phase, last_record).await? {
                return Ok(());
            }
            self.status.observe(self.trigger.as_ref());
            let wait = match self.until {
                Until::Idle(idle) => idle.saturating_sub(last_record.elapsed()).min(WAIT_MAX),
                Until::Produced | Until::Forever => WAIT_MAX,
            };
            let emissions = tokio::select! {
                biased;
                _ = phase.changed() => continue,
                emissions = self.trigger.next(wait) => emissions?,
            };
            if emissions.is_empty() {
                continue;
            }
            self.status.count(Counter::RecordsGiven, emissions.len());
            let Written { text, lines_count, tickets, failure } =
                written(&self.poison, emissions).await;
            if let Err(Ended) = self.shared.write(text).await {
                return Ok(());
            }
            tickets.iter().for_each(|ticket| self.trigger.accept(ticket));
            self.shared.progress.handle_consumed(tickets.len());
            self.status.count(Counter::RecordsDelivered, lines_count);
            self.status.count(Counter::Commits, 1);
            if let Err(error) = self.trigger.commit().await {
                self.status.count(Counter::CommitsFailed, 1);
                // The next commit covers this one; without one, the records are given again.
                tracing::warn!(trigger = self.name, error = with_causes(&error), "not committed");
            }
            if let Some(error) = failure {
                return Err(error);
            }
            last_record = Instant::now();
        }
    }

    async fn is_through(&mut self, phase: Phase, last_record: Instant) -> Result<bool, Error> {
        match self.until {
            Until::Produced if phase == Phase::Produced => {
                let ends = self.shared.ends();
                self.trigger.has_reached(&ends).await
            }
            Until::Idle(idle) => Ok(last_record.elapsed() >= idle),
            Until::Produced | Until::Forever => Ok(false),
        }
    }
}

/// What is written of some records.
#[derive(Default)]
struct Written {
    text: String,
    lines_count: usize,
    /// Of the records that are through with it.
    tickets: Vec<Ticket>,
    /// Why those behind are not.
    failure: Option<Error>,
}

/// A line for each record, up to the first that is refused and, by the policy, to be tried again: with
/// lines that is for the next run.
async fn written(poison: &Poison, emissions: Vec<Emission>) -> Written {
    let mut written = Written::default();
    for emission in emissions {
        let ticket = emission.ticket;
        match emission.refusal.clone() {
            None => {
                let _ = writeln!(written.text, "{}", emission.output);
                written.lines_count += 1;
            }
            Some(why) => {
                if let Err(why) = poison.settle(&Record::from(emission), why).await {
                    let (topic, Ticket { partition, offset }) = (poison.status.topic(), ticket);
                    let message = format!("{topic}-{partition}, offset {offset}: {why}");
                    written.failure = Some(Error::of_application(ErrorKind::Record, message));
                    break;
                }
            }
        }
        written.tickets.push(ticket);
    }
    written
}
