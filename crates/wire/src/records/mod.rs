//! Record batches: what the `records` fields of Produce and Fetch hold.
//!
//! Reading starts at [`RecordBatches`], which splits the bytes of a fetch response into
//! [`RecordBatch`]es without looking at their records; [`RecordBatch::records`] decompresses one
//! batch, and [`Records::iter`] walks its records as slices. Writing starts at
//! [`RecordBatchBuilder`], which appends encoded records to one buffer; [`SealedBatch`] is what is
//! sent, and [`RecordBatchMut`] changes header fields of a finished batch in place.
//!
//! Batches of magic 2 (Kafka 0.11 and later, KIP-98) are read and written. Message sets of magic
//! 0 and 1 are read, and written by [`convert_to`] for fetch requests of old versions.
//!
//! Not here: which records a consumer sees (aborted transactions, positions) and when a batch is
//! sent.
//!
//! 1. No bytes make reading panic; lengths are checked before use and counts never reserve.
//! 2. Reading the records of an uncompressed batch allocates nothing, and neither does appending
//!    a record while the buffer's capacity suffices.

mod batch;
mod batches;
mod builder;
mod checksum;
mod control;
mod convert;
mod edit;
mod error;
mod header;
mod iter;
mod legacy;
mod measured;
mod record;
mod sealed;
mod usual;
mod varint;

pub use batch::RecordBatch;
pub use batches::RecordBatches;
pub use builder::{AppendError, RecordBatchBuilder, SealOptions};
pub use control::{
    ControlRecordType, EndTransactionMarker, InvalidControlRecord, end_transaction_batch,
};
pub use convert::{ConvertError, convert_to};
pub use edit::RecordBatchMut;
pub use error::{RecordError, RecordErrorKind};
pub use header::{RECORD_BATCH_OVERHEAD, TimestampType};
pub use iter::{RecordIter, Records};
pub use measured::MeasuredHeaders;
pub use record::{Header, Headers, Record};
pub use sealed::SealedBatch;

/// A producer id, epoch or sequence that is not there.
pub const NO_PRODUCER_ID: i64 = -1;
/// The epoch of a batch without producer id.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// The sequence of a batch without producer id.
pub const NO_SEQUENCE: i32 = -1;
/// The timestamp of a record of magic 0, which has none.
pub const NO_TIMESTAMP: i64 = -1;
/// The partition leader epoch of a batch that no leader has written.
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;
