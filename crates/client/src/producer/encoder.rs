//! Compressing batches: at once if that is quick, otherwise on threads for blocking work.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use milena_core::producer::{
    Batch, DeliveryFailure, EncodingId, FailureReason, Outcome, PartitionKey, Written,
};
use milena_wire::compression::{Compression, Compressor};
use parking_lot::Mutex;

use super::delivery::Completion;
use super::inbox::{Command, Encoded};
use super::shared::Shared;

struct Job {
    partition: PartitionKey,
    id: EncodingId,
    batch: Batch<Arc<Completion>>,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// Workers that are running.
    workers: usize,
}

thread_local! {
    /// The tables of the codecs are large, so each thread keeps its own from batch to batch.
    static COMPRESSOR: RefCell<Compressor> = RefCell::default();
}

/// Compresses batches in the way that the configuration names.
///
/// snappy and lz4 are about as quick as copying and done where they are asked for. gzip and zstd take
/// milliseconds for a large batch, so they get threads: as many at a time as there are CPUs.
pub(super) struct Encoder {
    compression: Compression,
    jobs: Arc<Mutex<Jobs>>,
    workers_max: usize,
}

impl Encoder {
    pub(super) fn new(compression: Compression) -> Self {
        let workers_max = std::thread::available_parallelism().map_or(1, usize::from);
        Self { compression, jobs: Arc::default(), workers_max }
    }

    /// Compresses a batch. Returns it if that is done; otherwise it comes through the inbox.
    pub(super) fn encode(
        &mut self,
        partition: PartitionKey,
        id: EncodingId,
        batch: Batch<Arc<Completion>>,
        shared: &Arc<Shared>,
    ) -> Option<Encoded> {
        if !matches!(self.compression, Compression::Gzip { .. } | Compression::Zstd { .. }) {
            return Some(encode(batch, self.compression));
        }
        let mut jobs = self.jobs.lock();
        jobs.waiting.push_back(Job { partition, id, batch });
        if jobs.workers < self.workers_max {
            jobs.workers += 1;
            let (jobs, shared) = (Arc::clone(&self.jobs), Arc::clone(shared));
            let compression = self.compression;
            tokio::task::spawn_blocking(move || work(&jobs, compression, &shared));
        }
        None
    }
}

/// Compresses batches until none waits.
fn work(jobs: &Mutex<Jobs>, compression: Compression, shared: &Shared) {
    loop {
        let job = {
            let mut jobs = jobs.lock();
            let Some(job) = jobs.waiting.pop_front() else {
                jobs.workers -= 1;
                return;
            };
            job
        };
        let encoded = encode(job.batch, compression);
        let encoded = Command::Encoded(job.partition, job.id, Box::new(encoded));
        if let Err(Command::Encoded(_, _, encoded)) = shared.inbox.command(encoded) {
            abandon(*encoded);
        }
    }
}

/// The producer was closed while the batch was compressed.
fn abandon(encoded: Encoded) {
    let batch = encoded.unwrap_or_else(|failed| failed.0);
    if let Some((completion, records)) = batch.into_completion() {
        let failure = DeliveryFailure {
            reason: FailureReason::Closed,
            written: Written::No,
            attempts: 0,
            broker: None,
            severity: None,
        };
        completion.complete(records, Outcome::Failed(failure));
    }
}

fn encode(mut batch: Batch<Arc<Completion>>, compression: Compression) -> Encoded {
    let encoded = COMPRESSOR.with_borrow_mut(|compressor| batch.encode(compression, compressor));
    match encoded {
        Ok(()) => Ok(batch),
        Err(error) => Err(Box::new((batch, error.to_string()))),
    }
}
