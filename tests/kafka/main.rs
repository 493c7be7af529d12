//! Real Apache Kafka: clusters of every supported release, and Kafka's own classes and programs as
//! witnesses.
//!
//! `cargo xtask test` runs these where Java 17, Maven and openssl are; elsewhere each is reported
//! as ignored.

#[cfg(test)]
mod client;
#[cfg(test)]
mod clusters;
#[cfg(test)]
mod codec;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod java;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod mixed_groups;
#[cfg(test)]
mod own_broker;
#[cfg(test)]
mod program;
#[cfg(test)]
#[cfg(unix)]
mod program_signals;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod releases;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod transactions;
#[cfg(test)]
mod witnesses;
