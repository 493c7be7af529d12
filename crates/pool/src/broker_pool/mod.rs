//! The connections to the brokers of a cluster.
//!
//! A connection is made when it is first asked for, one for each broker and [`Purpose`]; callers
//! that ask meanwhile wait for the same attempt. An attempt that fails is followed by a pause for
//! that broker, which the next caller waits for.

mod first;
mod outages;
mod pool;
mod purpose;
mod slot;

pub use pool::{BrokerPool, BrokerPoolConfig};
pub use purpose::Purpose;
