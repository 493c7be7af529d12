//! The Consume trigger.
use super::*;
use crate::connector::{Action, Trigger};
pub type Consume = Box<dyn Trigger>;
pub type Produce = Box<dyn Action>;
