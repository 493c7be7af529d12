//! One partition: its log, who leads it, and who waits for records.

use std::sync::{Arc, Weak};

use bytes::{Bytes, BytesMut};
use milena_wire::{ByteString, ErrorCode};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::log::{AppendError, Appended, Extent, Log, SequenceError, ValidBatch};
use crate::storage::PartitionFiles;

/// Bytes of one log that stay in memory when the log is on disk too.
const MEMORY_BYTES_WITH_FILES: usize = 8 << 20;
/// Ended waits are swept out when a partition has this many.
const WAITERS_SWEEP_AT: usize = 32;

/// No node leads the partition.
pub(crate) const NO_LEADER: i32 = -1;

/// Leadership of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leadership {
    pub leader: i32,
    pub leader_epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
}

impl Leadership {
    /// What metadata says is wrong with the partition, or `NONE`.
    pub(crate) fn error(&self) -> ErrorCode {
        if self.leader == NO_LEADER { ErrorCode::LEADER_NOT_AVAILABLE } else { ErrorCode::NONE }
    }
}

/// A partition; cheap to lock for a short time.
#[derive(Debug)]
pub(crate) struct Partition {
    pub topic: ByteString,
    pub index: i32,
    state: Mutex<PartitionState>,
}

/// What the lock of a partition guards.
#[derive(Debug)]
pub(crate) struct PartitionState {
    pub log: Log,
    pub leadership: Leadership,
    waiters: Vec<Weak<Notify>>,
    files: Option<PartitionFiles>,
}

impl Partition {
    pub(crate) fn new(topic: ByteString, index: i32, leadership: Leadership) -> Self {
        Self::with_log(topic, index, leadership, Log::default(), None)
    }

