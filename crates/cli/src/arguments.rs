//! What can stand on the command line.

mod broker;
mod clients;
mod connectors;
mod feel;
mod run;
mod verifiable;

use clap::{Arg, Command as Program, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::{
    broker::Broker,
    clients::{
        Connection, Consume, CreateTopic, Perf, PerfConsume, PerfIdle, PerfLatency, PerfProduce,
        Produce, Topics,
    },
    connectors::Connectors,
    feel::Feel,
    run::{FlowOptions, Run, Serve},
    verifiable::{VerifiableConsumer, VerifiableProducer},
};

/// An Apache Kafka client, broker and connectors in one program, in pure Rust.
#[derive(Debug, Parser)]
#[command(
    name = "milena",
    version,
    about,
    arg_required_else_help = true,
    after_help = "Results go to standard output, everything else to standard error. Ends with 0 where all went \
                  well, 1 where something failed, 2 where what it was given cannot be used (an argument, a property, a \
                  flow, a file that the command line names), 130 after Ctrl-C and 143 after SIGTERM."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the connectors of a flow file
    Run(Run),
    /// Run a flow file behind an HTTP server
    Serve(Serve),
    /// List and describe the connectors
    #[command(subcommand)]
    Connectors(Connectors),
    /// Start an embedded broker
    Broker(Broker),
    /// Send each line of standard input as a record
    Produce(Produce),
    /// Print records, a line for each
    Consume(Consume),
    /// Create, list, describe and delete topics
    #[command(subcommand)]
    Topics(Topics),
    /// Measure how fast records are produced, consumed and acknowledged
    #[command(subcommand)]
    Perf(Perf),
    /// Decode messages or record batches: JSON lines in, JSON lines out
    #[command(subcommand)]
    Codec(Codec),
    /// Evaluate an expression of FEEL, or one for each line
    Feel(Feel),
    /// Produce numbers and print events, as Kafka's system tests want it
    VerifiableProducer(VerifiableProducer),
    /// Consume and print events, as Kafka's system tests want it
    VerifiableConsumer(VerifiableConsumer),
    /// Print the completions of a shell
    #[command(after_help = "Example:\n  milena completions bash > /etc/bash_completion.d/milena")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Codec {
    /// Decode messages and encode them again
    ///
    /// Reads a line for each message: {"type":"request","name":"MetadataRequest","version":12,
    /// "hex":"..."}, with type request, response, header or data. Writes a line for each, in the
    /// same order: {"name","version","body","hex"}, or {"error"}.
    #[command(
        after_help = "Example:\n  echo '{\"type\":\"request\",\"name\":\"ApiVersionsRequest\",\"version\":0,\"hex\":\"\"}' | milena codec messages"
    )]
    Messages,
    /// Decode record batches and the records in them
    ///
    /// Reads a line for each set of batches: {"hex":"..."}. Writes a line for each, in the same
    /// order: {"batches":[...],"records":[...]} with keys, values and header values in base64, or
    /// {"error"}.
    Records,
}

impl Arguments {
    /// What stands on the command line; ends the program where that cannot be.
    pub(crate) fn read() -> Self {
        let command = with_negative_numbers(Self::command());
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// A number below zero is the value of the option before it, which then says what it expects: no option of
/// the program is a digit.
fn with_negative_numbers(command: Program) -> Program {
    let allow = |arg: Arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    command.mut_args(allow).mut_subcommands(with_negative_numbers)
}

/// Reads a number that is not negative.
fn whole<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().and_then(|number: u64| T::try_from(number).ok());
    number.ok_or_else(|| "expected a whole number, 0 or more".to_owned())
}
