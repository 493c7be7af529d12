//! Exchanges seen from outside: against other implementations, and against hostile bytes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod hostile;
mod ours;
mod with_rsasl;
mod with_sasl;
