//! Runs flows: feeds actions with lines, gives out what triggers find, and ends when all is through.
//!
//! Triggers start first, so that what the actions produce reaches them. A record of a trigger is
//! accepted, and committed, when its line has been written; what was written and not committed before
//! an end is written again by the next run.

mod actions;
mod host;
mod lines;
mod progress;
mod run;
mod shared;
mod triggers;

#[cfg(test)]
mod tests;

pub use host::{Host, InputReader};
pub use progress::{Counts, Progress};
pub use run::{RunError, Stop, run};
