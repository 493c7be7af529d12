//! Flow files: which connectors run, with what, against which brokers.
//!
//! `docs/flows.md` describes the format.

mod file;
mod step;

pub use file::{Brokers, Flow};
pub use step::{ActionStep, Input, Step, TriggerStep, Until};
