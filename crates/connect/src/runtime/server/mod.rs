//! The HTTP server of a run: inputs in, records out, health and counters.
//!
//! `docs/flows.md` lists what it answers to. HTTP/1.1 is hyper's; this sets the limits, checks who asks,
//! and ends in good order.
//!
//! Invariants:
//! 1. Nobody without the token learns more than whether the flow is up.
//! 2. A body is never longer in memory than the settings allow.
//! 3. After a stop no new request is begun, and those that are begun are answered.

mod consumers;
mod health;
mod listener;
mod metrics;
mod produce;
mod reply;
mod site;

pub use listener::{Server, ServerError, ServerSettings};
pub(super) use site::Site;
