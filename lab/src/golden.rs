//! Bytes as Kafka's own classes write them, by the programs of a folder (`tests/golden/java`).

use std::path::Path;

use serde_json::Value;

use crate::{KafkaVersion, LabError, Programs, cases};

/// The release whose classes write.
pub const VERSION: KafkaVersion = KafkaVersion::new(4, 4, 0);

/// Random messages of every schema and version, each with its bytes as `hex`; a case that Kafka
/// refuses has `error` instead.
///
/// # Errors
///
/// When a schema is none, or when the program cannot be run.
pub fn messages(
    programs: &Programs,
    schemas: &Path,
    seed: u64,
    variants: u32,
) -> Result<Vec<Value>, LabError> {
    let mut program = programs.start("Messages", &[])?;
    let mut written = Vec::new();
    for case in cases::messages(schemas, seed, variants)? {
        written.push(program.ask(&case)?);
    }
    Ok(written)
}

/// Random sets of records of every magic and codec, 26 for each of `count`, each with its bytes
/// as `hex` and with the records that Kafka's reader finds in them.
///
/// # Errors
///
/// When the program cannot be run or fails.
pub fn records(programs: &Programs, seed: u64, count: u32) -> Result<Vec<Value>, LabError> {
    let text = programs.run("Records", &[&seed.to_string(), &count.to_string()])?;
    text.lines()
        .map(|line| {
            serde_json::from_str(line).map_err(|error| LabError::Protocol(error.to_string()))
        })
        .collect()
}
