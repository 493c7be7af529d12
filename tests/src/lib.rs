//! What several suites share.

pub mod fuzzing;
