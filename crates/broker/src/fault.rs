//! Faults on demand: errors, delays, disconnects, damaged and throttled responses.
//!
//! A [`Fault`] says which requests it meets and what happens to them; [`Faults::inject`] arms it.
//! Faults are looked at in the order in which they were injected, and a request meets the first
//! one that fits. Faults that each fit once therefore act as a queue.
//!
//! Invariants:
//! 1. A request meets at most one fault for itself, and one for each of its partitions.
//! 2. A fault that is used up is gone.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use milena_wire::{ApiKey, ErrorCode};
use parking_lot::Mutex;

/// Requests remembered for [`Faults::requests`].
const REQUESTS_REMEMBERED: usize = 10_000;

/// A request as a node received it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestSeen {
    /// The node that received it.
    pub node_id: i32,
    /// The API.
    pub api_key: ApiKey,
    /// The version of the API that the client chose.
    pub api_version: i16,
    /// The client id of the request header.
    pub client_id: Option<String>,
    /// Counts the connections of the broker; the same number means the same connection.
    pub connection: u64,
    /// When the whole request had arrived.
    pub at: Instant,
}

type Predicate = Arc<dyn Fn(&RequestSeen) -> bool + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disconnect {
    Before,
    After,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) delay: Option<Duration>,
    /// Answer with this code and do nothing.
    pub(crate) error: Option<ErrorCode>,
    /// Do it, then answer with this code.
    pub(crate) error_after: Option<ErrorCode>,
    disconnect: Option<Disconnect>,
    /// Send this many bytes of the response, then disconnect.
    pub(crate) truncate: Option<usize>,
    pub(crate) throttle: Option<Duration>,
}

impl Effects {
    pub(crate) fn disconnects_before(&self) -> bool {
        self.disconnect == Some(Disconnect::Before)
    }

    pub(crate) fn disconnects_after(&self) -> bool {
        self.disconnect == Some(Disconnect::After)
    }
}

/// Which requests are disturbed, how often, and how. A new fault meets one request.
///
/// ```
/// use std::time::Duration;
/// use milena_broker::Fault;
/// use milena_wire::{ApiKey, ErrorCode};
///
/// // The third and the fourth produce request to node 1 are written but answered with an error.
/// let fault = Fault::on(ApiKey::PRODUCE)
///     .node(1)
///     .skip(2)
///     .times(2)
///     .delay(Duration::from_millis(50))
///     .error_after_applying(ErrorCode::REQUEST_TIMED_OUT);
/// # drop(fault);
/// ```
#[derive(Clone)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    api_key: Option<ApiKey>,
    node: Option<i32>,
    partition: Option<(String, i32)>,
    when: Option<Predicate>,
    skip: u64,
    /// `None` means for ever.
    times: Option<u64>,
    effects: Effects,
}

impl Fault {
    /// A fault for requests of one API.
    pub fn on(api_key: ApiKey) -> Self {
        Self { api_key: Some(api_key), ..Self::on_any() }
    }

    /// A fault for requests of every API.
    pub fn on_any() -> Self {
        Self {
            api_key: None,
            node: None,
            partition: None,
            when: None,
            skip: 0,
            times: Some(1),
            effects: Effects::default(),
        }
    }

    /// Only requests to this node.
    pub fn node(mut self, node_id: i32) -> Self {
        self.node = Some(node_id);
        self
    }

    /// Only this partition of a request; the other partitions are served.
    ///
    /// It concerns [`error`](Self::error) and [`error_after_applying`](Self::error_after_applying)
    /// of the APIs whose response has a code for each partition:
    ///
    /// | API | what `error_after_applying` does first |
    /// | --- | --- |
    /// | Produce | writes the batch |
    /// | DeleteRecords | deletes the records |
    /// | OffsetCommit, TxnOffsetCommit | commits the offset |
    /// | OffsetDelete | deletes the offset |
    /// | AddPartitionsToTxn | adds the partition; one `error` keeps all of the transaction out |
    /// | Fetch, ListOffsets, OffsetForLeaderEpoch, OffsetFetch, Metadata, DescribeProducers, DescribeTopicPartitions | nothing, as these only look: it is the same as `error` |
    ///
    /// A partition that fails on its own account keeps its own code. Requests of other APIs do not
    /// meet the fault, those that create, delete or enlarge topics included: a fault without a
    /// partition meets them whole. The other effects belong to a whole request, and do nothing here.
    pub fn partition(mut self, topic: impl Into<String>, partition: i32) -> Self {
        self.partition = Some((topic.into(), partition));
        self
    }

