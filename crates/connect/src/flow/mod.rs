//! Flow files: which connectors run, with what, against which brokers.
//!
//! `docs/flows.md` describes the format.

mod file;
mod sink;
mod step;

pub use file::{Brokers, Flow};
pub use sink::{CamundaMessages, OnPoison, PoisonPolicy, Sink, Webhook};
pub use step::{ActionStep, Input, Step, TriggerStep, Until};

use crate::describe::Part;

/// The tables of a flow file, for documents.
pub(crate) static PARTS: [Part; 3] = [file::PART, step::PART, sink::PART];
