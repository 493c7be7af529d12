//! Runs of fake connectors: order, failures, ends and stops.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    actions::ActionRun,
    host::{Host, InputReader},
    lines::Lines,
    poison::Poison,
    progress::Progress,
    run::{Steps, Stop, run_steps},
    shared::Shared,
    status::StepStatus,
    triggers::TriggerRun,
};
use crate::{
    connector::{
        Action, ActionError, BoxFuture, Delivered, Delivery, Emission, Ends, Ticket, Trigger,
    },
    flow::{Input, OnPoison, PoisonPolicy, Until},
    secrets::Masker,
};

/// A topic with one partition, and what became of it.
#[derive(Default)]
struct Topic {
    records: Mutex<Vec<Value>>,
    arrived: Notify,
    committed: Mutex<Vec<i64>>,
    closed: Mutex<Vec<&'static str>>,
}

/// Writes numbers; the text "refused" is no input, and "lost" is not delivered.
struct FakeAction(Arc<Topic>);

impl Action for FakeAction {
    fn submit(&self, input: Value) -> BoxFuture<'_, Result<Delivery, ActionError>> {
        async move {
            if input == json!("refused") {
                return Err(ActionError::input("expected a number"));
            }
            if input == json!("lost") {
                let delivered =
                    Delivered { outputs: vec![json!({ "errorCode": "6" })], ..Default::default() };
                let error =
                    ActionError { message: "not delivered".into(), delivered, source: None };
                return Ok(async move { Err(error) }.boxed());
            }
            let mut records = self.0.records.lock();
            records.push(input);
            self.0.arrived.notify_waiters();
            let end = i64::try_from(records.len()).unwrap();
            let delivered = Delivered {
                outputs: vec![json!({ "offset": end - 1 })],
                records_count: 1,
                ends: Ends::from([(("t".to_owned(), 0), end)]),
            };
            Ok(async move { Ok(delivered) }.boxed())
        }
        .boxed()
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, Result<(), milena::Error>> {
        self.0.closed.lock().push("action");
        async { Ok(()) }.boxed()
    }
}

/// Reads the topic from its beginning.
struct FakeTrigger {
    topic: Arc<Topic>,
    position: usize,
    accepted: i64,
}

impl Trigger for FakeTrigger {
    fn start(&mut self) -> BoxFuture<'_, Result<(), milena::Error>> {
        async { Ok(()) }.boxed()
    }

    fn next(&mut self, within: Duration) -> BoxFuture<'_, Result<Vec<Emission>, milena::Error>> {
        async move {
            let topic = Arc::clone(&self.topic);
            let arrived = topic.arrived.notified();
            let is_empty = topic.records.lock().len() == self.position;
            if is_empty {
                let _ = tokio::time::timeout(within, arrived).await;
            }
            let records = topic.records.lock();
            let emissions = (self.position..records.len()).map(|at| {
                let ticket = Ticket { partition: 0, offset: i64::try_from(at).unwrap() };
                match records[at].as_i64() {
                    Some(..0) => Emission::refused("it is negative", ticket),
                    _ => Emission::new(json!({ "value": records[at] }), ticket),
                }
            });
            let emissions: Vec<_> = emissions.collect();
            self.position = records.len();
            Ok(emissions)
        }
        .boxed()
    }

    fn accept(&mut self, ticket: &Ticket) {
        assert_eq!(ticket.offset, self.accepted, "in order, and once");
        self.accepted += 1;
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), milena::Error>> {
        self.topic.committed.lock().push(self.accepted);
        async { Ok(()) }.boxed()
    }

    fn has_reached<'a>(&'a mut self, ends: &'a Ends) -> BoxFuture<'a, Result<bool, milena::Error>> {
        let position = i64::try_from(self.position).unwrap();
        async move { Ok(ends.values().all(|end| *end <= position)) }.boxed()
    }

    fn close(self: Box<Self>, _: Duration) -> BoxFuture<'static, Result<(), milena::Error>> {
        self.topic.closed.lock().push("trigger");
        async { Ok(()) }.boxed()
    }
}

