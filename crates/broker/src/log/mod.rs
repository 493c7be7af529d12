//! One partition's log as plain data: batches, offsets, leader epochs, producers and transactions.
//!
//! It knows nothing of files, sockets or clocks. `partition` drives it and mirrors appended bytes
//! into `storage` when the broker keeps its data on disk.
//!
//! Invariants:
//! 1. Entries are in offset order and never overlap; every entry lies inside one piece.
//! 2. Pieces are contiguous in byte position, from the first entry to the end of the log.
//! 3. The last stable offset never passes the first offset of an open transaction.

mod chunks;
mod epochs;
mod header;
mod journal;
mod marker;
mod producers;
mod timestamps;
mod validate;

#[cfg(test)]
mod tests;

pub(crate) use chunks::Extent;
pub(crate) use header::{BatchHeader, HEADER_LEN, is_crc_valid};
pub(crate) use journal::{AppendError, Appended, Log};
pub(crate) use marker::{end_marker, parse_marker};
pub(crate) use producers::{AbortedTransaction, ProducerSnapshot, SequenceError};
pub(crate) use timestamps::{TimestampOffset, first_at_or_after};
pub(crate) use validate::{BatchRules, InvalidBatches, RecordProblem, ValidBatch, validate};
