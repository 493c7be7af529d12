//! The project's own tools, run as `cargo xtask NAME`.
//!
//! `test` is the whole of the project's checks, and what continuous integration runs.

mod bench;
mod child;
mod count;
mod fuzz;
mod generate;
mod golden;
mod kafka;
mod no_c;
mod programs;
mod spec;
mod test;
mod tidy;
mod valgrind;

use std::{path::PathBuf, process::ExitCode};

const USAGE: &str = "usage: cargo xtask COMMAND

commands:
  test    run every check: format, lints, unit, doc, golden, embedded and real-Kafka tests
  bench   measure Milena beside other clients (see cargo xtask bench --help)
  count   count the instructions of a record and a message (see cargo xtask count --help)
  kafka   fetch, start, stop and break a real Apache Kafka (see cargo xtask kafka --help)
  fuzz    run the fuzz targets ([--seconds N] [TARGET...])
  gen     write the generated code from the facts in spec/ (--check: compare instead of writing)
  golden  write random messages and records with Kafka's own classes
  no-c    prove that a build compiles no C (--graph: look at its crates alone, --allowed: which may be there)
  spec    take the protocol's facts out of Kafka's own jar into spec/
  tidy    check documents and sources: links, paths, commands, sizes
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[] as &[String]),
    };
    let outcome = match command {
        "bench" => bench::run(rest),
        "count" => count::run(rest),
        "golden" => golden::run(rest),
        "kafka" => kafka::run(rest),
        "test" => test::run(rest),
        "fuzz" => fuzz::run(rest),
        "gen" => generate::run(rest),
        "no-c" => no_c::run(rest),
        "tidy" => tidy::run(rest),
        "spec" => spec::run(rest),
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

/// The root of the workspace.
fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask is a folder of the workspace").to_owned()
}
