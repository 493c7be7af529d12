//! Tests of the configuration as a whole: the table against Kafka's facts, and every rule.

mod documents;
mod facts;
mod golden;
mod random;
mod rules;
mod security;
