//! `cargo xtask golden`: files of fresh cases that Kafka's own classes wrote.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use kafka_lab::{Programs, golden};
use serde_json::Value;

/// Write random messages and record sets as Kafka's own classes do, to compare a codec with.
///
/// The vectors that the tests carry are of a fixed seed; these are for fresh ones.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask golden", bin_name = "cargo xtask golden")]
struct Arguments {
    /// Same seed, same cases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many messages for each schema and version
    #[arg(long, default_value_t = 4)]
    variants: u32,
    /// How many times 26 sets of records
    #[arg(long, default_value_t = 4)]
    records: u32,
    /// The folder for messages.jsonl and records.jsonl
    #[arg(long, default_value = "target/golden")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let program = "cargo xtask golden".to_owned();
    let arguments =
        Arguments::try_parse_from([program].iter().chain(arguments)).unwrap_or_else(|e| e.exit());
    let root = crate::root();
    let text = |error: kafka_lab::LabError| error.to_string();
    let programs =
        Programs::compile(golden::VERSION, &root.join("tests/golden/java")).map_err(text)?;
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("cannot create {}: {error}", arguments.out.display()))?;
    let schemas = root.join("spec/messages");
    let messages =
        golden::messages(&programs, &schemas, arguments.seed, arguments.variants).map_err(text)?;
    let refused = messages.iter().filter(|case| case.get("error").is_some()).count();
    write(&arguments.out.join("messages.jsonl"), &messages)?;
    let records = golden::records(&programs, arguments.seed, arguments.records).map_err(text)?;
    write(&arguments.out.join("records.jsonl"), &records)?;
    if refused > 0 {
        return Err(format!("Kafka refused {refused} of {} messages", messages.len()));
    }
    Ok(())
}

fn write(path: &Path, cases: &[Value]) -> Result<(), String> {
    let put = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for case in cases {
            writeln!(file, "{case}")?;
        }
        file.flush()
    };
    put().map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("{} cases in {}", cases.len(), path.display());
    Ok(())
}
