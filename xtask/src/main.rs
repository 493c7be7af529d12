//! The project's own tools, run as `cargo xtask NAME`.
//!
//! `test` is the whole of the project's checks, and what continuous integration runs.

mod test;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

commands:
  test    run every check: format, lints, unit, doc, golden, embedded and real-Kafka tests
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[] as &[String]),
    };
    let outcome = match command {
        "test" => test::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {command}: {error}");
            ExitCode::FAILURE
        }
    }
}
