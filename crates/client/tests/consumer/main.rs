//! The consumer against the embedded broker.

mod assign;
mod commits;
mod faults;
mod groups;
mod support;
mod transactions;
