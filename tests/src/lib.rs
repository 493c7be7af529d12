//! What several suites share.

pub mod fuzzing;
pub mod golden;