    /// Only requests for which `predicate` is true. It is called under a lock: it must not call the broker.
    pub fn when(
        mut self,
        predicate: impl Fn(&RequestSeen) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.when = Some(Arc::new(predicate));
        self
    }

    /// Lets the first `count` fitting requests pass.
    pub fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Meets `count` requests instead of one.
    pub fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    /// Meets every fitting request until it is removed.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Waits before the request is looked at. Later requests of the connection wait too.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.effects.delay = Some(delay);
        self
    }

    /// Answers with `code` without doing what was asked: where the response has a code of its own
    /// in that one, else in that of every topic, partition or other thing that was asked about.
    /// [`NONE`](ErrorCode::NONE) is an answer too: success, though nothing was done.
    pub fn error(mut self, code: ErrorCode) -> Self {
        self.effects.error = Some(code);
        self
    }

    /// Does what was asked and answers with `code`, in the same places as [`error`](Self::error).
    /// What failed on its own account, such as a batch that is refused, has `code` too, unless the
    /// fault is one of a [`partition`](Self::partition).
    pub fn error_after_applying(mut self, code: ErrorCode) -> Self {
        self.effects.error_after = Some(code);
        self
    }

    /// Closes the connection without doing what was asked.
    pub fn disconnect_before_applying(mut self) -> Self {
        self.effects.disconnect = Some(Disconnect::Before);
        self
    }

    /// Does what was asked and closes the connection without a response.
    pub fn disconnect_after_applying(mut self) -> Self {
        self.effects.disconnect = Some(Disconnect::After);
        self
    }

    /// Does what was asked, sends the first `bytes` bytes of the response (its length prefix
    /// included) and closes the connection.
    pub fn truncate_response(mut self, bytes: usize) -> Self {
        self.effects.truncate = Some(bytes);
        self
    }

    /// Sets `throttle_time_ms` in the response, where the response has it.
    pub fn throttle(mut self, throttle_time: Duration) -> Self {
        self.effects.throttle = Some(throttle_time);
        self
    }

    fn fits(&self, seen: &RequestSeen) -> bool {
        self.api_key.is_none_or(|key| key == seen.api_key)
            && self.node.is_none_or(|node| node == seen.node_id)
            && self.when.as_ref().is_none_or(|predicate| predicate(seen))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fault")
            .field("api_key", &self.api_key)
            .field("node", &self.node)
            .field("partition", &self.partition)
            .field("skip", &self.skip)
            .field("times", &self.times)
            .field("effects", &self.effects)
            .finish_non_exhaustive()
    }
}

/// Names an injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

#[derive(Default)]
struct Armed {
    next_id: u64,
    faults: Vec<(FaultId, Fault)>,
    requests: VecDeque<RequestSeen>,
}

/// The faults of a broker, and the requests that it has received.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Armed>,
    /// Faults that name a partition; spares handlers the lock when there are none.
    partition_faults: AtomicU64,
}

impl Faults {
    /// Arms a fault, behind those that were injected earlier.
    pub fn inject(&self, fault: Fault) -> FaultId {
        let mut armed = self.armed.lock();
        let id = FaultId(armed.next_id);
        armed.next_id += 1;
        armed.faults.push((id, fault));
        self.count(&armed);
        id
    }

    /// Whether a fault is still armed.
    pub fn is_armed(&self, id: FaultId) -> bool {
        self.armed.lock().faults.iter().any(|(known, _)| *known == id)
    }

    /// Disarms one fault; false when it was used up.
    pub fn remove(&self, id: FaultId) -> bool {
        let mut armed = self.armed.lock();
        let before = armed.faults.len();
        armed.faults.retain(|(known, _)| *known != id);
        self.count(&armed);
        armed.faults.len() != before
    }

    /// Disarms all faults.
    pub fn clear(&self) {
        let mut armed = self.armed.lock();
        armed.faults.clear();
        self.count(&armed);
    }

