//! An Apache Kafka client in pure Rust: producer, consumer and admin.

pub mod config;
mod error;

pub use error::{Error, ErrorKind, Result, Written};
