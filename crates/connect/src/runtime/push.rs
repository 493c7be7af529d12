//! A trigger's loop where a sink takes record by record: backpressure, retries, poison, commits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use tokio::{
    task::{AbortHandle, JoinError, JoinHandle},
    time::Instant,
};

use super::{
    lanes::Lanes,
    poison::Poison,
    run::{CLOSE_WITHIN, RunError},
    shared::{Phase, Shared},
    sink::{Outcome, Record, Sink},
    status::{Counter, Gauge, StepStatus},
};
use crate::{
    connector::{BoxFuture, Ticket, Trigger, with_causes},
    flow::Until,
};

/// The longest wait for records in one call: between two of them is seen what other members have read.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(1);

/// How long an accepted record waits for others to be committed with.
const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// Everything that a delivery needs; shared by all deliveries of a trigger.
pub(super) struct Delivering {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) poison: Arc<Poison>,
    pub(super) status: Arc<StepStatus>,
    pub(super) shared: Arc<Shared>,
}

impl Delivering {
    /// Gives a record to the sink; one that its connector refuses does not get there.
    fn give(&self, record: &Arc<Record>) -> BoxFuture<'static, Outcome> {
        match record.refusal.clone() {
            Some(why) => async { Outcome::Poison(why) }.boxed(),
            None => Arc::clone(&self.sink).deliver(Arc::clone(record)),
        }
    }

    /// Gives a record until it is taken; false when the run stopped before. `first` is its first
    /// delivery.
    async fn deliver(&self, record: Arc<Record>, first: BoxFuture<'static, Outcome>) -> bool {
        let mut retries = 0;
        let mut delivery = first;
        loop {
            let outcome = if self.sink.is_timed() {
                delivery.await
            } else {
                tokio::select! {
                    biased;
                    outcome = delivery => outcome,
                    () = self.shared.stopping() => return false,
                }
            };
            let why = match self.settle(&record, outcome).await {
                Ok(()) => return true,
                Err(why) => why,
            };
            retries += 1;
            let backoff = self.poison.policy.backoff(retries);
            let Ticket { partition, offset } = record.ticket;
            let error = self.status.masked(&why);
            let (step, topic) = (self.status.name(), self.status.topic());
            tracing::warn!(
                step,
                topic,
                partition,
                offset,
                retries,
                ?backoff,
                error,
                "not delivered"
            );
            self.status.set_down(&format!("partition {partition}, offset {offset}: {why}"));
            self.status.count(Counter::DeliveriesRetried, 1);
            tokio::select! {
                () = self.shared.stopping() => return false,
                () = tokio::time::sleep(backoff) => {}
            }
            delivery = self.give(&record);
        }
    }

    /// What an outcome means by the policy: done, or why it is to be tried again.
    async fn settle(&self, record: &Record, outcome: Outcome) -> Result<(), String> {
        let why = match outcome {
            Outcome::Accepted => {
                self.status.count(Counter::RecordsDelivered, 1);
                self.status.set_up();
                return Ok(());
            }
            Outcome::Ignored(why) => {
                self.poison.skip(record, &why);
                return Ok(());
            }
            Outcome::Again(why) => return Err(why),
            Outcome::Poison(why) => why,
        };
        self.poison.settle(record, why).await
    }
}

/// A delivery's record, and whether it was taken.
type Done = (Ticket, Result<bool, JoinError>);

/// Gives what a trigger finds to a sink.
pub(super) struct Push<'run> {
    pub(super) trigger: &'run mut dyn Trigger,
    pub(super) until: Until,
    pub(super) delivering: Arc<Delivering>,
}

