//! The consumer against the embedded broker.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod assign;
mod closing;
mod commits;
mod faults;
mod groups;
mod support;
mod topics;
mod transactions;
