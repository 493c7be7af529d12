//! The data directory: segments of partitions, and a journal of everything else.
//!
//! Layout: `journal` holds topics, committed offsets and ids; `TOPIC-PARTITION/OFFSET.log` holds
//! record batches as Kafka's segments do. Writes go to the page cache, as in Kafka; a shutdown
//! flushes them to the disk.

mod journal;
mod segments;

pub(crate) use journal::{Journal, Recovered, StoredTopic, StoredTransaction};
pub(crate) use segments::{PartitionFiles, recover_partition};
