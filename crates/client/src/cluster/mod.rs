//! The cluster as producer, consumer and admin see it: metadata that keeps itself fresh, and
//! connections.
//!
//! [`Cluster`] joins the metadata machine of `milena_core` and the broker pool of `milena_pool`. One
//! background task carries the machine's refreshes out; it starts with the first call that needs
//! it and ends with the last handle.
//!
//! Invariants:
//! 1. The machine is locked for moments only, never across an `await`.
//! 2. The brokers of the pool are those of the newest snapshot, plus coordinators and leaders that
//!    brokers named since.
//! 3. Whoever waits for metadata is woken by every response and every failure, and looks again.

mod coordinator;
mod errors;
mod handle;
mod refresh;
mod settings;
mod topics;
mod unreachable;

#[cfg(test)]
mod tests;

pub(crate) use coordinator::CoordinatorKind;
pub(crate) use handle::Cluster;
#[cfg(all(test, feature = "oauth"))]
pub(crate) use settings::sasl as pool_sasl;
#[cfg(feature = "oauth")]
pub(crate) use settings::tls as tls_config;
