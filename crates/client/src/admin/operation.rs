//! Trying again: what failed for a reason that may pass, until the deadline.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

use milena_wire::ErrorCode;
use tokio::time::timeout_at;

use super::client::{Inner, now};
use crate::{Error, ErrorKind};

/// How long an unknown topic is asked for again. Brokers learn of a new topic one after another, within
/// moments; a topic that stays unknown for this time is not there.
const UNKNOWN_TOPIC_PATIENCE: Duration = Duration::from_secs(3);

/// What a timeout says.
const LATE: &str = "the call did not succeed within its time";

/// A call about several things, each of which can fail on its own.
pub(super) trait Operation: Sync {
    /// What becomes of one thing.
    type Output: Send;

    /// How many things there are.
    fn len(&self) -> usize;

    /// Whether the same may succeed when it is tried again.
    fn may_pass(&self, error: &Error) -> bool {
        error.is_retriable()
    }

    /// Tries the things with these indexes once. What the answer leaves out has failed.
    ///
    /// An error is that of all of them.
    fn attempt(
        &self,
        admin: &Inner,
        pending: &[usize],
        deadline: Instant,
    ) -> impl Future<Output = Result<Outcomes<Self::Output>, Error>> + Send;
}

/// What became of things, by index.
pub(super) type Outcomes<T> = Vec<(usize, Result<T, Error>)>;

/// The things of a call that one request asks about, by their indexes in the call.
pub(super) struct Asked<'a, T> {
    things: &'a [T],
    indexes: Vec<usize>,
}

impl<'a, T> Asked<'a, T> {
    pub(super) fn new(things: &'a [T], indexes: &[usize]) -> Self {
        Self { things, indexes: indexes.to_vec() }
    }

    /// Those that are there for the first time. Repetitions, which an answer could not tell apart,
    /// have failed.
    pub(super) fn once<K: Ord, O>(
        things: &'a [T],
        pending: &[usize],
        key: impl Fn(&'a T) -> K,
    ) -> (Self, Outcomes<O>) {
        let mut seen = BTreeSet::new();
        let (first, repeated): (Vec<usize>, Vec<usize>) =
            pending.iter().partition(|index| seen.insert(things.get(**index).map(&key)));
        let error = || Error::new(ErrorKind::InvalidArgument, "it is there twice in one call");
        let failed = repeated.into_iter().map(|index| (index, Err(error()))).collect();
        (Self { things, indexes: first }, failed)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a T> {
        self.entries().map(|(_, thing)| thing)
    }

    /// The things with their indexes.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, &'a T)> {
        self.indexes.iter().filter_map(|index| Some((*index, self.things.get(*index)?)))
    }

    /// The index of the thing that a part of the answer is about.
    pub(super) fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<usize> {
        let mut indexes = self.indexes.iter().copied();
        indexes.find(|index| self.things.get(*index).is_some_and(&is_it))
    }
}

/// Whether a request to the controller may be sent again. Other codes that can pass are answers about the
/// outcome, such as a topic that is not there.
pub(super) fn controller_may_pass(error: &Error) -> bool {
    match error.code() {
        Some(code) => {
            matches!(code, ErrorCode::NOT_CONTROLLER | ErrorCode::THROTTLING_QUOTA_EXCEEDED)
        }
        None => error.is_retriable(),
    }
}

/// Whether a broker said that it knows no such topic or partition.
pub(super) fn is_unknown_topic(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::UNKNOWN_TOPIC_ID)
    )
}

/// What is known of each thing of an operation.
struct Progress<T> {
    results: Vec<Option<Result<T, Error>>>,
    last: Vec<Option<Error>>,
    pending: Vec<usize>,
    started: Instant,
}

impl Inner {
    /// Tries until everything has succeeded or failed for good; the results are in the things' order.
    pub(super) async fn run<O: Operation>(
        &self,
        operation: &O,
        deadline: Instant,
    ) -> Vec<Result<O::Output, Error>> {
        let mut progress = Progress::new(operation.len());
        let mut failures = 0_u32;
        while !progress.pending.is_empty() {
            let attempt = operation.attempt(self, &progress.pending, deadline);
            match timeout_at(deadline.into(), attempt).await {
                Ok(Ok(outcomes)) => progress.take(operation, outcomes),
                Ok(Err(error)) => progress.take_for_all(operation, &error),
                Err(_) => break,
            }
            if progress.pending.is_empty() || failures >= self.retries {
                break;
            }
            failures = failures.saturating_add(1);
            let pause = self.pause(failures);
            if now() + pause >= deadline {
                break;
            }
            // Whatever may pass has to do with who leads, controls and coordinates.
            self.cluster.request_update();
            self.counters.requests_retried().increment();
            tokio::time::sleep(pause).await;
        }
        let is_out_of_retries = failures >= self.retries && now() < deadline;
        progress.finish(is_out_of_retries, |last| self.cluster.timed_out_after(LATE, last))
    }

    /// Tries one thing until it has succeeded or failed for good.
    pub(super) async fn run_one<O: Operation>(
        &self,
        operation: &O,
        deadline: Instant,
    ) -> Result<O::Output, Error> {
        self.run(operation, deadline).await.pop().unwrap_or_else(|| Err(left_out()))
    }
}

