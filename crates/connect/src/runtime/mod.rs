//! Runs flows: feeds actions with lines, gives out what triggers find, and ends when all is through.
//!
//! Triggers start first, so that what the actions produce reaches them. A record of a trigger is
//! accepted, and committed, when its line has been written or its sink has taken it; what was not
//! committed before an end is given again by the next run. [`serve`] is a run with an HTTP server.

mod actions;
mod dead_letter;
mod host;
mod lanes;
mod lines;
mod poison;
mod progress;
mod push;
mod run;
mod server;
mod shared;
mod sink;
mod status;
mod triggers;

#[cfg(test)]
mod sink_tests;
#[cfg(test)]
mod tests;

pub use host::{Host, InputReader};
pub use progress::{Counts, Progress};
pub use run::{RunError, Stop, run, serve};
pub use server::{Server, ServerError, ServerSettings};
