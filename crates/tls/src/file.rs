//! Reading files that should be small, and stores of the type that they are said to have.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::config::StoreFile;
use crate::error::TlsError;
use crate::store::{self, FILE_BYTES_MAX, StoreError};

/// The whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let place = || path.display().to_string();
    let unreadable =
        |error: io::Error| TlsError::Unreadable { place: place(), error: error.into() };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TlsError::Store { place: place(), error: StoreError::TooLarge });
    }
    Ok(bytes)
}

/// The content of a store, unless it contradicts the type that the store is said to have.
pub(crate) fn read_store(file: &StoreFile) -> Result<Vec<u8>, TlsError> {
    let bytes = read(&file.path)?;
    let found = store::type_of(&bytes);
    match file.store_type {
        Some(named) if !named.stands_for(found) => {
            let place = file.path.display().to_string();
            Err(TlsError::Store { place, error: StoreError::OtherType { named, found } })
        }
        _ => Ok(bytes),
    }
}
