//! The `milena` program: an Apache Kafka client, broker and connectors in one.
//!
//! Results go to standard output, everything else to standard error. It ends with 0 where all went
//! well, 1 where something failed, 2 where it was called wrongly, 130 where Ctrl-C and 143 where SIGTERM
//! ended it in good order.

mod arguments;
mod commands;
mod failure;
mod interrupt;
mod listen;
mod logging;
mod notice;
mod properties;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start();
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}
