//! Connections against scripted brokers: tiny servers that do exactly what a test says.

mod pipelining;
mod pool;
mod sasl;
mod scripted;
mod setup;
mod throttling;
mod tls;
