//! Connections against scripted brokers: tiny servers that do exactly what a test says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod counters;
mod pipelining;
mod pool;
mod sasl;
mod scripted;
mod setup;
mod throttling;
mod tls;
