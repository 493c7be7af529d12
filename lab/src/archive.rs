//! The class archive of a release: a broker that maps its classes from it starts faster.
//!
//! Making one takes a start and a stop of a broker, so it is made on request alone
//! (`cargo xtask kafka warm`).

use std::path::PathBuf;

use crate::{KafkaVersion, Lab, LabError, LabOptions, cache};

/// Makes the archive of a release unless it is there, and gives its path.
///
/// # Errors
///
/// When the broker that it is made from does not come up.
pub fn warm(version: KafkaVersion) -> Result<PathBuf, LabError> {
    let archive = path(version)?;
    if archive.is_file() {
        return Ok(archive);
    }
    let home = cache::version_folder(version)?;
    cache::create_folder(&home)?;
    let fresh = home.join(format!("broker.{}.jsa", std::process::id()));
    let option = format!("-XX:ArchiveClassesAtExit={}", fresh.display());
    // With the authorizer, so that its classes are in it.
    let lab = Lab::start(LabOptions::new(version).acl().jvm(option))?;
    lab.stop(true)?;
    std::fs::rename(&fresh, &archive)
        .map_err(LabError::io(format!("the JVM wrote no {}", fresh.display())))?;
    Ok(archive)
}

/// The JVM options that make use of the archive, when there is one and none is being made.
pub(crate) fn options(version: KafkaVersion, others: &[String]) -> Result<Vec<String>, LabError> {
    let archive = path(version)?;
    if !archive.is_file() || others.iter().any(|option| option.contains("Archive")) {
        return Ok(Vec::new());
    }
    // A JVM that the archive does not fit goes on without it.
    Ok(vec![
        format!("-XX:SharedArchiveFile={}", archive.display()),
        "-Xshare:auto".to_owned(),
        "-Xlog:cds=off".to_owned(),
    ])
}

fn path(version: KafkaVersion) -> Result<PathBuf, LabError> {
    Ok(cache::version_folder(version)?.join("broker.jsa"))
}
