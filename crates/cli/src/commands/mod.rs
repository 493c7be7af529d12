//! A module for each command.

mod broker;
mod codec;
mod connectors;
mod consume;
mod feel;
mod perf;
mod produce;
mod record_json;
mod run;
mod serve;
mod topics;
mod verifiable;

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::{
    arguments::{Arguments, Command},
    failure::Failure,
};

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Codec(codec) => codec::run(codec),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "milena", &mut script);
            io::stdout().write_all(&script).map_err(|error| Failure::output(&error))
        }
        Command::Feel(arguments) => feel::run(&arguments),
        Command::Run(arguments) => block_on(run::run(arguments)),
        Command::Serve(arguments) => block_on(serve::run(arguments)),
        Command::Connectors(connectors) => connectors::run(&connectors),
        Command::Broker(arguments) => block_on(broker::run(arguments)),
        Command::Produce(arguments) => block_on(produce::run(arguments)),
        Command::Consume(arguments) => block_on(consume::run(arguments)),
        Command::Topics(topics) => block_on(topics::run(topics)),
        Command::Perf(perf) => block_on(perf::run(perf)),
        Command::VerifiableProducer(arguments) => block_on(verifiable::producer::run(arguments)),
        Command::VerifiableConsumer(arguments) => block_on(verifiable::consumer::run(arguments)),
    }
}

/// Runs a command that does I/O.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("the runtime", error))?;
    let outcome = runtime.block_on(command);
    // A thread may still wait for standard input, which nothing can cut short.
    runtime.shutdown_background();
    outcome
}
