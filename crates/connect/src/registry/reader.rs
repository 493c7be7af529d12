//! Reads keys and values of records by the schemas that their frames name.
//!
//! Fetching and reading are apart: whoever has records fetches the schemas of all of them, and then reads
//! each without waiting.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;
use serde_json::Value;

use super::{Frame, RegisteredSchema, Registry, RegistryError, RegistryErrorKind, SchemaType};
use crate::avro::{AvroOptions, AvroSchema};

/// How many schemas, and failures to get one, are kept: ids come out of values, which anybody may have written.
const IDS_MAX: usize = 10_000;

/// Reads keys and values of records by the schemas that their frames name. A cheap clone.
#[derive(Clone)]
pub struct RegistryReader(Arc<Inner>);

struct Inner {
    registry: Registry,
    reader: Option<AvroSchema>,
    options: AvroOptions,
    known: Mutex<HashMap<u32, Result<Arc<RegisteredSchema>, RegistryError>>>,
}

impl fmt::Debug for RegistryReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryReader").field("registry", &self.0.registry).finish_non_exhaustive()
    }
}

/// A value, and which language its schema has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReadValue {
    /// The value.
    pub value: Value,
    /// The language of its schema.
    pub schema_type: SchemaType,
}

impl RegistryReader {
    /// Reads by this registry; Avro values as `reader` sees them, if there is one.
    #[must_use]
    pub fn new(registry: Registry, reader: Option<AvroSchema>, options: AvroOptions) -> Self {
        Self(Arc::new(Inner { registry, reader, options, known: Mutex::default() }))
    }

    /// Gets the schemas of these values, where they are not known yet. A schema that the registry does not
    /// have is remembered until the next call: [`read`](Self::read) says so.
    ///
    /// Cancel safe: what was fetched is kept.
    ///
    /// # Errors
    ///
    /// When the registry does not answer, and may answer later.
    pub async fn fetch<'v>(
        &self,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<(), RegistryError> {
        let ids = self.ids(values);
        self.fetch_ids(ids).await
    }

    /// The schemas that [`fetch_ids`](Self::fetch_ids) is to get for these values.
    pub(crate) fn ids<'v>(&self, values: impl IntoIterator<Item = &'v [u8]>) -> BTreeSet<u32> {
        let frames = values.into_iter().filter_map(|bytes| Frame::parse(bytes).ok());
        let known = self.0.known.lock();
        let is_known = |id: &u32| matches!(known.get(id), Some(Ok(_)));
        frames.map(|frame| frame.schema_id).filter(|id| !is_known(id)).collect()
    }

    /// As [`fetch`](Self::fetch), of schemas whose ids are known.
    pub(crate) async fn fetch_ids(&self, ids: BTreeSet<u32>) -> Result<(), RegistryError> {
        for id in ids {
            let fetched = match self.0.registry.schema(id).await {
                Err(error) if error.is_retriable() => return Err(error),
                fetched => fetched,
            };
            let mut known = self.0.known.lock();
            if known.len() >= IDS_MAX {
                known.clear();
            }
            known.insert(id, fetched);
        }
        Ok(())
    }

    /// The value of framed bytes whose schema was [fetched](Self::fetch).
    ///
    /// # Errors
    ///
    /// Bytes without a frame, a schema that the registry did not give, bytes that are not the schema's.
    pub fn read(&self, bytes: &[u8]) -> Result<ReadValue, RegistryError> {
        let frame = Frame::parse(bytes)?;
        let schema = self.0.known.lock().get(&frame.schema_id).cloned();
        let schema = schema.unwrap_or_else(|| {
            let message = format!("schema {} has not been fetched", frame.schema_id);
            Err(RegistryError::new(RegistryErrorKind::Schema, message))
        })?;
        let value =
            self.0.registry.decode(&schema, frame.body, self.0.reader.as_ref(), self.0.options)?;
        Ok(ReadValue { value, schema_type: schema.schema_type })
    }
}
