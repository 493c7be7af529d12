//! What the sending tasks and the background task share, and the way of a record into its batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use milena_core::producer::{NeedsBuffer, PartitionQueue, Partitioner};
use milena_wire::ByteString;
use milena_wire::records::{MeasuredHeaders, RecordBatchBuilder};
use parking_lot::{MutexGuard, RwLock};

use super::delivery::Delivery;
use super::failure;
use super::gate::Gate;
use super::inbox::Inbox;
use super::memory::Memory;
use super::partitioning::{Choice, choose, choose_plainly};
use super::record::ProducerRecord;
use super::topic::{Partition, Queue, Topic};
use super::topics::Topics;
use crate::Error;
use crate::cluster::Cluster;
use crate::metrics::Counters;

/// What the first batch of a partition is begun with at most; batches grow to `batch.size`. Small, so
/// that a thousand partitions with a few records each do not fill `buffer.memory` with room for more
/// (docs/decisions/hot-path.md).
const FIRST_CHUNK: usize = 2 * 1024;
/// Bytes of new batches after which a sending task lets others run.
const YIELD_AFTER: usize = 256 * 1024;

/// The configuration of the sending side.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendSettings {
    pub(super) batch_size: usize,
    pub(super) max_request_size: usize,
    pub(super) max_block: Duration,
    pub(super) ignore_keys: bool,
}

/// What the sending tasks and the background task share.
pub(super) struct Shared {
    pub(super) settings: SendSettings,
    pub(super) cluster: Cluster,
    pub(super) memory: Memory,
    pub(super) inbox: Inbox,
    pub(super) topics: RwLock<Topics>,
    pub(super) partitioner: Option<Box<dyn Partitioner>>,
    pub(super) counters: Arc<Counters>,
    pub(super) seed: u64,
    pub(super) gate: Gate,
    is_closing: AtomicBool,
    /// Whether the default partitioner chooses, and what fits into a batch fits into a request too.
    is_plain: bool,
    /// Bytes of batches that were begun since a sending task yielded.
    begun: AtomicUsize,
}

/// Memory that was reserved and not used yet.
pub(super) struct Grant<'a> {
    memory: &'a Memory,
    bytes: usize,
}

impl Grant<'_> {
    pub(super) fn spend(mut self) -> usize {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.release(self.bytes);
        }
    }
}

/// What became of a record.
pub(super) enum Attempt {
    /// It is in a batch.
    Accepted(Delivery),
    /// So many bytes have to be reserved first.
    NeedsMemory(usize),
    /// It names a partition that is not known.
    NoPartition(i32),
    /// Partitions were added to the topic.
    Replaced,
}

