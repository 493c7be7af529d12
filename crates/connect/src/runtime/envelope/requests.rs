//! Requests: who is asked, in which order, and what they are answered.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};

use super::{
    super::{
        run::{CLOSE_WITHIN, RunError},
        served::{Failure, Served},
        shared::Shared,
        status::StepStatus,
    },
    Writer,
};
use crate::{
    connection::Connection,
    connector::{self, Action, ActionKind, CONNECTORS, with_causes},
    flow::REQUEST_FIELDS,
    recent::Recent,
    secrets::Secrets,
    settings::{Node, Problems, TableReader},
};

/// Requests of one action that wait for their turn.
const WAITING_MAX: usize = 64;

/// Requests of one action that are sent and whose answer is not written yet.
const UNANSWERED_MAX: usize = 1000;

/// Actions with a configuration of their own that are kept for the next request with the same one.
const OPENED_MAX: usize = 16;

/// Opens actions that requests bring the configuration of.
#[derive(Clone)]
pub(in super::super) struct Opener {
    pub(in super::super) connection: Connection,
    pub(in super::super) secrets: Secrets,
}

/// A request that has found its action.
struct Request {
    id: Value,
    input: Value,
}

/// The actions that can be asked, each with a task of its own.
pub(super) struct Requests {
    opener: Opener,
    writer: Writer,
    shared: Arc<Shared>,
    /// Those of steps, by name.
    named: BTreeMap<String, mpsc::Sender<Request>>,
    /// Those with a configuration of their own, by it.
    opened: Recent<String, mpsc::Sender<Request>>,
    workers: JoinSet<()>,
}

impl Requests {
    pub(super) fn new(opener: Opener, writer: Writer, shared: Arc<Shared>) -> Self {
        let (named, opened) = (BTreeMap::new(), Recent::new(OPENED_MAX));
        Self { opener, writer, shared, named, opened, workers: JoinSet::new() }
    }

    pub(super) fn has_actions(&self) -> bool {
        !self.named.is_empty()
    }

    /// Requests can ask for this action by the name of its step.
    pub(super) fn serve(&mut self, served: Served) {
        let name = served.status.name().to_owned();
        let queue = self.start(served);
        self.named.insert(name, queue);
    }

    fn start(&mut self, served: Served) -> mpsc::Sender<Request> {
        let (queue, requests) = mpsc::channel(WAITING_MAX);
        let (writer, shared) = (self.writer.clone(), Arc::clone(&self.shared));
        self.workers.spawn(work(served, requests, writer, shared));
        queue
    }

    /// Takes a request; waits while its action has too many.
    pub(super) async fn take(&mut self, mut message: Value) {
        let id = message["id"].take();
        let queue = match self.find(&mut message) {
            Ok(queue) => queue,
            Err(failure) => return self.writer.send(answered(&id, Err(&failure), None), None),
        };
        let input = message["input"].take();
        let room = tokio::select! {
            biased;
            room = queue.reserve() => room.ok(),
            () = self.shared.stopping() => None,
        };
        match room {
            Some(room) => room.send(Request { id, input }),
            None => self.writer.send(answered(&id, Err(&stopped()), None), None),
        }
    }

    /// The action that a request asks for.
    fn find(&mut self, message: &mut Value) -> Result<mpsc::Sender<Request>, Failure> {
        let bad = |problems: Problems| Failure::wrong("BAD_REQUEST", problems.to_string());
        let (op, name, config) = read(message).map_err(bad)?;
        let Some(config) = config else {
            let is_produce = op == PRODUCE;
            let queue = self.named.get(&name).filter(|_| is_produce).cloned();
            return queue.ok_or_else(|| self.unknown(&op, &name));
        };
        let kind = connector::find(&name).and_then(|connector| {
            let is_asked = |kind: &&ActionKind| op == PRODUCE || kind.part.name == op;
            connector.actions.iter().find(is_asked)
        });
        let Some(kind) = kind else {
            let with_actions = CONNECTORS.iter().filter(|connector| !connector.actions.is_empty());
            let names: Vec<&str> = with_actions.map(|connector| connector.name).collect();
            let names = names.join(", ");
            let message =
                format!("connector {name:?} with op {op:?} is not known: expected one of {names}");
            return Err(Failure::wrong("NOT_FOUND", message));
        };
        let key = format!("{name} {config}");
        if let Some(queue) = self.opened.get(&key) {
            return Ok(queue.clone());
        }
        let served = self.opener.open(&name, kind, &config)?;
        let queue = self.start(served);
        // The task of one that has to go sends what it has, and closes it.
        drop(self.opened.insert(key, queue.clone()));
        Ok(queue)
    }

    fn unknown(&self, op: &str, name: &str) -> Failure {
        if op != PRODUCE {
            let message = format!("op is {op:?}: expected {PRODUCE}");
            return Failure::wrong("BAD_REQUEST", message);
        }
        let names: Vec<&str> = self.named.keys().map(String::as_str).collect();
        let expected = match names.as_slice() {
            [] => "the flow has none: expected a config of the request's own".to_owned(),
            names => format!("expected {}, or a config of the request's own", names.join(", ")),
        };
        let message = format!("there is no step {name:?} with input = \"envelope\": {expected}");
        Failure::wrong("NOT_FOUND", message)
    }

