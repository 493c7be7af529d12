//! The `milena` program.
fn main() {}
