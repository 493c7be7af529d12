//! Producing without I/O: batches, sequences, requests and what their answers mean.
//!
//! A record's way: the caller encodes it into the open batch of its partition ([`PartitionQueue`],
//! one per partition, behind a lock of the caller's). A batch that is full or has lingered long
//! enough is sealed and goes to the [`Sender`], which decides what travels in which request to
//! which broker, reads the answers, and says for every batch how it ended ([`Outcome`]).
//!
//! Not here: sockets, timers, locks, memory limits and waiting. The client drives these machines
//! and owns all of that.

mod batch;
mod murmur2;
mod outcome;
mod partitioner;
mod queue;
mod sender;
mod sequence;
mod settings;
mod split;
mod transaction;

pub use batch::{Batch, EncodeError, NewBatch};
pub use murmur2::{murmur2, partition_for_key};
pub use outcome::{DeliveryFailure, FailureReason, Outcome, ProducerIdFailure, Written};
pub use partitioner::{Partitioner, RoundRobinPartitioner, StickyPartition, TopicPartitions};
pub use queue::{Appended, NeedsBuffer, PartitionQueue};
pub use sender::{
    Answer, BatchSource, EncodingId, Event, FlushId, Leader, Outgoing, PartitionKey, ProduceCall,
    ProducerIdAnswer, RequestId, Sender,
};
pub use sequence::{ProducerEpoch, ProducerId, ProducerIdentity, Stamp, advance_sequence};
pub use settings::SenderSettings;
pub use transaction::{
    CoordinatorFeatures, Ending, OffsetsId, Severity, TransactionAnswer, TransactionCall,
    TransactionEnd, TransactionEvent, TransactionFailure, TransactionFailureReason,
    TransactionNumber, TransactionOffsets, TransactionRequest, TransactionSettings,
    TransactionState,
};
