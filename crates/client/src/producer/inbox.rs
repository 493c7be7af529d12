//! What reaches the background task from the tasks that send.

use std::sync::Arc;

use milena_core::producer::{
    Batch, EncodingId, PartitionKey, TransactionEnd, TransactionNumber, TransactionOffsets,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::delivery::Completion;
use super::topic::Partition;
use crate::Error;

/// A batch that a worker compressed, or could not.
pub(super) type Encoded = Result<Batch<Arc<Completion>>, Box<(Batch<Arc<Completion>>, String)>>;

/// Is told how something ended that a caller waits for.
pub(super) type Waiter<T> = oneshot::Sender<Result<T, Error>>;

/// Something the background task has to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Send everything that was accepted before, and say when its delivery has ended.
    Flush(oneshot::Sender<()>),
    /// End every delivery now, and stop.
    Abort(oneshot::Sender<()>),
    /// The last handle is gone: send what was accepted, for a while.
    Detach,
    /// Get the producer id of the transactional id.
    InitTransactions(Waiter<()>),
    /// Begin a transaction.
    BeginTransaction(Waiter<TransactionNumber>),
    /// Make offsets part of a transaction.
    SendOffsets(TransactionNumber, Box<TransactionOffsets>, Waiter<()>),
    /// End a transaction.
    EndTransaction(TransactionNumber, TransactionEnd, Waiter<()>),
    /// Nobody has a handle on this transaction any more: abort it, unless it is being committed.
    AbandonTransaction(TransactionNumber),
    /// Abort the transaction that is open, if one is.
    AbortTransaction(Waiter<()>),
    /// A batch is compressed.
    Encoded(PartitionKey, EncodingId, Box<Encoded>),
}

/// Everything that came since the task looked last, in order within each list. Partitions are added
/// before they want attention, and attention is asked for before a flush waits for it.
#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) partitions: Vec<Arc<Partition>>,
    pub(super) attention: Vec<Arc<Partition>>,
    pub(super) commands: Vec<Command>,
}

/// The mailbox of the background task. Bounded by the number of partitions, of batches being
/// compressed and of callers of `flush` and `close`.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    slot: Mutex<Slot>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Slot {
    mail: Mail,
    partitions_count: usize,
    /// The task has ended; nobody reads mail.
    is_shut: bool,
}

impl Inbox {
    /// Adds a partition, made with the key that it gets.
    pub(super) fn add_partition(
        &self,
        make: impl FnOnce(PartitionKey) -> Partition,
    ) -> Arc<Partition> {
        let mut slot = self.slot.lock();
        let partition = Arc::new(make(PartitionKey(slot.partitions_count)));
        if slot.is_shut {
            partition.lock().is_closed = true;
            return partition;
        }
        slot.partitions_count += 1;
        slot.mail.partitions.push(Arc::clone(&partition));
        drop(slot);
        self.notify.notify_one();
        partition
    }

    /// Asks the task to look at a partition.
    pub(super) fn attend(&self, partition: Arc<Partition>) {
        self.slot.lock().mail.attention.push(partition);
        self.notify.notify_one();
    }

    /// Asks the task to do something. A task that has ended does nothing more: the command comes
    /// back.
    pub(super) fn command(&self, command: Command) -> Result<(), Command> {
        let mut slot = self.slot.lock();
        if slot.is_shut {
            return Err(command);
        }
        slot.mail.commands.push(command);
        drop(slot);
        self.notify.notify_one();
        Ok(())
    }

    /// Wakes the task.
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Takes the mail; `mail`, which is empty, becomes the next one.
    pub(super) fn take(&self, mail: &mut Mail) {
        std::mem::swap(&mut self.slot.lock().mail, mail);
    }

    /// Ends the mailbox. Returns what the task has not seen.
    pub(super) fn shut(&self) -> Mail {
        let mut slot = self.slot.lock();
        slot.is_shut = true;
        std::mem::take(&mut slot.mail)
    }

    /// Waits for mail. Cancel safe.
    pub(super) async fn wait(&self) {
        self.notify.notified().await;
    }
}
