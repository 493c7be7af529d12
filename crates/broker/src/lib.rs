//! An embedded Apache Kafka broker for tests and first steps.
//!
//! [`Broker::start`] gives a broker on a free port of 127.0.0.1 that keeps everything in memory;
//! [`Broker::builder`] has the options: several nodes in one process, TLS, SASL users, a data
//! directory, topics, the API versions of an older release. Any Kafka client can use it. It knows
//! topics and their configuration, produce with idempotence and transactions, fetch with sessions
//! and long poll, classic consumer groups and committed offsets. [`Broker::faults`] disturbs
//! clients on demand, and the broker's commands move leaders and coordinators, stop and start nodes.
//!
//! It is not a cluster: nodes share one log for each partition, so replicas never lag and nothing
//! is replicated. There are no ACLs, no quotas, and records of compacted topics are all kept.
//!
//! The broker reads the protocol on its own: of Milena's crates it uses `milena-wire` and
//! `milena-sasl`, and never the machines of the client, so that a misreading cannot confirm itself.
//!
//! # Example
//!
//! Plain TCP is enough to ask a broker for the versions that it speaks:
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use milena_broker::Broker;
//! use milena_wire::frame;
//! use milena_wire::messages::ApiVersionsRequest;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Runtime::new()?;
//! let broker = runtime.block_on(Broker::builder().topic("orders", 3).start())?;
//!
//! let mut connection = TcpStream::connect(broker.bootstrap_servers())?;
//! let request = ApiVersionsRequest {
//!     client_software_name: "example".into(),
//!     client_software_version: "1.0".into(),
//!     ..Default::default()
//! };
//! let frame = frame::encode_request(3, 7, Some("example"), &request)?;
//! connection.write_all(&frame.to_bytes())?;
//!
//! let mut length = [0; 4];
//! connection.read_exact(&mut length)?;
//! let mut answer = vec![0; u32::from_be_bytes(length).try_into()?];
//! connection.read_exact(&mut answer)?;
//! let (correlation_id, response) =
//!     frame::decode_response::<ApiVersionsRequest>(answer.into(), 3)?;
//!
//! assert_eq!((correlation_id, response.error_code), (7, 0));
//! let fetch = response.api_keys.iter().find(|api| api.api_key == 1).expect("Fetch is served");
//! assert_eq!(fetch.max_version, 18);
//! runtime.block_on(broker.shutdown());
//! # Ok(())
//! # }
//! ```
//!
//! # Several nodes, users, an older Kafka
//!
//! ```
//! use milena_broker::{Broker, Fault};
//! use milena_wire::{ApiKey, ErrorCode};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker = Broker::builder()
//!     .nodes(3)
//!     .default_replication_factor(3)
//!     .topic("orders", 6)
//!     .user("alice", "secret")
//!     .as_version("2.8")
//!     .start()
//!     .await?;
//!
//! let leader = broker.leader("orders", 0)?.expect("all nodes run");
//! broker.stop_node(leader).await?;
//! assert_ne!(broker.leader("orders", 0)?, Some(leader));
//!
//! broker.faults().inject(Fault::on(ApiKey::PRODUCE).error(ErrorCode::REQUEST_TIMED_OUT).times(3));
//! broker.shutdown().await;
//! # Ok(())
//! # }
//! ```

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
