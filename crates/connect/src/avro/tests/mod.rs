//! The codec against tables, against apache-avro, and against bytes that nobody wrote.

mod decoding;
mod encoding;
mod hostile;
mod witness;
