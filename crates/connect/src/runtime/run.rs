//! One run of a flow.

use std::{collections::BTreeMap, fmt, io, sync::Arc, time::Duration};

use futures_util::future::{join_all, try_join_all};
use tokio::{sync::watch, task::JoinSet};

use super::{
    actions::ActionRun,
    dead_letter::DeadLetters,
    envelope::{Envelope, Opener},
    fetches,
    host::Host,
    lines::Lines,
    poison::Poison,
    progress::Progress,
    push::Delivering,
    served::Served,
    server::{Server, Site},
    shared::{Shared, is_closed},
    sink::{CamundaSink, Hub, Sink, WebhookSink, tls},
    status::StepStatus,
    triggers::TriggerRun,
    worker::{Worker, WorkerRun},
};
use crate::{
    camunda::Engine,
    connection::Connection,
    connector::{Action, with_causes},
    flow::{self, ActionStep, Flow, Input, OnPoison, Step, TriggerStep, Until},
};

/// How long closing an action or a trigger may take.
pub(super) const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// Why a run failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// What was given cannot be used: a property, a file, a step that has to be reached otherwise. On one
    /// line, before anything was sent.
    Refused(String),
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
            Self::Refused(message) | Self::Failed(message) => f.write_str(message),
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
/// The first failure. What was sent before it is delivered, and its outputs are written. A flow whose
/// steps speak HTTP needs [`serve`].
pub async fn run(
    flow: &Flow,
    connection: &Connection,
    host: Arc<dyn Host>,
    progress: Arc<Progress>,
    stop: &Stop,
) -> Result<(), RunError> {
    run_or_serve(flow, connection, Arc::new(Shared::new(host, progress)), stop, None).await
}

/// Runs a flow together with an HTTP server: as [`run`], but for `stop` to end it.
///
/// The host is told where the server listens once the flow is checked. A stop ends the listening, answers
/// the requests that are there, and then ends the steps.
///
/// # Errors
///
/// The first failure.
pub async fn serve(
    flow: &Flow,
    connection: &Connection,
    host: Arc<dyn Host>,
    progress: Arc<Progress>,
    stop: &Stop,
    server: Server,
) -> Result<(), RunError> {
    run_or_serve(flow, connection, Arc::new(Shared::new(host, progress)), stop, Some(server)).await
}

async fn run_or_serve(
    flow: &Flow,
    connection: &Connection,
    shared: Arc<Shared>,
    stop: &Stop,
    server: Option<Server>,
) -> Result<(), RunError> {
    let steps = Steps::open(flow, connection, &shared).await?;
    if server.is_none()
        && let Some(name) = steps.served.keys().chain(steps.hubs.keys()).next()
    {
        let message = format!("step {name:?} is reached over HTTP: expected `milena serve`");
        return Err(RunError::Refused(message));
    }
    if let Some(server) = &server {
        let url = server.url().map_err(|error| RunError::Failed(with_causes(&error)))?;
        shared.host.handle_listening(&url).await.map_err(RunError::Output)?;
    }
    run_steps(steps, &shared, stop, server).await
}

/// The steps of a flow, ready to start.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) triggers: Vec<TriggerRun>,
    pub(super) actions: Vec<ActionRun>,
    pub(super) workers: Vec<WorkerRun>,
    /// Camunda's engine, where the flow has one.
    engine: Option<Engine>,
    pub(super) envelope: Option<Envelope>,
    pub(super) served: BTreeMap<String, Served>,
    pub(super) hubs: BTreeMap<String, Arc<Hub>>,
    pub(super) statuses: Vec<Arc<StepStatus>>,
}

impl Steps {
    /// Makes clients and opens files: what cannot work is found before anything is sent.
    async fn open(
        flow: &Flow,
        connection: &Connection,
        shared: &Arc<Shared>,
    ) -> Result<Self, RunError> {
        let host = shared.host.as_ref();
        let engine = flow.engine().map(|engine| Engine::new(engine, tls(&engine.tls, host)));
        let engine = engine.transpose().map_err(|error| {
            let why = flow.masker().mask(&with_causes(&error));
            RunError::Refused(format!("camunda: {why}"))
        })?;
        let mut steps = Self { engine, ..Self::default() };
        if flow.steps().iter().any(is_in_envelope) {
            let lines = open_lines(&shared.host, &Input::Standard, "standard input").await?;
            let (connection, secrets) = (connection.clone(), flow.secrets().clone());
            let opener = Opener { connection, secrets };
            steps.envelope = Some(Envelope::new(lines, opener, Arc::clone(shared)));
        }
        for (index, step) in flow.steps().iter().enumerate() {
            let number = index + 1;
            let refused = |why: String| {
                let why = flow.masker().mask(&why);
                RunError::Refused(format!("step {number}: {why}"))
            };
            let (kind, topic) = match step {
                Step::Trigger(step) => ("trigger", step.configuration.topic()),
                Step::Action(step) => ("action", step.configuration.topic()),
            };
            let status = StepStatus::new(step.name(), kind, topic, flow.masker());
            match step {
                Step::Trigger(step) => {
                    let opened = steps.open_trigger(step, connection, shared, status);
                    opened.map_err(refused)?;
                }
                Step::Action(step) => {
                    let action = step.configuration.open(connection);
                    let action = action.map_err(|error| refused(with_causes(&error)))?;
                    steps.open_action(step, action, shared, status).await?;
                }
            }
        }
        Ok(steps)
    }

