//! What can stand on the command line.

use clap::{Parser, Subcommand};

/// An Apache Kafka client, broker and connectors in one program, in pure Rust.
#[derive(Debug, Parser)]
#[command(name = "milena", version, about, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decode messages or record batches: JSON lines in, JSON lines out
    #[command(subcommand)]
    Codec(Codec),
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
