//! The Consume trigger.
/// x
#[derive(Debug)]
pub struct Consume;