    fn worker(
        &self,
        action: Box<dyn Action>,
        shared: &Arc<Shared>,
        status: Arc<StepStatus>,
    ) -> Result<Arc<Worker>, String> {
        let (engine, shared) = (self.engine()?, Arc::clone(shared));
        Ok(Arc::new(Worker { action: Arc::from(action), engine, shared, status }))
    }

    fn engine(&self) -> Result<Engine, String> {
        self.engine.clone().ok_or_else(|| "the flow has no table camunda".to_owned())
    }

    async fn open_action(
        &mut self,
        step: &ActionStep,
        action: Box<dyn Action>,
        shared: &Arc<Shared>,
        status: Arc<StepStatus>,
    ) -> Result<(), RunError> {
        self.statuses.push(Arc::clone(&status));
        let name = match &step.input {
            Input::Standard => "standard input".to_owned(),
            Input::File(path) => path.display().to_string(),
            Input::Http => {
                let action = Arc::from(action);
                self.served.insert(step.name.clone(), Served { action, status });
                return Ok(());
            }
            Input::Camunda(jobs) => {
                let variables = step.configuration.job_variables().unwrap_or_default();
                let worker = self.worker(action, shared, status).map_err(RunError::Refused)?;
                self.workers.push(WorkerRun { worker, jobs: jobs.clone(), variables });
                return Ok(());
            }
            Input::Envelope => {
                let action = Arc::from(action);
                let envelope = self.envelope.as_mut().expect("a step in an envelope opens it");
                envelope.serve(Served { action, status });
                return Ok(());
            }
        };
        let lines = open_lines(&shared.host, &step.input, &name).await?;
        let shared = Arc::clone(shared);
        self.actions.push(ActionRun { action, lines, name, shared, status });
        Ok(())
    }

    fn open_trigger(
        &mut self,
        step: &TriggerStep,
        connection: &Connection,
        shared: &Arc<Shared>,
        status: Arc<StepStatus>,
    ) -> Result<(), String> {
        let configuration = step.configuration.as_ref();
        let sink = self.open_sink(step, shared)?;
        let trigger = match &sink {
            Some(_) => configuration.open(&fetches::in_small_steps(configuration, connection)),
            None => configuration.open(connection),
        };
        let trigger = trigger.map_err(|error| with_causes(&error))?;
        let dead_letters = match &step.policy.on_poison {
            OnPoison::DeadLetter { topic } => {
                let letters = DeadLetters::new(&step.name, topic, configuration, connection);
                Some(letters.map_err(|error| format!("dead letters: {}", with_causes(&error)))?)
            }
            OnPoison::Retry | OnPoison::Skip => None,
        };
        let (policy, poison_status) = (step.policy.clone(), Arc::clone(&status));
        let poison = Arc::new(Poison { policy, dead_letters, status: poison_status });
        let delivering = sink.map(|sink| {
            let (poison, status) = (Arc::clone(&poison), Arc::clone(&status));
            Arc::new(Delivering { sink, poison, status, shared: Arc::clone(shared) })
        });
        self.statuses.push(Arc::clone(&status));
        let name = format!("trigger on topic {:?}", configuration.topic());
        let (until, shared) = (step.until, Arc::clone(shared));
        self.triggers.push(TriggerRun { trigger, until, name, shared, status, poison, delivering });
        Ok(())
    }

    fn open_sink(
        &mut self,
        step: &TriggerStep,
        shared: &Arc<Shared>,
    ) -> Result<Option<Arc<dyn Sink>>, String> {
        Ok(Some(match &step.sink {
            flow::Sink::Lines => return Ok(None),
            flow::Sink::Webhook(webhook) => {
                let host = shared.host.as_ref();
                Arc::new(WebhookSink::new(webhook, step.configuration.topic(), host)?)
            }
            flow::Sink::Camunda(messages) => {
                let (engine, shared) = (self.engine()?, Arc::clone(shared));
                Arc::new(CamundaSink::new(engine, messages.clone(), shared))
            }
            flow::Sink::Poll { ack_timeout, unacked_max } => {
                let hub = Arc::new(Hub::new(*ack_timeout, *unacked_max));
                self.hubs.insert(step.name.clone(), Arc::clone(&hub));
                hub
            }
            flow::Sink::Envelope { unacked_max } => {
                let envelope = self.envelope.as_mut().expect("a step in an envelope opens it");
                envelope.sink(&step.name, *unacked_max)
            }
        }))
    }
}

