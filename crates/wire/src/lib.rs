//! Apache Kafka's protocol as values: messages, record batches, compression, frames.

pub mod compression;
pub mod records;