/// Keeps what is written, until it is to break.
#[derive(Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    is_broken: AtomicBool,
}

impl Host for Output {
    fn open<'a>(&'a self, _: &'a Input) -> BoxFuture<'a, io::Result<InputReader>> {
        async { Err(io::Error::other("the tests bring their own readers")) }.boxed()
    }

    fn write(&self, lines: String) -> BoxFuture<'_, io::Result<()>> {
        async move {
            if self.is_broken.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            assert!(lines.ends_with('\n'));
            self.lines.lock().extend(lines.lines().map(str::to_owned));
            Ok(())
        }
        .boxed()
    }
}

fn poison(on_poison: OnPoison, status: &Arc<StepStatus>) -> Poison {
    let policy = PoisonPolicy { on_poison, ..PoisonPolicy::default() };
    Poison { policy, dead_letters: None, status: status.clone() }
}

struct Run {
    topic: Arc<Topic>,
    output: Arc<Output>,
    shared: Arc<Shared>,
    steps: Steps,
    stop: Stop,
}

impl Run {
    fn new(reader: InputReader, until: Until) -> Self {
        let topic = Arc::new(Topic::default());
        let output = Arc::new(Output::default());
        let shared = Arc::new(Shared::new(output.clone(), Arc::new(Progress::default())));
        let mut steps = Steps::default();
        let trigger = FakeTrigger { topic: topic.clone(), position: 0, accepted: 0 };
        let status = StepStatus::new("step", "trigger", "t", &Masker::default());
        steps.triggers.push(TriggerRun {
            trigger: Box::new(trigger),
            until,
            name: "trigger".to_owned(),
            shared: shared.clone(),
            status: status.clone(),
            poison: Arc::new(poison(OnPoison::Retry, &status)),
            delivering: None,
        });
        let action = Box::new(FakeAction(topic.clone()));
        let (lines, name, shared_too) = (Lines::new(reader), "in.jsonl".to_owned(), shared.clone());
        steps.actions.push(ActionRun { action, lines, name, shared: shared_too, status });
        Self { topic, output, shared, steps, stop: Stop::default() }
    }

    async fn go(self) -> Ran {
        let result = run_steps(self.steps, &self.shared, &self.stop, None).await;
        let lines = std::mem::take(&mut *self.output.lines.lock());
        // What is closed first when all are told to stop is not defined.
        let mut closed = self.topic.closed.lock().clone();
        closed.sort_unstable();
        Ran {
            error: result.err().map(|error| error.to_string()),
            results: lines.iter().filter(|line| line.contains("offset")).count(),
            records: lines.iter().filter(|line| line.contains("value")).count(),
            committed: self.topic.committed.lock().last().copied(),
            closed,
            lines,
        }
    }
}

struct Ran {
    error: Option<String>,
    results: usize,
    records: usize,
    committed: Option<i64>,
    closed: Vec<&'static str>,
    lines: Vec<String>,
}

fn reader(text: impl Into<Vec<u8>>) -> InputReader {
    Box::new(io::Cursor::new(text.into()))
}

#[tokio::test]
async fn ends_when_all_that_was_produced_is_read() {
    let text: String = (0..5000).map(|number| format!("{number}\n")).collect();
    let ran = Run::new(reader(text), Until::Produced).go().await;
    assert_eq!(ran.error, None);
    assert_eq!((ran.results, ran.records), (5000, 5000));
    assert_eq!(ran.committed, Some(5000));
    assert_eq!(ran.closed, ["action", "trigger"]);
}

#[tokio::test]
async fn a_bad_line_is_named_and_the_lines_before_it_are_delivered() {
    for (line, expected) in [
        ("{\"a\":", "in.jsonl: line 4: column 5: this is no JSON: EOF while parsing a value"),
        ("\"refused\"", "in.jsonl: line 4: expected a number"),
        ("\u{0}", "in.jsonl: line 4: column 1: this is no JSON: expected value"),
    ] {
        let ran = Run::new(reader(format!("0\n1\n\n{line}\n4\n")), Until::Produced).go().await;
        assert_eq!(ran.error.as_deref(), Some(expected));
        assert_eq!((ran.results, ran.records, ran.committed), (2, 2, Some(2)), "{line}");
        assert_eq!(ran.closed, ["action", "trigger"]);
    }
    let ran = Run::new(reader(b"0\n\"\xff\"\n".to_vec()), Until::Produced).go().await;
    assert_eq!(ran.error.as_deref(), Some("in.jsonl: line 2: column 2: this is no UTF-8"));
}

