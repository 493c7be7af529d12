//! The arguments of `milena feel`.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  milena feel '1 / 3'
  milena feel 'items[price > 5].name' --context '{\"items\": [{\"name\": \"a\", \"price\": 7}]}'
  milena feel 'date(day) + @\"P1M\"' --context '{\"day\": \"2024-01-31\"}'
  echo '{\"expression\": \"a + b\", \"context\": {\"a\": 1, \"b\": 2}}' | milena feel --json-lines")]
pub(crate) struct Feel {
    /// The expression; a = before it is left out
    #[arg(
        value_name = "EXPR",
        allow_hyphen_values = true,
        required_unless_present_any = ["json_lines", "functions"]
    )]
    pub(crate) expression: Option<String>,
    /// The variables, as a JSON object
    #[arg(long, value_name = "JSON", requires = "expression")]
    pub(crate) context: Option<String>,
    /// Read {"expression","context"} lines and write {"result"} or {"error"} lines, in the same order
    #[arg(long, conflicts_with_all = ["expression", "functions"])]
    pub(crate) json_lines: bool,
    /// Print the functions that there are, as Markdown
    #[arg(long, conflicts_with = "expression")]
    pub(crate) functions: bool,
}