/// Whether a step speaks in the envelope on standard input and output.
fn is_in_envelope(step: &Step) -> bool {
    match step {
        Step::Action(step) => step.input == Input::Envelope,
        Step::Trigger(step) => matches!(step.sink, flow::Sink::Envelope { .. }),
    }
}

async fn open_lines(host: &Arc<dyn Host>, input: &Input, name: &str) -> Result<Lines, RunError> {
    let opened = host.open(input).await;
    opened.map(Lines::new).map_err(|error| RunError::Refused(format!("{name}: {error}")))
}

/// Starts the triggers, then everything, and waits for the end.
pub(super) async fn run_steps(
    mut steps: Steps,
    shared: &Arc<Shared>,
    stop: &Stop,
    server: Option<Server>,
) -> Result<(), RunError> {
    let writing = steps.envelope.as_mut().and_then(|envelope| envelope.begin(&steps.statuses));
    let ran = run_to_end(steps, shared, stop, server).await;
    if let Some(writing) = writing {
        writing.finish().await;
    }
    ran?;
    shared.take_failure().map_or(Ok(()), Err)
}

async fn run_to_end(
    mut steps: Steps,
    shared: &Arc<Shared>,
    stop: &Stop,
    server: Option<Server>,
) -> Result<(), RunError> {
    let has_envelope = steps.envelope.as_ref().is_some_and(Envelope::has_actions);
    let is_endless = server.is_some() || has_envelope;
    let mut actions = JoinSet::new();
    if let Some(server) = server {
        let (served, hubs) = (std::mem::take(&mut steps.served), std::mem::take(&mut steps.hubs));
        let site = Site::new(served, hubs, steps.statuses.clone(), Arc::clone(shared));
        actions.spawn(server.run(site, Arc::clone(shared)));
    }
    let started = tokio::select! {
        biased;
        () = stop.stopped() => Ok(false),
        started = start_triggers(&mut steps.triggers) => started.map(|()| true),
    };
    match started {
        Ok(true) => {}
        // Nothing was received: whoever has joined leaves.
        Ok(false) => {
            shared.stop();
            let closed = close_triggers(steps.triggers).await;
            join_tasks(&mut actions, shared, false).await;
            return closed;
        }
        Err(error) => {
            shared.stop();
            let _ = close_triggers(steps.triggers).await;
            join_tasks(&mut actions, shared, false).await;
            return Err(error);
        }
    }
    steps.triggers.iter().for_each(|run| run.status.observe(run.trigger.as_ref()));
    steps.statuses.iter().for_each(|status| status.set_up());
    let mut triggers = JoinSet::new();
    let has_endless = steps.triggers.iter().any(|trigger| trigger.until != Until::Produced);
    steps.actions.into_iter().for_each(|action| drop(actions.spawn(action.run())));
    steps.workers.into_iter().for_each(|worker| drop(actions.spawn(worker.run())));
    steps.triggers.into_iter().for_each(|trigger| drop(triggers.spawn(trigger.run())));
    let mut reading = JoinSet::new();
    if let Some(envelope) = steps.envelope {
        // Without actions in it, it has nothing to do with when all is produced.
        let tasks = if has_envelope { &mut actions } else { &mut reading };
        tasks.spawn(envelope.read());
    }
    let all = async {
        join_tasks(&mut actions, shared, is_endless).await;
        shared.set_produced();
        if shared.has_failed() && has_endless {
            shared.stop();
        }
        join_tasks(&mut triggers, shared, false).await;
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
    // Whoever still sends acknowledgements sends them to nobody.
    shared.stop();
    join_tasks(&mut reading, shared, false).await;
    Ok(())
}

async fn start_triggers(triggers: &mut [TriggerRun]) -> Result<(), RunError> {
    try_join_all(triggers.iter_mut().map(|TriggerRun { trigger, name, .. }| async move {
        trigger
            .start()
            .await
            .map_err(|error| RunError::Failed(format!("{name}: {}", with_causes(&error))))
    }))
    .await
    .map(drop)
}

async fn close_triggers(triggers: Vec<TriggerRun>) -> Result<(), RunError> {
    let closing = triggers.into_iter().map(|TriggerRun { trigger, name, .. }| async move {
        let closed = trigger.close(CLOSE_WITHIN).await;
        closed.map_err(|error| RunError::Failed(format!("{name}: {}", with_causes(&error))))
    });
    join_all(closing).await.into_iter().collect()
}

/// Waits for all tasks; one that panics fails the run. A server or an envelope would go on after a
/// failure, so `stops` says whether the first failure stops everything.
async fn join_tasks(tasks: &mut JoinSet<()>, shared: &Shared, stops: bool) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            shared.fail(RunError::Failed(format!("a step broke off: {error}")));
            shared.stop();
        }
        if stops && shared.has_failed() {
            shared.stop();
        }
    }
}
