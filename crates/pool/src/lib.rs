//! Connections to Kafka brokers on tokio: TLS, SASL, pipelining, reconnect.
//!
//! [`Connection`] is one connection: requests go out in call order and in one write where possible,
//! responses come back as futures that decode them. [`BrokerPool`] holds the connections to every
//! broker of a cluster, makes them when they are needed and waits between attempts that fail.
//!
//! The machines inside (version negotiation, requests in flight, backoff) are those of
//! [`milena_core`]; this crate is the one that maps them to sockets and timers.
//!
//! Invariants:
//! 1. The requests of a connection are written in the order in which they were started.
//! 2. When a connection ends, each request on it fails with the reason and with whether it had
//!    been written.
//! 3. Dropping a future never harms the connection.
//!
//! Features: `graviola` (default), `ring` and `aws-lc-rs` choose the cryptography of TLS; see
//! [`tls`].

mod broker_pool;
mod canonical;
mod config;
mod connection;
mod counters;
mod error;
mod random;
mod sasl;
mod waiting;

pub use milena_tls as tls;

pub use broker_pool::{BrokerPool, BrokerPoolConfig, Purpose};
pub use config::{ConnectionConfig, DnsLookup, HostPort, Security};
pub use connection::{Connection, PendingResponse, PendingWrite};
pub use counters::ConnectionCounts;
pub use error::{
    Answered, AuthenticationError, ConnectError, ConnectErrorKind, DisconnectReason, Impostor,
    RequestError, with_causes,
};
pub use sasl::{OAuthBearerToken, Sasl, TokenError, TokenFuture, TokenProvider};
pub use waiting::{PATIENCE, WAITING};