    /// Waits until all that was taken is answered, and closes the actions.
    pub(super) async fn finish(&mut self) {
        self.named.clear();
        self.opened.clear();
        let shared = Arc::clone(&self.shared);
        let ended = async {
            while let Some(ended) = self.workers.join_next().await {
                if let Err(error) = ended {
                    shared.fail(RunError::Failed(format!("an action broke off: {error}")));
                }
            }
        };
        let stopped_late = async {
            shared.stopping().await;
            tokio::time::sleep(CLOSE_WITHIN).await;
        };
        tokio::select! {
            () = ended => {}
            () = stopped_late => tracing::warn!("some requests were not answered in time"),
        }
    }
}

const PRODUCE: &str = "produce";

/// What a request asks for: the operation, the name, and the configuration it brings.
fn read(message: &mut Value) -> Result<(String, String, Option<Value>), Problems> {
    let mut problems = Problems::default();
    // A whole message can be long, and nothing of it is looked at here.
    let input = message.get_mut("input").map(Value::take);
    let config = message.get_mut("config").map(Value::take);
    let node = Node::from_json(message);
    let read = TableReader::new(&node, "", REQUEST_FIELDS, &mut problems).map(|mut reader| {
        let (op, name) = (reader.text("op"), reader.text("connector"));
        if config.as_ref().is_some_and(|config| !config.is_object() && !config.is_null()) {
            reader.problem("config", "is no table: expected the connector's own fields");
        }
        reader.finish();
        (op, name)
    });
    if let Some(input) = input {
        message["input"] = input;
    }
    let config = config.filter(|config| !config.is_null());
    problems.or(read.and_then(|(op, name)| Some((op?, name?, config))))
}

impl Opener {
    fn open(&self, name: &str, kind: &ActionKind, config: &Value) -> Result<Served, Failure> {
        let masker = self.secrets.masker();
        let wrong = |message: String| Failure::wrong("CONFIG", masker.mask(&message));
        let mut problems = Problems::default();
        let mut node = Node::from_json(config);
        self.secrets.resolve_node(&mut node, "config", &mut problems);
        let configuration = (kind.read)(&node, "config", &mut problems);
        let configuration = problems.or(configuration).map_err(|it| wrong(it.to_string()))?;
        if self.connection.brokers.is_empty() && !configuration.has_brokers() {
            return Err(wrong("config has no brokers, and the flow has none".to_owned()));
        }
        let action: Arc<dyn Action> = configuration
            .open(&self.connection)
            .map_err(|error| wrong(with_causes(&error)))?
            .into();
        let status = StepStatus::new(name, "action", configuration.topic(), masker);
        Ok(Served { action, status })
    }
}

/// Gives an action its requests one after another, and answers each when it is through.
async fn work(
    served: Served,
    mut requests: mpsc::Receiver<Request>,
    writer: Writer,
    shared: Arc<Shared>,
) {
    let unanswered = Arc::new(Semaphore::new(UNANSWERED_MAX));
    let mut answers = JoinSet::new();
    while let Some(Request { id, input }) = requests.recv().await {
        while answers.try_join_next().is_some() {}
        let permit = tokio::select! {
            biased;
            () = shared.stopping() => None,
            // The semaphore is never closed.
            permit = Arc::clone(&unanswered).acquire_owned() => permit.ok(),
        };
        let Some(permit) = permit else {
            writer.send(answered(&id, Err(&stopped()), None), None);
            continue;
        };
        let asked = served.submit(input).await;
        let (served, writer, shared) = (served.clone(), writer.clone(), Arc::clone(&shared));
        answers.spawn(async move {
            let answer = served.answer(asked, &shared).await;
            tell(&served, &writer, &id, answer, permit);
        });
    }
    let told = async { while answers.join_next().await.is_some() {} };
    tokio::join!(served.close(&shared), told);
}

fn tell(
    served: &Served,
    writer: &Writer,
    id: &Value,
    answer: super::super::served::Answer,
    permit: OwnedSemaphorePermit,
) {
    let (delivered, failure) = match answer {
        Ok(delivered) => (delivered, None),
        Err(mut error) => (std::mem::take(&mut error.delivered), Some(served.failure(&error))),
    };
    let mut outputs = delivered.outputs;
    let output = if served.action.gives_list() {
        (failure.is_none() || !outputs.is_empty()).then_some(Value::Array(outputs))
    } else {
        (!outputs.is_empty()).then(|| outputs.swap_remove(0))
    };
    let line = match &failure {
        None => answered(id, Ok(()), output),
        Some(failure) => answered(id, Err(failure), output),
    };
    writer.send(line, Some(permit));
}

fn stopped() -> Failure {
    let mut failure = Failure::wrong("STOPPED", "it was not sent: the program ends");
    failure.is_retriable = true;
    failure
}

/// The line of an answer.
fn answered(id: &Value, result: Result<(), &Failure>, output: Option<Value>) -> String {
    let mut answer = Map::new();
    answer.insert("id".to_owned(), id.clone());
    answer.insert("ok".to_owned(), result.is_ok().into());
    if let Some(output) = output {
        answer.insert("output".to_owned(), output);
    } else if result.is_ok() {
        answer.insert("output".to_owned(), Value::Null);
    }
    if let Err(failure) = result {
        answer.insert("error".to_owned(), failure.to_json());
    }
    format!("{}\n", Value::Object(answer))
}
