//! The folder outside the tree that keeps jars, certificates and what else is made once.
//!
//! Everything in it is made in a folder of its own under a file lock and put in place by one
//! rename, so that a reader finds it complete or not at all.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{KafkaVersion, LabError};

/// The root: `$MILENA_KAFKA_CACHE`, else `$XDG_CACHE_HOME/milena-kafka`, else
/// `~/.cache/milena-kafka`.
///
/// # Errors
///
/// When none of the three can be told.
pub fn root() -> Result<PathBuf, LabError> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = set("MILENA_KAFKA_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|home| home.join("milena-kafka")))
        .or_else(|| env::home_dir().map(|home| home.join(".cache").join("milena-kafka")))
        .ok_or_else(|| {
            LabError::Usage("no home directory: set MILENA_KAFKA_CACHE to a folder".to_owned())
        })?;
    std::path::absolute(&root).map_err(LabError::io(format!("the cache {}", root.display())))
}

/// The folder of one version.
///
/// # Errors
///
/// As [`root`].
pub fn version_folder(version: KafkaVersion) -> Result<PathBuf, LabError> {
    Ok(root()?.join(version.to_string()))
}

/// Creates a folder and those above it.
pub(crate) fn create_folder(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(LabError::io(format!("cannot create {}", path.display())))
}

/// Removes a folder with all it holds; its absence is no error.
pub(crate) fn remove_folder(path: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LabError::Io { what: format!("cannot remove {}", path.display()), source: error })
        }
        _ => Ok(()),
    }
}

/// Copies a folder with all it holds.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<(), LabError> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    create_folder(to)?;
    for entry in fs::read_dir(from).map_err(LabError::io(context()))? {
        let entry = entry.map_err(LabError::io(context()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(LabError::io(context()))?;
        }
    }
    Ok(())
}

/// Writes a text file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::io(format!("cannot write {}", path.display())))
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, LabError> {
    fs::read_to_string(path).map_err(LabError::io(format!("cannot read {}", path.display())))
}

/// Makes `target` unless it is there: `make` fills a fresh folder, which then takes the place of
/// `target`. Other processes wait for the one that is at it.
///
/// `is_good` tells whether an existing folder can stay.
pub(crate) fn make_once(
    target: &Path,
    is_good: impl Fn(&Path) -> bool,
    make: impl FnOnce(&Path) -> Result<(), LabError>,
) -> Result<(), LabError> {
    if target.is_dir() && is_good(target) {
        return Ok(());
    }
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(parent), Some(name)) = (target.parent(), name) else {
        return Err(LabError::Usage(format!("{} is no place for a cache", target.display())));
    };
    create_folder(parent)?;
    let _lock = lock(&parent.join(format!("{name}.lock")))?;
    if target.is_dir() && is_good(target) {
        return Ok(());
    }
    let staging = parent.join(format!("{name}.new"));
    remove_folder(&staging)?;
    create_folder(&staging)?;
    make(&staging)?;
    remove_folder(target)?;
    fs::rename(&staging, target)
        .map_err(LabError::io(format!("cannot put {} in place", target.display())))
}

/// Waits for the lock on a file; dropping the file gives it back, and so does the process's end.
pub(crate) fn lock(path: &Path) -> Result<File, LabError> {
    let file = lock_file(path)?;
    file.lock().map_err(LabError::io(format!("cannot lock {}", path.display())))?;
    Ok(file)
}

/// Opens a lock file without touching what it says.
pub(crate) fn lock_file(path: &Path) -> Result<File, LabError> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(LabError::io(format!("cannot open {}", path.display())))
}
