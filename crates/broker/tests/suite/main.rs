//! The broker over TCP, spoken to with frames of `milena-wire` alone.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints spare test functions, but not what they share"
)]

mod admin;
mod faults;
mod fetch;
mod groups;
mod hostile;
mod nodes;
mod produce;
mod raw;
mod security;
mod storage;
mod transactions;
mod versions;
