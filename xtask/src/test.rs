//! `cargo xtask test`: every check, in the order in which a failure is cheapest to learn.

use std::process::Command;

/// Runs every check; the first that fails ends it.
pub(crate) fn run(_arguments: &[String]) -> Result<(), String> {
    cargo("format", &["fmt", "--all", "--check"])?;
    cargo(
        "lints",
        &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"],
    )?;
    cargo(
        "unit and integration tests",
        &["test", "--workspace", "--all-targets", "--no-fail-fast"],
    )?;
    cargo("doc tests", &["test", "--workspace", "--doc"])
}

/// Runs one cargo command and names it before and in its failure.
fn cargo(what: &str, arguments: &[&str]) -> Result<(), String> {
    eprintln!("== {what}: cargo {}", arguments.join(" "));
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed ({status})")) }
}
