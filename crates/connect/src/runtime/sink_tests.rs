//! A scripted sink: order, retries, policies, stops.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use serde_json::json;

use super::{
    host::{Host, InputReader},
    poison::Poison,
    progress::Progress,
    push::{Delivering, Push},
    shared::Shared,
    sink::{Outcome, Record, Sink},
    status::StepStatus,
};
use crate::{
    connector::{BoxFuture, Emission, Ends, Ticket, Trigger},
    flow::{Input, OnPoison, PoisonPolicy, Until},
    secrets::Masker,
};

/// Gives records that are all there from the beginning, a few at a time.
#[derive(Default)]
struct Script {
    records: Vec<Ticket>,
    refused: Vec<Ticket>,
    position: usize,
    accepted: Vec<Ticket>,
    committed: usize,
    paused: BTreeMap<i32, bool>,
}

impl Trigger for Script {
    fn start(&mut self) -> BoxFuture<'_, Result<(), milena::Error>> {
        async { Ok(()) }.boxed()
    }

    fn next(&mut self, within: Duration) -> BoxFuture<'_, Result<Vec<Emission>, milena::Error>> {
        async move {
            let end = (self.position + 2).min(self.records.len());
            let given = &self.records[self.position..end];
            if given.is_empty() {
                tokio::time::sleep(within).await;
            }
            self.position = end;
            let emissions = given.iter().map(|ticket| match self.refused.contains(ticket) {
                true => Emission::refused("nobody can use it", *ticket),
                false => Emission::new(json!({}), *ticket),
            });
            Ok(emissions.collect())
        }
        .boxed()
    }

    fn accept(&mut self, ticket: &Ticket) {
        self.accepted.push(*ticket);
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), milena::Error>> {
        self.committed = self.accepted.len();
        async { Ok(()) }.boxed()
    }

    fn has_reached<'a>(&'a mut self, _: &'a Ends) -> BoxFuture<'a, Result<bool, milena::Error>> {
        async { Ok(true) }.boxed()
    }

    fn close(self: Box<Self>, _: Duration) -> BoxFuture<'static, Result<(), milena::Error>> {
        async { Ok(()) }.boxed()
    }

    fn set_paused(&mut self, partition: i32, is_paused: bool) -> bool {
        self.paused.insert(partition, is_paused);
        true
    }
}

/// What the sink says to each try of a record; what is not in the script is accepted.
#[derive(Default)]
struct Scripted {
    outcomes: Mutex<BTreeMap<(i32, i64), Vec<Outcome>>>,
    seen: Mutex<Vec<(i32, i64)>>,
}

impl Sink for Scripted {
    fn deliver(self: Arc<Self>, record: Arc<Record>) -> BoxFuture<'static, Outcome> {
        let place = (record.ticket.partition, record.ticket.offset);
        self.seen.lock().push(place);
        let mut outcomes = self.outcomes.lock();
        let outcome = outcomes.get_mut(&place).and_then(Vec::pop).unwrap_or(Outcome::Accepted);
        async { outcome }.boxed()
    }

    fn is_timed(&self) -> bool {
        false
    }
}

struct Nowhere;

impl Host for Nowhere {
    fn open<'a>(&'a self, _: &'a Input) -> BoxFuture<'a, std::io::Result<InputReader>> {
        async { Err(std::io::Error::other("there are no inputs")) }.boxed()
    }

    fn write(&self, _: String) -> BoxFuture<'_, std::io::Result<()>> {
        async { Ok(()) }.boxed()
    }
}

struct Ran {
    script: Script,
    seen: Vec<(i32, i64)>,
    status: Arc<StepStatus>,
}

impl Ran {
    fn counter(&self, name: &str) -> u64 {
        self.status.counters().find(|(known, ..)| *known == name).unwrap().2
    }

    fn seen_of(&self, partition: i32) -> Vec<i64> {
        self.seen.iter().filter(|(at, _)| *at == partition).map(|(_, offset)| *offset).collect()
    }
}

fn poison(on_poison: OnPoison, status: &Arc<StepStatus>) -> Arc<Poison> {
    let policy = PoisonPolicy { on_poison, ..PoisonPolicy::default() };
    Arc::new(Poison { policy, dead_letters: None, status: status.clone() })
}

async fn run(records: &[(i32, i64)], sink: Scripted, on_poison: OnPoison) -> Ran {
    run_without(&[], records, sink, on_poison).await
}

/// As [`run`], where the connector refuses some of the records.
async fn run_without(
    refused: &[(i32, i64)],
    records: &[(i32, i64)],
    sink: Scripted,
    on_poison: OnPoison,
) -> Ran {
    let tickets = |places: &[(i32, i64)]| -> Vec<Ticket> {
        places
            .iter()
            .map(|(partition, offset)| Ticket { partition: *partition, offset: *offset })
            .collect()
    };
    let (records, refused) = (tickets(records), tickets(refused));
    let mut script = Script { records, refused, ..Script::default() };
    let status = StepStatus::new("step", "trigger", "t", &Masker::default());
    let sink = Arc::new(sink);
    let delivering = Arc::new(Delivering {
        sink: sink.clone(),
        poison: poison(on_poison, &status),
        status: status.clone(),
        shared: Arc::new(Shared::new(Arc::new(Nowhere), Arc::new(Progress::default()))),
    });
    let until = Until::Idle(Duration::from_secs(600));
    Push { trigger: &mut script, until, delivering }.give_out().await.unwrap();
    let seen = std::mem::take(&mut *sink.seen.lock());
    Ran { script, seen, status }
}

