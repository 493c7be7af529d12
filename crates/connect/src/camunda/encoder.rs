//! A message's value as bytes, by the configuration's serialization.

use milena::{Error, ErrorKind};

use super::{Message, OutboundConfiguration, Serialization};
use crate::{
    avro::AvroSchema,
    connector::with_causes,
    registry::{RecordPart, RegistryError, RegistryErrorKind, RegistryProperties, RegistryWriter},
    settings::ClientProperties,
};

/// Turns values into bytes. A cheap clone, which shares what a registry has said.
#[derive(Clone, Debug)]
pub(super) enum Encoder {
    Plain(Option<AvroSchema>),
    Registry(RegistryWriter),
}

/// Why there are no bytes.
pub(super) enum EncoderError {
    /// The value is wrong.
    Input(String),
    /// The registry does not help.
    Registry(Error),
}

impl Encoder {
    /// The encoder of a configuration, whose registry is told of in these properties. Asks nobody yet.
    ///
    /// # Errors
    ///
    /// Properties of a registry that cannot be used.
    pub(super) fn new(
        configuration: &OutboundConfiguration,
        properties: &ClientProperties,
    ) -> Result<Self, Error> {
        let registry = match &configuration.serialization {
            Serialization::Json => return Ok(Self::Plain(None)),
            Serialization::Avro(schema) => return Ok(Self::Plain(Some(schema.clone()))),
            Serialization::Registry(registry) => registry,
        };
        let schema = registry.schema.clone().ok_or_else(|| {
            Error::of_application(ErrorKind::Config, "the registry's schema is missing")
        })?;
        let options = Serialization::avro_options();
        let writer = registry_properties(properties).and_then(|properties| {
            RegistryWriter::new(properties, RecordPart::Value, schema, options)
        });
        writer.map(Self::Registry).map_err(|error| config_error(&error))
    }

    /// The bytes of a message's value, for a record of this topic.
    pub(super) async fn value_bytes(
        &self,
        topic: &str,
        message: &Message,
    ) -> Result<Vec<u8>, EncoderError> {
        let writer = match self {
            Self::Plain(schema) => {
                return message.value_bytes(schema.as_ref()).map_err(EncoderError::Input);
            }
            Self::Registry(writer) => writer,
        };
        let value = message.parsed_value();
        if !value.is_object() {
            let problem = "Message value must be a map for a schema based message".to_owned();
            return Err(EncoderError::Input(problem));
        }
        writer.write(topic, &value).await.map_err(|error| failed(&error))
    }
}

/// The registry's settings among the properties.
pub(super) fn registry_properties(
    properties: &ClientProperties,
) -> Result<RegistryProperties, RegistryError> {
    let read = RegistryProperties::from_properties(properties.all_pairs())?;
    // The configuration has its URL; an additional property can have made it blank.
    Ok(read.unwrap_or_else(|| RegistryProperties::new("")))
}

/// An error of settings, as one of the client.
pub(super) fn config_error(error: &RegistryError) -> Error {
    Error::of_application(ErrorKind::Config, with_causes(error))
}

/// A value that does not fit its schema is wrong; everything else may be mended by others.
fn failed(error: &RegistryError) -> EncoderError {
    let message = with_causes(error);
    match error.kind() {
        RegistryErrorKind::Value => EncoderError::Input(message),
        _ if error.is_retriable() => {
            EncoderError::Registry(Error::of_application(ErrorKind::Transport, message))
        }
        _ => EncoderError::Registry(Error::of_application(ErrorKind::Record, message)),
    }
}
