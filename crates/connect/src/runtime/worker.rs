//! An action's loop where its inputs are jobs of Camunda's engine: taken as there is room, and told of.
//!
//! Invariants:
//! 1. What became of a job is told until the engine takes it or refuses it, or the job's time is over and the
//!    engine gives it to somebody else.
//! 2. No more jobs are in hand than the settings say.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    run::{CLOSE_WITHIN, RunError},
    shared::Shared,
    status::{Counter, Gauge, StepStatus},
};
use crate::{
    backoff::Backoff,
    camunda::{Engine, EngineError, EngineErrorKind, JobCommand, JobHeaders, JobsSettings},
    connector::{Action, with_causes},
};

/// The pause after an answer without jobs that came at once, as from an engine that does not let wait.
const PAUSE: Duration = Duration::from_millis(200);

/// The pauses between tries while the engine cannot be reached or has no time.
const ENGINE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));

/// Takes jobs, has an action do them, and tells the engine what became of each.
pub(super) struct WorkerRun {
    pub(super) worker: Arc<Worker>,
    pub(super) jobs: JobsSettings,
    /// The variables that the action wants of a job.
    pub(super) variables: Vec<&'static str>,
}

/// What every job needs.
pub(super) struct Worker {
    pub(super) action: Arc<dyn Action>,
    pub(super) engine: Engine,
    pub(super) shared: Arc<Shared>,
    pub(super) status: Arc<StepStatus>,
}

impl WorkerRun {
    /// Runs until the run stops; jobs that are in hand then are finished.
    pub(super) async fn run(self) {
        let mut in_hand = JoinSet::new();
        self.take_all(&mut in_hand).await;
        let worker = &self.worker;
        let finished = async {
            while let Some(ended) = in_hand.join_next().await {
                worker.check(ended);
            }
        };
        if tokio::time::timeout(CLOSE_WITHIN, finished).await.is_err() {
            let step = worker.status.name();
            tracing::warn!(step, "jobs were not finished; the engine gives them to somebody else");
        }
        if let Err(error) = worker.action.close(CLOSE_WITHIN).await {
            let message = format!("jobs: not everything was sent: {}", with_causes(&error));
            worker.shared.fail(RunError::Failed(message));
        }
    }