    pub(crate) fn with_log(
        topic: ByteString,
        index: i32,
        leadership: Leadership,
        log: Log,
        files: Option<PartitionFiles>,
    ) -> Self {
        let state = PartitionState { log, leadership, waiters: Vec::new(), files };
        Self { topic, index, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, PartitionState> {
        self.state.lock()
    }

    /// Appends as the leader `node`.
    pub(crate) fn append(
        &self,
        node: i32,
        batch: &ValidBatch,
        append_time_ms: Option<i64>,
    ) -> Result<(Appended, i64), ErrorCode> {
        let mut state = self.lock();
        if state.leadership.leader != node {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        let appended = state.append(batch, append_time_ms)?;
        Ok((appended, state.log.start_offset()))
    }

    /// Appends whoever leads; for the markers of transactions.
    pub(crate) fn append_marker(&self, batch: &ValidBatch) -> Result<Appended, ErrorCode> {
        self.lock().append(batch, None)
    }

    /// Gives the partition another leader and a new epoch.
    pub(crate) fn elect(&self, leader: i32, isr: Vec<i32>) -> i32 {
        let mut state = self.lock();
        state.leadership.leader = leader;
        state.leadership.isr = isr;
        state.leadership.leader_epoch += 1;
        state.wake();
        state.leadership.leader_epoch
    }

    pub(crate) fn leadership(&self) -> Leadership {
        self.lock().leadership.clone()
    }
}

impl PartitionState {
    fn append(
        &mut self,
        batch: &ValidBatch,
        append_time_ms: Option<i64>,
    ) -> Result<Appended, ErrorCode> {
        let epoch = self.leadership.leader_epoch;
        let batches = std::slice::from_ref(batch);
        let appended =
            self.log.append(batches, epoch, append_time_ms).map_err(|error| match error {
                AppendError::Sequence(SequenceError::OutOfOrder) => {
                    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
                }
                AppendError::Sequence(SequenceError::ProducerFenced) => {
                    ErrorCode::INVALID_PRODUCER_EPOCH
                }
                AppendError::Sequence(SequenceError::TransactionState) => {
                    ErrorCode::INVALID_TXN_STATE
                }
            })?;
        if appended.written.0 == appended.written.1 {
            return Ok(appended);
        }
        if let Some(files) = &mut self.files {
            let bytes = self.log.tail(appended.written.0);
            if let Err(error) = files.append(appended.base_offset, bytes) {
                tracing::error!(%error, "cannot write to the data directory");
                self.log.truncate(appended.base_offset);
                return Err(ErrorCode::KAFKA_STORAGE_ERROR);
            }
            self.log.evict(MEMORY_BYTES_WITH_FILES);
        }
        self.wake();
        Ok(appended)
    }

    /// Wakes `waiter` at the next append or change of leadership.
    pub(crate) fn wait(&mut self, waiter: &Arc<Notify>) {
        if self.waiters.len() >= WAITERS_SWEEP_AT {
            self.waiters.retain(|known| known.strong_count() > 0);
        }
        let pointer = Arc::as_ptr(waiter);
        if !self.waiters.iter().any(|known| known.as_ptr() == pointer) {
            self.waiters.push(Arc::downgrade(waiter));
        }
    }

    pub(crate) fn wake(&mut self) {
        for waiter in self.waiters.drain(..).filter_map(|waiter| waiter.upgrade()) {
            waiter.notify_one();
        }
    }

    /// Whole batches from `offset` to before `bound` and the offset after them; see [`Log::read`].
    pub(crate) fn read(
        &mut self,
        offset: i64,
        bound: i64,
        bytes_max: usize,
        at_least_one: bool,
    ) -> Result<(Bytes, i64), ErrorCode> {
        let slice = self.log.read(offset, bound, bytes_max, at_least_one);
        Ok((self.join(slice.extents)?, slice.next_offset))
    }

    /// The batch that begins at `base_offset`.
    pub(crate) fn read_batch(&mut self, base_offset: i64) -> Result<Bytes, ErrorCode> {
        self.read(base_offset, base_offset + 1, 0, true).map(|(batch, _)| batch)
    }

    fn join(&mut self, mut extents: Vec<Extent>) -> Result<Bytes, ErrorCode> {
        if extents.len() == 1
            && let Some(Extent::Memory(bytes)) = extents.first()
        {
            return Ok(bytes.clone());
        }
        let mut joined = BytesMut::with_capacity(extents.iter().map(Extent::len).sum());
        for extent in extents.drain(..) {
            match extent {
                Extent::Memory(bytes) => joined.extend_from_slice(&bytes),
                Extent::Stored { start, len } => {
                    let at = joined.len();
                    joined.resize(at + len, 0);
                    let files = self.files.as_ref().ok_or(ErrorCode::KAFKA_STORAGE_ERROR)?;
                    files.read(start, joined.get_mut(at..).unwrap_or_default()).map_err(
                        |error| {
                            tracing::error!(%error, "cannot read from the data directory");
                            ErrorCode::KAFKA_STORAGE_ERROR
                        },
                    )?;
                }
            }
        }
        Ok(joined.freeze())
    }

    /// Drops records before `offset`; on disk, the segments that lie wholly before it.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.log.advance_start(offset);
        if let Some(files) = &mut self.files
            && let Err(error) = files.delete_before(self.log.start_offset())
        {
            tracing::warn!(%error, "cannot delete an old segment");
        }
    }

    /// Drops records from `offset` on.
    pub(crate) fn truncate(&mut self, offset: i64) {
        let position = self.log.truncate(offset);
        if let Some(files) = &mut self.files
            && let Err(error) = files.truncate(position)
        {
            tracing::error!(%error, "cannot truncate a segment");
        }
        self.wake();
    }

    /// Writes everything to the disk itself.
    pub(crate) fn sync(&self) {
        if let Some(files) = &self.files
            && let Err(error) = files.sync()
        {
            tracing::warn!(%error, "cannot flush a segment");
        }
    }

    /// Removes the partition's files.
    pub(crate) fn remove_files(&mut self) {
        if let Some(files) = self.files.take()
            && let Err(error) = files.remove()
        {
            tracing::warn!(%error, "cannot remove the files of a deleted partition");
        }
    }
}