    /// The latest 10,000 requests, oldest first.
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.armed.lock().requests.iter().cloned().collect()
    }

    /// Forgets the requests that were received up to now.
    pub fn clear_requests(&self) {
        self.armed.lock().requests.clear();
    }

    /// Notes a request and takes the fault that it meets.
    pub(crate) fn meet(&self, seen: &RequestSeen) -> Effects {
        let mut armed = self.armed.lock();
        if armed.requests.len() == REQUESTS_REMEMBERED {
            armed.requests.pop_front();
        }
        armed.requests.push_back(seen.clone());
        let effects =
            take(&mut armed.faults, |fault| fault.partition.is_none() && fault.fits(seen));
        self.count(&armed);
        effects.unwrap_or_default()
    }

    /// Takes the fault that one partition of a request meets.
    pub(crate) fn meet_partition(
        &self,
        seen: &RequestSeen,
        topic: &str,
        partition: i32,
    ) -> Effects {
        if self.partition_faults.load(Ordering::Acquire) == 0 {
            return Effects::default();
        }
        let mut armed = self.armed.lock();
        let here = |fault: &Fault| {
            let named = fault
                .partition
                .as_ref()
                .is_some_and(|(name, index)| name == topic && *index == partition);
            named && fault.fits(seen)
        };
        let effects = take(&mut armed.faults, here);
        self.count(&armed);
        effects.unwrap_or_default()
    }

    fn count(&self, armed: &Armed) {
        let count = armed.faults.iter().filter(|(_, fault)| fault.partition.is_some()).count();
        self.partition_faults.store(count as u64, Ordering::Release);
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let armed = self.armed.lock();
        formatter.debug_struct("Faults").field("armed", &armed.faults).finish_non_exhaustive()
    }
}

fn take(faults: &mut Vec<(FaultId, Fault)>, fits: impl Fn(&Fault) -> bool) -> Option<Effects> {
    let mut index = 0;
    while let Some((_, fault)) = faults.get_mut(index) {
        if fits(fault) {
            if fault.skip == 0 {
                let effects = fault.effects;
                if let Some(times) = &mut fault.times {
                    *times = times.saturating_sub(1);
                    if *times == 0 {
                        drop(faults.remove(index));
                    }
                }
                return Some(effects);
            }
            fault.skip -= 1;
        }
        index += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(api_key: ApiKey, node_id: i32) -> RequestSeen {
        RequestSeen {
            node_id,
            api_key,
            api_version: 3,
            client_id: None,
            connection: 0,
            at: Instant::now(),
        }
    }

    fn errors(faults: &Faults, count: usize) -> Vec<Option<ErrorCode>> {
        (0..count).map(|_| faults.meet(&seen(ApiKey::PRODUCE, 1)).error).collect()
    }

    #[test]
    fn faults_that_fit_once_act_as_a_queue() {
        let faults = Faults::default();
        faults.inject(Fault::on(ApiKey::PRODUCE).error(ErrorCode::NOT_LEADER_OR_FOLLOWER));
        faults.inject(Fault::on(ApiKey::PRODUCE));
        faults.inject(Fault::on(ApiKey::PRODUCE).error(ErrorCode::REQUEST_TIMED_OUT));
        let expected = [
            Some(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            None,
            Some(ErrorCode::REQUEST_TIMED_OUT),
            None,
        ];
        assert_eq!(errors(&faults, 4), expected);
    }

    #[test]
    fn skips_then_meets_the_asked_number_of_requests() {
        let faults = Faults::default();
        let id =
            faults.inject(Fault::on_any().skip(1).times(2).error(ErrorCode::UNKNOWN_SERVER_ERROR));
        let error = Some(ErrorCode::UNKNOWN_SERVER_ERROR);
        assert_eq!(errors(&faults, 4), [None, error, error, None]);
        assert!(!faults.is_armed(id));
    }

    #[test]
    fn other_nodes_apis_and_partitions_are_left_alone() {
        let faults = Faults::default();
        faults.inject(
            Fault::on(ApiKey::FETCH).node(2).partition("t", 0).error(ErrorCode::CORRUPT_MESSAGE),
        );
        assert_eq!(faults.meet(&seen(ApiKey::FETCH, 2)), Effects::default());
        assert_eq!(faults.meet_partition(&seen(ApiKey::FETCH, 1), "t", 0), Effects::default());
        assert_eq!(faults.meet_partition(&seen(ApiKey::FETCH, 2), "t", 1), Effects::default());
        let met = faults.meet_partition(&seen(ApiKey::FETCH, 2), "t", 0);
        assert_eq!(met.error, Some(ErrorCode::CORRUPT_MESSAGE));
    }
}
