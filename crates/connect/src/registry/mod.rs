//! Confluent's Schema Registry: schemas by id and by subject, and the framing of values that name them.
//!
//! A value on a topic is a zero byte, four bytes of the schema's id, and the value in that schema.
//! [`Registry`] asks over HTTP and remembers: an id and what was registered under a subject never change.

mod cache;
mod client;
mod error;
mod framing;
mod properties;
mod reader;
mod schema;
mod settings;
mod subject;
mod tls;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use client::Registry;
pub use error::{RegistryError, RegistryErrorKind};
pub use framing::{Frame, HEADER_BYTES};
pub use properties::{RegistryProperties, is_registry_property};
pub use reader::{ReadValue, RegistryReader};
pub use schema::{NewSchema, RegisteredSchema, SchemaReference, SchemaType};
pub use settings::{RegistryCredentials, RegistrySettings};
pub use subject::{RecordPart, SubjectNames};
pub use writer::RegistryWriter;
