//! Real Apache Kafka clusters on 127.0.0.1, made of Maven artifacts, for tests.
//!
//! What it is: [`Lab`] starts one or several brokers of one version with every kind of listener,
//! kills, pauses and restarts them, and ends them when it is dropped. `cargo xtask kafka` is the
//! same on the command line. What it is not: it knows nothing of Milena's crates, so that no
//! misreading of ours can confirm itself here.
//!
//! Invariants:
//! 1. No JVM outlives the process that started it, unless the lab was started
//!    [detached](LabOptions::detached): not after a panic, nor after SIGKILL (see [`guard`]).
//! 2. Two labs never share ports, whichever processes start them (see [`ports`]).
//! 3. What is fetched or made once (jars, certificates, formatted folders) is complete or absent,
//!    whichever processes make it at the same time (see [`cache`]).
//!
//! Needs Java 17 (a JDK), Maven for the first fetch of a version, and openssl once.

#![forbid(unsafe_code)]

pub mod archive;
pub mod artifacts;
pub mod cache;
pub mod cases;
pub mod certificates;
pub mod error;
pub mod golden;
pub mod guard;
pub mod java;
mod jvm;
mod kraft;
mod lab;
mod listener;
mod options;
pub mod ports;
pub mod probe;
mod programs;
mod properties;
mod state;
pub mod tools;
pub mod users;
mod version;
mod zookeeper;

pub use certificates::Certificates;
pub use error::LabError;
pub use lab::{Lab, NodeStatus};
pub use listener::Listener;
pub use options::LabOptions;
pub use programs::{JavaProgram, Programs};
pub use version::KafkaVersion;
