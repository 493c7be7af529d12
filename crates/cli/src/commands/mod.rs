//! A module for each command.

mod codec;

use crate::{arguments::Command, failure::Failure};

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Codec(codec) => codec::run(codec),
    }
}