#[tokio::test]
async fn what_was_not_delivered_is_named_and_its_outputs_are_written() {
    let ran = Run::new(reader("0\n\"lost\"\n2\n"), Until::Produced).go().await;
    assert_eq!(ran.error.as_deref(), Some("in.jsonl: line 2: not delivered"));
    assert!(ran.lines.contains(&r#"{"errorCode":"6"}"#.to_owned()), "{:?}", ran.lines);
}

#[tokio::test]
async fn a_record_that_is_refused_ends_the_run_or_is_left_out_as_the_policy_says() {
    let ran = Run::new(reader("0\n1\n-2\n3\n"), Until::Produced).go().await;
    assert_eq!(
        ran.error.as_deref(),
        Some("trigger: a record cannot be used: t-0, offset 2: it is negative")
    );
    assert_eq!((ran.records, ran.committed), (2, Some(2)), "what is before it is given");

    let mut run = Run::new(reader("0\n1\n-2\n3\n"), Until::Produced);
    let step = &mut run.steps.triggers[0];
    step.poison = Arc::new(poison(OnPoison::Skip, &step.status));
    let ran = run.go().await;
    assert_eq!((ran.error, ran.records, ran.committed), (None, 3, Some(4)));
}

#[tokio::test]
async fn a_failure_ends_a_trigger_that_goes_on_for_ever() {
    let ran = Run::new(reader("0\nx\n"), Until::Forever).go().await;
    assert_eq!(
        ran.error.as_deref(),
        Some("in.jsonl: line 2: column 1: this is no JSON: expected value")
    );
    assert_eq!(ran.closed, ["action", "trigger"]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_trigger_ends() {
    let ran = Run::new(reader("0\n1\n"), Until::Idle(Duration::from_secs(60))).go().await;
    assert_eq!((ran.error, ran.records), (None, 2));
}

#[tokio::test]
async fn a_stop_flushes_commits_and_closes() {
    // An input that never ends.
    let (mut pipe, end) = tokio::io::duplex(64);
    let run = Run::new(Box::new(tokio::io::BufReader::new(end)), Until::Produced);
    let (stop, topic) = (run.stop.clone(), run.topic.clone());
    let stopping = async {
        tokio::io::AsyncWriteExt::write_all(&mut pipe, b"0\n1\n").await.unwrap();
        while topic.committed.lock().last() != Some(&2) {
            tokio::task::yield_now().await;
        }
        stop.stop();
    };
    let (ran, ()) = tokio::join!(run.go(), stopping);
    assert_eq!((ran.error, ran.results, ran.records, ran.committed), (None, 2, 2, Some(2)));
    assert_eq!(ran.closed, ["action", "trigger"]);
}

#[tokio::test]
async fn ends_when_nobody_reads_the_output() {
    let (mut pipe, end) = tokio::io::duplex(64);
    let run = Run::new(Box::new(tokio::io::BufReader::new(end)), Until::Forever);
    run.output.is_broken.store(true, Ordering::Relaxed);
    tokio::io::AsyncWriteExt::write_all(&mut pipe, b"0\n").await.unwrap();
    let ran = run.go().await;
    assert_eq!(ran.error.as_deref(), Some("standard output: broken pipe"));
    assert_eq!(ran.committed, None, "what was not written is not committed");
    assert_eq!(ran.closed, ["action", "trigger"]);
}

#[tokio::test]
async fn a_stop_before_the_start_closes_what_was_opened() {
    let run = Run::new(reader("0\n"), Until::Produced);
    run.stop.stop();
    let ran = run.go().await;
    assert_eq!((ran.error, ran.results), (None, 0));
    assert_eq!(ran.closed, ["trigger"]);
}
