//! The codec against tables, against apache-avro and Java's Avro, and against bytes that nobody wrote.

mod decoding;
mod encoding;
mod golden;
mod hostile;
mod witness;