impl Push<'_> {
    /// Runs until the trigger's end, or until the run stops; deliveries are through then.
    pub(super) async fn give_out(mut self) -> Result<(), milena::Error> {
        let delivering = Arc::clone(&self.delivering);
        let shared = &delivering.shared;
        let mut phase = shared.phase();
        let mut lanes = Lanes::new(delivering.sink.in_delivery_max());
        let mut deliveries = FuturesUnordered::new();
        let mut last_event = Instant::now();
        let mut last_metrics = last_event;
        let mut commit_at = None;
        loop {
            lanes.start(|record| start(&delivering, record, &mut deliveries));
            let can_pause = self.pause(&mut lanes);
            delivering.status.set(Gauge::RecordsInFlight, lanes.in_delivery_count());
            delivering.status.set(Gauge::RecordsWaiting, lanes.waiting_count());
            if last_metrics.elapsed() >= WAIT_MAX {
                delivering.status.observe(&*self.trigger);
                last_metrics = Instant::now();
            }
            let now_phase = *phase.borrow_and_update();
            if now_phase == Phase::Stopping {
                break;
            }
            if lanes.is_empty() && self.is_through(now_phase, last_event).await? {
                break;
            }
            let wait = self.wait(last_event, lanes.is_empty());
            let has_room = can_pause || !lanes.is_any_full();
            tokio::select! {
                biased;
                _ = phase.changed() => {}
                Some(done) = deliveries.next(), if !deliveries.is_empty() => {
                    self.handle(done, &mut lanes);
                    last_event = Instant::now();
                    commit_at.get_or_insert(last_event + COMMIT_EVERY);
                    if lanes.is_empty() {
                        commit_at = Some(last_event);
                    }
                }
                () = at(commit_at) => {
                    commit_at = None;
                    self.commit().await;
                }
                emissions = self.trigger.next(wait), if has_room => {
                    let emissions = emissions?;
                    // Rebalances happen inside that call.
                    lanes.retain(|ticket| self.trigger.is_open(ticket));
                    // A trigger can have accepted records of no use by itself.
                    commit_at.get_or_insert_with(|| Instant::now() + WAIT_MAX);
                    if !emissions.is_empty() {
                        last_event = Instant::now();
                        delivering.status.count(Counter::RecordsGiven, emissions.len());
                        emissions.into_iter().for_each(|emission| lanes.push(emission.into()));
                    }
                }
            }
        }
        self.drain(deliveries, &mut lanes).await;
        Ok(())
    }

    /// Waits for what is in delivery: it is taken, or the stop has made it give up.
    async fn drain(&mut self, mut deliveries: FuturesUnordered<Running>, lanes: &mut Lanes) {
        let all = async {
            while let Some(done) = deliveries.next().await {
                self.handle(done, lanes);
            }
        };
        if tokio::time::timeout(CLOSE_WITHIN, all).await.is_err() {
            let step = self.delivering.status.name();
            tracing::warn!(step, "a delivery did not end; its record is given again");
        }
        lanes.retain(|_| false);
        self.delivering.status.set(Gauge::RecordsInFlight, 0);
        self.delivering.status.set(Gauge::RecordsWaiting, 0);
    }

    fn handle(&mut self, (ticket, is_taken): Done, lanes: &mut Lanes) {
        lanes.handle_done(ticket);
        match is_taken {
            Ok(true) => {
                self.trigger.accept(&ticket);
                self.delivering.shared.progress.handle_consumed(1);
            }
            // The run stops, or the partition has gone to another member.
            Ok(false) => {}
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                let shared = &self.delivering.shared;
                shared.fail(RunError::Failed(format!("a delivery broke off: {error}")));
                shared.stop();
            }
        }
    }

    /// Pauses partitions that have enough; whether the trigger can.
    fn pause(&mut self, lanes: &mut Lanes) -> bool {
        let mut can_pause = true;
        for (partition, is_paused) in lanes.pauses() {
            can_pause &= self.trigger.set_paused(partition, is_paused);
        }
        can_pause
    }

    async fn commit(&mut self) {
        self.delivering.status.count(Counter::Commits, 1);
        if let Err(error) = self.trigger.commit().await {
            self.delivering.status.count(Counter::CommitsFailed, 1);
            // The next commit covers this one; without one, the records are given again.
            let step = self.delivering.status.name();
            tracing::warn!(step, error = with_causes(&error), "not committed");
        }
    }

    fn wait(&self, last_event: Instant, is_empty: bool) -> Duration {
        match self.until {
            Until::Idle(idle) if is_empty => {
                idle.saturating_sub(last_event.elapsed()).min(WAIT_MAX)
            }
            _ => WAIT_MAX,
        }
    }

    async fn is_through(
        &mut self,
        phase: Phase,
        last_event: Instant,
    ) -> Result<bool, milena::Error> {
        match self.until {
            Until::Produced if phase == Phase::Produced => {
                let ends = self.delivering.shared.ends();
                self.trigger.has_reached(&ends).await
            }
            Until::Idle(idle) => Ok(last_event.elapsed() >= idle),
            Until::Produced | Until::Forever => Ok(false),
        }
    }
}

/// Starts a delivery.
fn start(
    delivering: &Arc<Delivering>,
    record: Arc<Record>,
    deliveries: &mut FuturesUnordered<Running>,
) -> AbortHandle {
    let ticket = record.ticket;
    let delivering = Arc::clone(delivering);
    // Here and not in the task: tasks begin in any order.
    let first = delivering.give(&record);
    let task = tokio::spawn(async move { delivering.deliver(record, first).await });
    let abort = task.abort_handle();
    deliveries.push(Running { ticket, task });
    abort
}

/// A delivery that runs.
struct Running {
    ticket: Ticket,
    task: JoinHandle<bool>,
}

impl Future for Running {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done> {
        let ticket = self.ticket;
        Pin::new(&mut self.task).poll(context).map(|taken| (ticket, taken))
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
