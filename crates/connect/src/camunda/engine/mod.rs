//! Camunda 8's engine over its REST API: jobs are fetched and told of, messages are published.
//!
//! [`EngineSettings`] is what a flow's table `camunda` says, [`Engine`] asks. What is done when the engine is
//! busy or gone is for whoever calls it: [`EngineError`] says whether trying again may help, and when.
//!
//! Camunda documents the API for 8.6 and later.

mod client;
mod error;
mod jobs;
mod retry_after;
mod settings;

pub use client::Engine;
pub use error::{EngineError, EngineErrorKind};
pub use jobs::{JobCommand, JobsSettings};
pub use settings::{EngineCredentials, EngineSettings};

pub(crate) use jobs::{FIELD as JOBS_FIELD, JobsTable};
pub(crate) use settings::FIELDS as ENGINE_FIELDS;
