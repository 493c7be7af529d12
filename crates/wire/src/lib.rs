//! Apache Kafka's protocol as values: messages, record batches, compression, frames.
