//! The `milena` program: an Apache Kafka client, broker and connectors in one.
//!
//! Results go to standard output, everything else to standard error. It ends with 0 where all went
//! well, 1 where something failed, 2 where what it was given cannot be used, 130 where Ctrl-C and 143 where
//! SIGTERM ended it in good order.
//!
//! What it was given is the command line, and the properties, the flow and the other files that the command
//! line names. That is looked at before anything is done, and the same call would end the same way again.

mod arguments;
mod commands;
mod failure;
mod interrupt;
mod listen;
mod logging;
mod notice;
mod properties;

use std::process::ExitCode;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    logging::start();
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}