impl Shared {
    pub(super) fn new(
        settings: SendSettings,
        buffer_memory: usize,
        cluster: Cluster,
        partitioner: Option<Box<dyn Partitioner>>,
        seed: u64,
        is_transactional: bool,
    ) -> Self {
        let largest = settings.max_request_size.min(buffer_memory);
        Self {
            settings,
            is_plain: partitioner.is_none() && settings.batch_size <= largest,
            cluster,
            memory: Memory::new(buffer_memory),
            inbox: Inbox::default(),
            topics: RwLock::default(),
            partitioner,
            counters: Arc::default(),
            seed,
            gate: Gate::new(!is_transactional),
            is_closing: AtomicBool::new(false),
            begun: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// Refuses records from here on.
    pub(super) fn set_closing(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.memory.close();
    }

    /// Whether the calling task should let others run: a loop of sends that always finds room would
    /// keep a runtime of one thread from ever sending.
    #[inline]
    pub(super) fn should_yield(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > YIELD_AFTER
    }

    /// Lets others run if it is time.
    pub(super) async fn yield_in_time(&self) {
        if self.should_yield() && self.begun.swap(0, Ordering::Relaxed) > YIELD_AFTER {
            tokio::task::yield_now().await;
        }
    }

    /// Puts the record into the open batch of its partition, if that is there and has room and
    /// nothing is in the way: so it is for nearly every record. [`append`](Self::append) does whatever
    /// else there is to do.
    ///
    /// There is no loop in it and no call that the compiler does not see into, so that little is kept
    /// on the stack (docs/decisions/hot-path.md).
    #[inline(always)]
    pub(super) fn append_easily(
        &self,
        topic: &Topic,
        record: &ProducerRecord<'_>,
    ) -> Option<Delivery> {
        if !self.is_plain || self.is_closing() || topic.is_replaced() {
            return None;
        }
        let (index, is_sticky) = match choose_plainly(self, topic, record) {
            Choice::Fixed(index) => (index, false),
            Choice::Sticky(index) => (index, true),
            Choice::Unknown(_) => return None,
        };
        let mut queue = topic.partitions.get(index as usize)?.lock();
        let is_misled = is_sticky && !topic.sticky.is_current(index);
        if is_misled || queue.is_closed || !self.gate.is_open() {
            return None;
        }
        let ProducerRecord { key, value, headers, timestamp_ms, .. } = *record;
        let appended =
            queue.batches.append_easily(key, value, headers, timestamp_ms, wall_clock_ms)?;
        if is_sticky && topic.sticky.count(appended.bytes) >= 2 * self.settings.batch_size {
            topic.sticky.switch(index, topic.count());
        }
        drop(queue);
        Some(Delivery::new(appended.completion, appended.index, appended.timestamp_ms, key, value))
    }

    /// Puts the record into the open batch of its partition, or into one that is begun for it.
    #[cold]
    pub(super) fn append(
        &self,
        topic: &Topic,
        record: &ProducerRecord<'_>,
        grant: &mut Option<Grant<'_>>,
    ) -> Result<Attempt, Error> {
        if self.is_closing() {
            return Err(failure::closed());
        }
        self.check_size(record)?;
        loop {
            if topic.is_replaced() {
                return Ok(Attempt::Replaced);
            }
            let (index, is_sticky) = match choose(self, topic, record)? {
                Choice::Fixed(index) => (index, false),
                Choice::Sticky(index) => (index, true),
                Choice::Unknown(index) => return Ok(Attempt::NoPartition(index)),
            };
            let partition = &topic.partitions[index as usize];
            let mut queue = partition.lock();
            if queue.is_closed {
                return Err(failure::closed());
            }
            if !self.gate.is_open() {
                return Err(self.gate.refusal());
            }
            if is_sticky && !topic.sticky.is_current(index) {
                continue;
            }
            let sticky = is_sticky.then_some((topic, index));
            match self.append_to(&mut queue, partition, record, sticky, grant) {
                Step::Accepted(delivery, news) => {
                    self.announce(partition, queue, news);
                    return Ok(Attempt::Accepted(delivery));
                }
                Step::Switch(news) => {
                    self.announce(partition, queue, news);
                    topic.sticky.switch(index, topic.count());
                }
                Step::NeedsMemory(bytes, news) => {
                    self.announce(partition, queue, news);
                    return Ok(Attempt::NeedsMemory(bytes));
                }
            }
        }
    }

    /// Puts the record into the open batch of this partition, or into one that is begun for it.
    ///
    /// The lock is held all the way: a batch that others see has at least one record.
    fn append_to(
        &self,
        queue: &mut Queue,
        partition: &Partition,
        record: &ProducerRecord<'_>,
        sticky: Option<(&Topic, u32)>,
        grant: &mut Option<Grant<'_>>,
    ) -> Step {
        let mut news = false;
        loop {
            let appended = queue.batches.append(
                record.key,
                record.value,
                record.headers,
                record.timestamp_ms,
                wall_clock_ms,
            );
            let needs = match appended {
                Ok(appended) => {
                    if let Some((topic, index)) = sticky
                        && topic.sticky.count(appended.bytes) >= 2 * self.settings.batch_size
                    {
                        topic.sticky.switch(index, topic.count());
                    }
                    let (completion, at) = (appended.completion, appended.index);
                    let timestamp_ms = appended.timestamp_ms;
                    let (key, value) = (record.key, record.value);
                    let delivery = Delivery::new(completion, at, timestamp_ms, key, value);
                    return Step::Accepted(delivery, news);
                }
                Err(needs) => needs,
            };
            match self.make_room(queue, partition, needs, sticky.map(|(topic, _)| topic), grant) {
                Room::Made => news = true,
                Room::Extended => {}
                // The batch is full: the next one is for another partition.
                Room::Switch { sealed } => return Step::Switch(news | sealed),
                Room::NeedsMemory { bytes, sealed } => {
                    return Step::NeedsMemory(bytes, news | sealed);
                }
            }
        }
    }

    /// Makes room for a record if there is memory; happens once a batch.
    fn make_room(
        &self,
        queue: &mut Queue,
        partition: &Partition,
        needs: NeedsBuffer,
        sticky: Option<&Topic>,
        grant: &mut Option<Grant<'_>>,
    ) -> Room {
        let (bytes, sealed) = match needs {
            NeedsBuffer::Extension { bytes } => {
                if self.memory.try_reserve(bytes) {
                    self.counters.buffered_bytes().add(bytes as u64);
                    queue.batches.extend(bytes);
                    return Room::Extended;
                }
                queue.batches.seal();
                return Room::Made;
            }
            NeedsBuffer::Batch { bytes, sealed } => (bytes, sealed),
        };
        if sealed {
            self.memory.note_full(self.settings.batch_size);
        }
        if sticky.is_some_and(|topic| sealed || topic.sticky.bytes() >= self.settings.batch_size) {
            return Room::Switch { sealed };
        }
        let reserved = match grant.take_if(|grant| grant.bytes >= bytes) {
            Some(grant) => grant.spend(),
            None if self.memory.try_reserve_batch(bytes) => bytes,
            None => return Room::NeedsMemory { bytes, sealed },
        };
        self.counters.buffered_bytes().add(reserved as u64);
        self.begun.fetch_add(reserved, Ordering::Relaxed);
        queue.open(partition, self.memory.buffer(reserved), reserved, now());
        Room::Made
    }

    /// Gives the lock back. If there is news of the partition's batches the background task is asked
    /// to look, unless it has been asked.
    fn announce(&self, partition: &Arc<Partition>, mut queue: MutexGuard<'_, Queue>, news: bool) {
        let is_unheard = news && queue.announce();
        drop(queue);
        if is_unheard {
            self.inbox.attend(Arc::clone(partition));
        }
    }

    /// Waits for memory for a record of this topic.
    pub(super) async fn reserve(
        &self,
        topic: &str,
        bytes: usize,
        deadline: Instant,
    ) -> Result<Grant<'_>, Error> {
        // The background task sends open batches early when somebody waits.
        if self.memory.reserve(bytes, deadline.into(), || self.inbox.wake()).await {
            return Ok(Grant { memory: &self.memory, bytes });
        }
        Err(if self.is_closing() { failure::closed() } else { failure::no_memory(topic, bytes) })
    }

    fn check_size(&self, record: &ProducerRecord<'_>) -> Result<(), Error> {
        let bytes = RecordBatchBuilder::size_upper_bound(
            record.key.map(<[u8]>::len),
            record.value.map(<[u8]>::len),
            MeasuredHeaders::of(record.headers).encoded_len(),
        );
        let (limit, memory) = (self.settings.max_request_size, self.memory.total());
        if bytes > limit {
            return Err(failure::too_large(record.topic, bytes, "max.request.size", limit));
        }
        if bytes > memory {
            return Err(failure::too_large(record.topic, bytes, "buffer.memory", memory));
        }
        Ok(())
    }

    /// The topic, once the metadata has it.
    pub(super) async fn topic(&self, name: &str, deadline: Instant) -> Result<Arc<Topic>, Error> {
        if let Some(topic) = self.topics.read().get(name) {
            return Ok(Arc::clone(topic));
        }
        let metadata = self.cluster.topic(name, deadline).await?;
        if self.is_closing() {
            return Err(failure::closed());
        }
        if metadata.partitions.is_empty() {
            return Err(failure::no_partition(name, 0, 0));
        }
        Ok(self.grow(name, metadata.partitions.len()))
    }

    /// The topic with at least so many partitions, made or enlarged as needed.
    pub(super) fn grow(&self, name: &str, count: usize) -> Arc<Topic> {
        let mut topics = self.topics.write();
        let known = topics.get(name);
        if let Some(topic) = known.filter(|topic| topic.partitions.len() >= count) {
            return Arc::clone(topic);
        }
        let name = known.map_or_else(|| ByteString::from(name), |topic| topic.name.clone());
        let mut partitions = known.map_or_else(Vec::new, |topic| topic.partitions.to_vec());
        for index in partitions.len()..count {
            let index = i32::try_from(index).unwrap_or(i32::MAX);
            let batch_size = self.settings.batch_size.min(self.memory.total());
            partitions.push(self.inbox.add_partition(|key| {
                let queue = PartitionQueue::new(batch_size, FIRST_CHUNK);
                Partition::new(key, name.clone(), index, queue)
            }));
        }
        let seed = self.seed ^ (partitions.len() as u64).rotate_left(17) ^ (topics.len() as u64);
        let topic = Arc::new(Topic::new(name, partitions.into_boxed_slice(), seed));
        if let Some(old) = topics.insert(&topic) {
            old.mark_replaced();
        }
        topic
    }
}

/// What appending to one partition came to, and whether a batch was begun or sealed.
enum Step {
    /// The record is in a batch.
    Accepted(Delivery, bool),
    /// Records without key go to another partition from here on.
    Switch(bool),
    /// So many bytes have to be reserved first.
    NeedsMemory(usize, bool),
}

/// Whether a record can be appended after all.
enum Room {
    /// A batch was begun or sealed: try again.
    Made,
    /// The open batch may grow: try again.
    Extended,
    /// Records without key go to another partition from here on.
    Switch { sealed: bool },
    /// So many bytes have to be reserved first.
    NeedsMemory { bytes: usize, sealed: bool },
}

/// The time of day in ms since 1970.
fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The clock of the runtime, so that tests can stop it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
