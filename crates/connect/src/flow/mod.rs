//! Flow files: which connectors run, with what, against which brokers.
//!
//! `docs/flows.md` describes the format.

mod file;
mod request;
mod sink;
mod step;
pub(crate) mod webhook;

pub use file::{Brokers, Flow};
pub(crate) use request::REQUEST_FIELDS;
pub use sink::{CamundaMessages, OnPoison, PoisonPolicy, Sink};
pub use step::{ActionStep, Input, Step, TriggerStep, Until};
pub use webhook::{Certificates, Credentials, Tls, Webhook};

use crate::describe::Part;

/// The tables of a flow file, for documents.
pub(crate) static PARTS: [Part; 4] = [file::PART, step::PART, sink::PART, request::PART];
