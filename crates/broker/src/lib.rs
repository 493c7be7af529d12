//! An embedded Apache Kafka broker for tests and first steps.

mod authentication;
mod background;
mod broker;
mod builder;
mod cluster;
mod config;
mod connection;
mod error;
mod fault;
mod fetch_session;
mod group;
mod group_driver;
mod handlers;
mod listener;
mod log;
mod release;
mod security;
mod settings;
mod storage;
mod transaction;

pub use broker::Broker;
pub use builder::BrokerBuilder;
pub use error::{CommandError, StartError};
pub use fault::{Fault, FaultId, Faults, RequestSeen};
pub use group::GroupSettings;
pub use security::SecurityProtocol;
