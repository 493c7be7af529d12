//! An Apache Kafka client in pure Rust: producer, consumer and admin.
//!
//! [`Producer`] sends records, [`Consumer`] reads them, alone or in a group, and [`Admin`] creates,
//! describes and deletes topics. Each is made from a configuration ([`config`]) by a typed builder or
//! by Java's property names, and each tells what it did in counters ([`metrics`]) and by `tracing`
//! events. Whatever fails is an [`Error`], which says what kind it is, whether trying again can help
//! and, for a record, whether it may have been written.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use milena::{
//!     Consumer, Producer, ProducerRecord, TopicPartition,
//!     config::{AutoOffsetReset, ConsumerConfig, ProducerConfig},
//! };
//!
//! // Any Kafka will do; this one is in the process and ends with it.
//! let broker = milena_broker::Broker::start().await?;
//! let servers = broker.bootstrap_servers();
//!
//! let producer = Producer::new(ProducerConfig::builder(&servers).build()?)?;
//! let record = ProducerRecord::to("cars").key("Car status").value("arrived");
//! let sent = producer.send(record).await?.await?;
//! producer.close(Duration::from_secs(10)).await?;
//!
//! let config = ConsumerConfig::builder(&servers)
//!     .auto_offset_reset(AutoOffsetReset::Earliest)
//!     .enable_auto_commit(false)
//!     .build()?;
//! let consumer = Consumer::new(config)?;
//! consumer.assign([TopicPartition::new("cars", sent.partition())])?;
//! let records = consumer.poll(Duration::from_secs(10)).await?;
//! let record = records.iter().next().ok_or("no record")?;
//! assert_eq!((record.offset, record.value), (0, Some(&b"arrived"[..])));
//! # consumer.close(Duration::from_secs(10)).await?;
//! # Ok(()) }
//! ```
//!
//! # Events
//!
//! Events of `tracing` are by batch and by connection, never by record. Those that tell a person why nothing
//! happens have a target of their own, [`WAITING`], and a message that can stand alone: which broker does
//! not answer, refuses the connection or hangs up, and which topic is missing. The first comes after two
//! seconds, the next ones ever more rarely.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! | --- | --- | --- |
//! | `graviola` | yes | the cryptography of TLS, without C; for x86-64 and aarch64 |
//! | `ring`, `aws-lc-rs` | no | other cryptography for TLS, which compiles C |
//! | `oauth` | yes | tokens of OAUTHBEARER from an endpoint or a file (`TokenEndpoint`), and the HTTP client for it |
//!
//! Of several kinds of cryptography the first is used that the CPU can run: graviola, aws-lc-rs, ring.
//! Without any, `security.protocol=SSL` and `SASL_SSL` are refused. Without `oauth` the properties of
//! the token endpoint are refused, and a token provider of your own
//! ([`Sasl::oauthbearer`](config::Sasl::oauthbearer)) does their work.

pub mod admin;
mod cluster;
pub mod config;
pub mod consumer;
mod error;
pub mod metrics;
mod partition_info;
pub mod producer;
#[cfg(test)]
mod threads;

pub use admin::Admin;
pub use consumer::{Consumer, ConsumerRecord, ConsumerRecords, OwnedRecord, RebalanceListener};
pub use error::{Error, ErrorKind, Result, Written};
pub use milena_core::TopicPartition;
pub use milena_pool::WAITING;
pub use milena_wire::{ByteString, ErrorCode, Uuid};
pub use partition_info::PartitionInfo;
pub use producer::{Producer, ProducerRecord, RecordMetadata};

/// The programs in the documents, which run as tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/librdkafka.md")]
    mod librdkafka {}
}