impl<T> Progress<T> {
    fn new(count: usize) -> Self {
        Self {
            results: std::iter::repeat_with(|| None).take(count).collect(),
            last: vec![None; count],
            pending: (0..count).collect(),
            started: now(),
        }
    }

    fn take(&mut self, operation: &impl Operation<Output = T>, outcomes: Outcomes<T>) {
        let mut answered = vec![false; self.results.len()];
        for (index, outcome) in outcomes {
            let Some(is_answered) = answered.get_mut(index) else { continue };
            *is_answered = true;
            self.settle(operation, index, outcome);
        }
        for index in self.pending.clone() {
            if answered.get(index) == Some(&false) {
                self.settle(operation, index, Err(left_out()));
            }
        }
        let results = &self.results;
        self.pending.retain(|index| results.get(*index).is_some_and(Option::is_none));
    }

    fn take_for_all(&mut self, operation: &impl Operation<Output = T>, error: &Error) {
        let outcomes = self.pending.iter().map(|index| (*index, Err(error.clone()))).collect();
        self.take(operation, outcomes);
    }

    fn settle(
        &mut self,
        operation: &impl Operation<Output = T>,
        index: usize,
        outcome: Result<T, Error>,
    ) {
        match outcome {
            Err(error) if operation.may_pass(&error) && !self.is_patience_over(&error) => {
                if let Some(last) = self.last.get_mut(index) {
                    *last = Some(error);
                }
            }
            outcome => {
                if let Some(result) = self.results.get_mut(index) {
                    *result = Some(outcome);
                }
            }
        }
    }

    /// Whether a topic has been unknown for so long that it cannot be new.
    fn is_patience_over(&self, error: &Error) -> bool {
        is_unknown_topic(error)
            && now().saturating_duration_since(self.started) > UNKNOWN_TOPIC_PATIENCE
    }

    /// What is still pending has run out of time, or of retries.
    fn finish(
        self,
        is_out_of_retries: bool,
        timed_out: impl Fn(Option<Error>) -> Error,
    ) -> Vec<Result<T, Error>> {
        let unfinished = |last: Option<Error>| match last {
            Some(last) if is_out_of_retries => last,
            last => timed_out(last),
        };
        self.results
            .into_iter()
            .zip(self.last)
            .map(|(result, last)| result.unwrap_or_else(|| Err(unfinished(last))))
            .collect()
    }
}

fn left_out() -> Error {
    Error::new(ErrorKind::Protocol, "the answer leaves out what was asked for")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Operation for Nothing {
        type Output = u8;

        fn len(&self) -> usize {
            0
        }

        async fn attempt(&self, _: &Inner, _: &[usize], _: Instant) -> Result<Outcomes<u8>, Error> {
            Ok(Vec::new())
        }
    }

    fn timed_out(last: Option<Error>) -> Error {
        Error::new(ErrorKind::Timeout, LATE).with_source(last.unwrap_or_else(left_out))
    }

    fn retriable() -> Error {
        Error::broker_answered(ErrorCode::NOT_CONTROLLER, "")
    }

    #[test]
    fn keeps_what_may_pass_and_settles_the_rest() {
        let mut progress: Progress<u8> = Progress::new(3);
        progress.take(
            &Nothing,
            vec![
                (0, Ok(7)),
                (1, Err(retriable())),
                (2, Err(Error::broker_answered(ErrorCode::TOPIC_ALREADY_EXISTS, ""))),
                (9, Ok(1)),
            ],
        );
        assert_eq!(progress.pending, [1]);
        let results = progress.finish(false, timed_out);
        assert_eq!(results[0].as_ref().ok(), Some(&7));
        let error = results[1].as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(std::error::Error::source(error).is_some());
        let code = results[2].as_ref().unwrap_err().code();
        assert_eq!(code, Some(ErrorCode::TOPIC_ALREADY_EXISTS));
    }

    #[test]
    fn what_the_answer_leaves_out_has_failed() {
        let mut progress: Progress<u8> = Progress::new(2);
        progress.take(&Nothing, vec![(1, Ok(1))]);
        assert!(progress.pending.is_empty());
        assert_eq!(
            progress.finish(false, timed_out)[0].as_ref().unwrap_err().kind(),
            ErrorKind::Protocol
        );
    }

    #[test]
    fn asks_about_each_thing_once_and_finds_it_again() {
        let things = ["a", "b", "a", "c"];
        let (asked, failed): (_, Outcomes<()>) = Asked::once(&things, &[0, 2, 3], |thing| *thing);
        assert_eq!(asked.iter().copied().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(asked.find(|thing| *thing == "c"), Some(3));
        assert_eq!(asked.find(|thing| *thing == "b"), None);
        assert!(matches!(&failed[..], [(2, Err(_))]));
    }

    #[test]
    fn without_retries_the_last_error_is_the_result() {
        let mut progress: Progress<u8> = Progress::new(1);
        progress.take_for_all(&Nothing, &retriable());
        assert_eq!(
            progress.finish(true, timed_out)[0].as_ref().unwrap_err().code(),
            Some(ErrorCode::NOT_CONTROLLER)
        );
    }
}
