//! What the benchmarks and the counts of instructions share.

pub mod messages;
