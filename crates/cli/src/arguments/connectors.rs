//! The arguments of `milena connectors`.

use clap::Subcommand;

/// What is told of the connectors.
#[derive(Debug, Subcommand)]
pub(crate) enum Connectors {
    /// List the connectors
    #[command(after_help = "Example:\n  milena connectors list")]
    List {
        /// As JSON, with all fields
        #[arg(long)]
        json: bool,
    },
    /// Print the fields, types, defaults and examples of a connector
    #[command(after_help = "Examples:
  milena connectors describe elasticio
  milena connectors describe elasticio --json | jq '.parts[].fields[].name'
  milena connectors describe elasticio --markdown")]
    Describe {
        /// Its name, as `milena connectors list` prints it
        #[arg(value_name = "NAME")]
        name: String,
        /// As JSON, for programs that make forms of it
        #[arg(long, conflicts_with = "markdown")]
        json: bool,
        /// As tables in Markdown
        #[arg(long)]
        markdown: bool,
    },
}
