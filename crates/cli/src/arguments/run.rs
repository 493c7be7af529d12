//! The arguments of `milena run`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  milena run examples/quickstart.toml
  milena run examples/quickstart.toml --brokers localhost:9092
  milena run flow.toml -F client.properties -X linger.ms=20 | jq .baseOffset")]
pub(crate) struct Run {
    /// The flow file: docs/flows.md describes it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Brokers in place of the flow's: HOST:PORT with commas between them, or "embedded"
    #[arg(long, value_name = "LIST")]
    pub(crate) brokers: Option<String>,
    /// A property of Java's client, for every step that knows it (can be repeated)
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    pub(crate) properties: Vec<String>,
    /// Properties of Java's client from a file; -X wins
    #[arg(short = 'F', value_name = "FILE")]
    pub(crate) properties_file: Option<PathBuf>,
}
