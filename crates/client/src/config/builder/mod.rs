//! Typed builders over the table: each method sets one property, and `build` checks them together.
//!
//! The last line of each method's documentation says which property it is, both defaults and since which
//! Kafka; a test compares it with the table.

mod admin;
mod common;
mod consumer;
mod producer;

use common::common_options;

pub use admin::AdminConfigBuilder;
pub use consumer::ConsumerConfigBuilder;
pub use producer::ProducerConfigBuilder;

/// Settings of a builder that weaken security.
#[derive(Debug)]
pub struct Dangerous<B> {
    builder: B,
}