    async fn take_all(&self, in_hand: &mut JoinSet<()>) {
        let Worker { engine, shared, status, .. } = &*self.worker;
        let (mut has_worked, mut failures) = (false, 0);
        loop {
            while let Some(ended) = in_hand.try_join_next() {
                self.worker.check(ended);
            }
            let room = self.jobs.jobs_max.saturating_sub(in_hand.len());
            if room == 0 {
                tokio::select! {
                    biased;
                    () = shared.stopping() => return,
                    Some(ended) = in_hand.join_next() => self.worker.check(ended),
                }
                continue;
            }
            let asked_at = Instant::now();
            let taken = tokio::select! {
                biased;
                () = shared.stopping() => return,
                taken = engine.activate(&self.jobs, room, &self.variables) => taken,
            };
            let pause = match taken {
                Ok(jobs) => {
                    (has_worked, failures) = (true, 0);
                    status.set_up();
                    let is_early = asked_at.elapsed() < self.jobs.request_timeout / 2;
                    let pause = (jobs.is_empty() && is_early).then_some(PAUSE);
                    let until = Instant::now() + self.jobs.timeout;
                    for job in jobs {
                        in_hand.spawn(Arc::clone(&self.worker).finish(job, until));
                    }
                    pause
                }
                // It has never worked, and will not by itself: whoever has started this is told.
                Err(error) if !has_worked && !error.is_retriable() => {
                    let message = format!("jobs: {}", with_causes(&error));
                    shared.fail(RunError::Failed(message));
                    shared.stop();
                    return;
                }
                Err(error) => {
                    failures += 1;
                    Some(self.worker.pause(&error, failures, "no jobs can be had"))
                }
            };
            if let Some(pause) = pause {
                tokio::select! {
                    biased;
                    () = shared.stopping() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

/// What came of telling the engine.
enum Told {
    /// It knows.
    Taken(JobCommand),
    /// It will not know; why.
    Lost(String),
}

impl Worker {
    /// Has a job done, and tells the engine until the job's time is over.
    async fn finish(self: Arc<Self>, job: Value, until: Instant) {
        let Self { shared, status, .. } = &*self;
        shared.progress.handle_submitted();
        status.count(Counter::Inputs, 1);
        let _in_flight = status.add(Gauge::InputsInFlight);
        let until = self.extended(&job, until).await;
        let delivered = match self.action.submit(job).await {
            Ok(delivery) => delivery.await,
            Err(error) => Err(error),
        };
        let delivered = match delivered {
            Ok(delivered) => delivered,
            Err(error) => return self.lose(&with_causes(&error), "a job cannot be used"),
        };
        shared.handle_ends(&delivered.ends);
        status.count(Counter::RecordsProduced, delivered.records_count);
        status.set_metrics(self.action.metrics());
        let mut is_done = true;
        for output in &delivered.outputs {
            let Some(command) = JobCommand::from_json(output) else {
                self.lose("the action gave no outcome", "a job has no outcome");
                continue;
            };
            match self.tell(command, until).await {
                Told::Taken(command) => {
                    is_done &= command.command == "completion";
                    // A failure to write has ended the run already.
                    let _ = shared.write(format!("{}\n", command.to_json())).await;
                }
                Told::Lost(why) => {
                    is_done = false;
                    self.lose(&why, "the engine does not know of a job's outcome");
                }
            }
        }
        if !is_done {
            status.count(Counter::InputsFailed, 1);
        }
        shared.progress.handle_delivered(is_done, delivered.records_count);
    }

    /// When a job's time is over: its task can want another.
    async fn extended(&self, job: &Value, until: Instant) -> Instant {
        let Some(headers) = job["customHeaders"].as_object() else { return until };
        // What is wrong with the headers is the action's to tell.
        let Some(timeout) = JobHeaders::job_timeout_of(headers) else { return until };
        let key = match &job["jobKey"] {
            Value::String(key) => key.clone(),
            other => other.to_string(),
        };
        let from = Instant::now();
        match self.engine.extend(&key, timeout).await {
            // Longer than any clock goes is as good as what it has.
            Ok(()) => from.checked_add(timeout).unwrap_or(until),
            Err(error) => {
                let (step, error) = (self.status.name(), self.status.masked(&with_causes(&error)));
                tracing::warn!(step, job = key, error, "a job keeps the time that it has");
                until
            }
        }
    }

    async fn tell(&self, mut command: JobCommand, until: Instant) -> Told {
        let mut times = 0;
        loop {
            let error = match self.engine.tell(&command).await {
                Ok(()) => {
                    self.status.set_up();
                    return Told::Taken(command);
                }
                Err(error) => error,
            };
            match error.kind() {
                EngineErrorKind::NotFound | EngineErrorKind::Conflict => {
                    return Told::Lost(format!(
                        "{}: the job was taken away, or somebody else has it and may write its record too",
                        with_causes(&error)
                    ));
                }
                EngineErrorKind::Refused | EngineErrorKind::Settings => {
                    if command.command == "failure" {
                        return Told::Lost(with_causes(&error));
                    }
                    let why = self.status.masked(&with_causes(&error));
                    command = command.refused(&why);
                    continue;
                }
                _ => {}
            }
            times += 1;
            let pause = self.pause(&error, times, "an outcome was not told");
            if Instant::now() + pause >= until {
                return Told::Lost(format!("{}: the job's time is over", with_causes(&error)));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Says what is wrong with the engine, and how long to leave it alone.
    fn pause(&self, error: &EngineError, times: u32, what: &str) -> Duration {
        let pause = error.retry_after().unwrap_or_default().max(ENGINE_BACKOFF.before(times));
        let error = self.status.masked(&with_causes(error));
        self.status.set_down(&error);
        tracing::warn!(step = self.status.name(), times, ?pause, error, "{what}");
        pause
    }

    fn lose(&self, why: &str, what: &str) {
        let error = self.status.masked(why);
        self.status.set_down(&error);
        tracing::warn!(step = self.status.name(), error, "{what}");
    }

    fn check(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            self.shared.fail(RunError::Failed(format!("a job broke off: {error}")));
            self.shared.stop();
        }
    }
}
