//! The producer: records in, acknowledgements out.
//!
//! [`Producer::send`] chooses the partition, reserves memory and encodes the record straight into
//! the open batch of its partition; that takes no task, no allocation and no channel per record.
//! One background task owns the [sender machine](milena_core::producer::Sender): it sends batches,
//! reads the answers and tells every [`Delivery`] how it ended.
//!
//! 1. A record is either refused by `send`, or accepted; an accepted record's delivery ends exactly
//!    once, at the latest `delivery.timeout.ms` after the first record of its batch.
//! 2. At most `buffer.memory` bytes are held for records; a `send` that finds no room waits its
//!    turn for up to `max.block.ms`. One that begins a batch while many wait for brokers that answer
//!    pauses for a moment.
//! 3. A record that is sent while a transaction is open is a part of it; without one, a producer that
//!    has a `transactional.id` takes none.
//! 4. Locks are held for one append or one hand-over, never across an `await`; a task holds one at
//!    a time.

mod coordination;
mod delivery;
mod driver;
mod encoder;
mod failure;
mod gate;
mod handle;
mod inbox;
mod links;
mod memory;
mod partitioning;
mod record;
mod sending;
mod shared;
mod topic;
mod topics;
mod transacting;
mod transaction;

#[cfg(test)]
mod tests;

pub use delivery::{Delivery, RecordMetadata};
pub use handle::{Producer, ProducerBuilder, TopicProducer};
pub use milena_core::producer::{
    Partitioner, RoundRobinPartitioner, TopicPartitions, partition_for_key,
};
pub use milena_wire::records::Header;
pub use record::ProducerRecord;
pub use sending::Sending;
pub use transaction::Transaction;
