//! An Apache Kafka client in pure Rust: producer, consumer and admin.

pub mod admin;
mod cluster;
pub mod config;
pub mod consumer;
mod error;
pub mod metrics;
pub mod producer;

pub use consumer::{Consumer, ConsumerRecord, ConsumerRecords, OwnedRecord, RebalanceListener};
pub use error::{Error, ErrorKind, Result, Written};
pub use milena_core::TopicPartition;
pub use milena_wire::{ErrorCode, Uuid};