fn scripted(outcomes: impl IntoIterator<Item = ((i32, i64), Vec<Outcome>)>) -> Scripted {
    Scripted { outcomes: Mutex::new(outcomes.into_iter().collect()), ..Scripted::default() }
}

const RECORDS: [(i32, i64); 6] = [(0, 1), (0, 2), (1, 7), (1, 8), (0, 3), (1, 9)];

#[tokio::test(start_paused = true)]
async fn a_retried_record_holds_up_its_own_partition_alone() {
    let again = || Outcome::Again("later".to_owned());
    let sink = scripted([((0, 2), vec![again(), again(), again()])]);
    let ran = run(&RECORDS, sink, OnPoison::Skip).await;
    assert_eq!(ran.seen_of(0), [1, 2, 2, 2, 2, 3]);
    assert_eq!(ran.seen_of(1), [7, 8, 9]);
    let last_of_other = ran.seen.iter().position(|place| *place == (1, 9)).unwrap();
    let second_try = ran.seen.iter().rposition(|place| *place == (0, 2)).unwrap();
    assert!(last_of_other < second_try, "{:?}", ran.seen);
    assert_eq!((ran.script.accepted.len(), ran.script.committed), (6, 6));
    assert_eq!(ran.counter("retries_total"), 3);
    assert_eq!(ran.status.trouble(), None);
}

#[tokio::test(start_paused = true)]
async fn a_poison_record_is_tried_again_or_skipped_as_the_policy_says() {
    let poison = || Outcome::Poison("no".to_owned());
    let ran = run(&RECORDS, scripted([((0, 2), vec![poison()])]), OnPoison::Retry).await;
    assert_eq!(ran.seen_of(0), [1, 2, 2, 3]);
    assert_eq!((ran.counter("retries_total"), ran.counter("records_skipped_total")), (1, 0));
    let ran = run(&RECORDS, scripted([((0, 2), vec![poison(); 9])]), OnPoison::Skip).await;
    assert_eq!(ran.seen_of(0), [1, 2, 3]);
    assert_eq!((ran.counter("retries_total"), ran.counter("records_skipped_total")), (0, 1));
    assert_eq!(ran.script.committed, 6, "what is skipped counts as accepted");
}

#[tokio::test(start_paused = true)]
async fn what_the_connector_refuses_meets_the_policy_and_not_the_sink() {
    let ran = run_without(&[(0, 2)], &RECORDS, Scripted::default(), OnPoison::Skip).await;
    assert_eq!((ran.seen_of(0), ran.seen_of(1)), (vec![1, 3], vec![7, 8, 9]));
    assert_eq!((ran.counter("retries_total"), ran.counter("records_skipped_total")), (0, 1));
    assert_eq!(ran.script.committed, 6);
}

#[tokio::test(start_paused = true)]
async fn what_the_sink_ignores_is_skipped_whatever_the_policy() {
    let ignored = Outcome::Ignored("not mine".to_owned());
    let ran = run(&RECORDS, scripted([((1, 8), vec![ignored])]), OnPoison::Retry).await;
    assert_eq!(ran.seen_of(1), [7, 8, 9]);
    assert_eq!(ran.counter("records_skipped_total"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_up_what_is_retried_and_does_not_accept_it() {
    let refusals = vec![Outcome::Poison("no".to_owned()); 1000];
    let sink = Arc::new(scripted([((0, 1), refusals)]));
    let status = StepStatus::new("step", "trigger", "t", &Masker::default());
    let shared = Arc::new(Shared::new(Arc::new(Nowhere), Arc::new(Progress::default())));
    let poison = poison(OnPoison::Retry, &status);
    let delivering = Arc::new(Delivering {
        sink: sink.clone(),
        poison,
        status: status.clone(),
        shared: shared.clone(),
    });
    let of_connector = Ticket { partition: 1, offset: 5 };
    let records =
        [Ticket { partition: 0, offset: 1 }, of_connector, Ticket { partition: 0, offset: 2 }];
    let refused = vec![of_connector];
    let mut script = Script { records: records.to_vec(), refused, ..Script::default() };
    let push = Push { trigger: &mut script, until: Until::Forever, delivering };
    let stopping = async {
        while sink.seen.lock().len() < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let trouble = status.trouble().unwrap();
        let troubles = ["partition 0, offset 1: no", "partition 1, offset 5: nobody can use it"];
        assert!(troubles.contains(&trouble.as_str()), "{trouble}");
        shared.stop();
    };
    let (ended, ()) = tokio::join!(push.give_out(), stopping);
    ended.unwrap();
    assert_eq!(script.accepted, []);
    assert!(sink.seen.lock().iter().all(|place| *place == (0, 1)));
}
