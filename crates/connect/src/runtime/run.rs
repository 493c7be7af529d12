//! One run of a flow.

use std::{fmt, io, sync::Arc, time::Duration};

use futures_util::future::{join_all, try_join_all};
use tokio::{sync::watch, task::JoinSet};

use super::{
    actions::ActionRun,
    host::Host,
    lines::Lines,
    progress::Progress,
    shared::{Shared, is_closed},
    triggers::TriggerRun,
};
use crate::{
    connection::Connection,
    connector::{Action, Trigger, with_causes},
    flow::{Flow, Input, Step, Until},
};

/// How long closing an action or a trigger may take.
pub(super) const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// Why a run failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// What failed, with its causes, on one line.
    Failed(String),
    /// The outputs could not be written.
    Output(io::Error),
}

impl RunError {
    /// Whether nobody reads the output any more, which is no reason to complain.
    #[must_use]
    pub fn is_output_closed(&self) -> bool {
        matches!(self, Self::Output(error) if is_closed(error))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) => f.write_str(message),
            Self::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Asks a run to stop: what was accepted is flushed, offsets are committed and groups are left.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Asks the run to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    async fn stopped(&self) {
        // The sender is in `self`, so it cannot be gone.
        let _ = self.0.subscribe().wait_for(|is_stopped| *is_stopped).await;
    }
}

/// Runs a flow until all its steps are through, one of them fails or `stop` is asked for.
///
/// Not cancel safe: dropping the future stops without flushing and committing.
///
/// # Errors
///
/// The first failure. What was sent before it is delivered, and its outputs are written.
pub async fn run(
    flow: &Flow,
    connection: &Connection,
    host: Arc<dyn Host>,
    progress: Arc<Progress>,
    stop: &Stop,
) -> Result<(), RunError> {
    let shared = Arc::new(Shared::new(host, progress));
    let steps = Steps::open(flow, connection, &shared.host).await?;
    run_steps(steps, &shared, stop).await
}

/// The steps of a flow, ready to start.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) triggers: Vec<(Box<dyn Trigger>, Until, String)>,
    pub(super) actions: Vec<(Box<dyn Action>, Lines, String)>,
}

impl Steps {
    /// Makes clients and opens files: what cannot work is found before anything is sent.
    async fn open(
        flow: &Flow,
        connection: &Connection,
        host: &Arc<dyn Host>,
    ) -> Result<Self, RunError> {
        let mut steps = Self::default();
        for (index, step) in flow.steps().iter().enumerate() {
            let number = index + 1;
            let failed = |error: &dyn std::error::Error| {
                RunError::Failed(format!("step {number}: {}", with_causes(error)))
            };
            match step {
                Step::Trigger(step) => {
                    let trigger =
                        step.configuration.open(connection).map_err(|error| failed(&error))?;
                    let name = format!("trigger on topic {:?}", step.configuration.topic());
                    steps.triggers.push((trigger, step.until, name));
                }
                Step::Action(step) => {
                    let action =
                        step.configuration.open(connection).map_err(|error| failed(&error))?;
                    let name = match &step.input {
                        Input::Standard => "standard input".to_owned(),
                        Input::File(path) => path.display().to_string(),
                    };
                    let reader = host
                        .open(&step.input)
                        .await
                        .map_err(|error| RunError::Failed(format!("{name}: {error}")))?;
                    steps.actions.push((action, Lines::new(reader), name));
                }
            }
        }
        Ok(steps)
    }
}

/// Starts the triggers, then everything, and waits for the end.
pub(super) async fn run_steps(
    mut steps: Steps,
    shared: &Arc<Shared>,
    stop: &Stop,
) -> Result<(), RunError> {
    let started = tokio::select! {
        biased;
        () = stop.stopped() => Ok(false),
        started = start_triggers(&mut steps) => started.map(|()| true),
    };
    match started {
        Ok(true) => {}
        // Nothing was sent and nothing received: whoever has joined leaves.
        Ok(false) => return close_triggers(steps).await,
        Err(error) => {
            let _ = close_triggers(steps).await;
            return Err(error);
        }
    }
    let mut actions = JoinSet::new();
    let mut triggers = JoinSet::new();
    let has_endless = steps.triggers.iter().any(|(_, until, _)| *until != Until::Produced);
    for (action, lines, name) in steps.actions {
        let run = ActionRun { action, lines, name, shared: Arc::clone(shared) };
        actions.spawn(run.run());
    }
    for (trigger, until, name) in steps.triggers {
        let run = TriggerRun { trigger, until, name, shared: Arc::clone(shared) };
        triggers.spawn(run.run());
    }
    let all = async {
        join_tasks(&mut actions, shared).await;
        shared.set_produced();
        if shared.has_failed() && has_endless {
            shared.stop();
        }
        join_tasks(&mut triggers, shared).await;
    };
    let watch = async {
        stop.stopped().await;
        shared.stop();
        // The steps end by themselves.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = all => {}
        () = watch => {}
    }
    shared.take_failure().map_or(Ok(()), Err)
}

async fn start_triggers(steps: &mut Steps) -> Result<(), RunError> {
    try_join_all(steps.triggers.iter_mut().map(|(trigger, _, name)| async move {
        trigger
            .start()
            .await
            .map_err(|error| RunError::Failed(format!("{name}: {}", with_causes(&error))))
    }))
    .await
    .map(drop)
}

async fn close_triggers(steps: Steps) -> Result<(), RunError> {
    let closing = steps.triggers.into_iter().map(|(trigger, _, name)| async move {
        let closed = trigger.close(CLOSE_WITHIN).await;
        closed.map_err(|error| RunError::Failed(format!("{name}: {}", with_causes(&error))))
    });
    join_all(closing).await.into_iter().collect()
}

/// Waits for all tasks; one that panics fails the run.
async fn join_tasks(tasks: &mut JoinSet<()>, shared: &Shared) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            shared.fail(RunError::Failed(format!("a step broke off: {error}")));
            shared.stop();
        }
    }
}
