//! The configurations of producers, consumers and listeners, and their client properties.

mod consumer;
mod producer;
mod security;
mod setting;

#[cfg(test)]
mod tests;

pub use consumer::{ConsumerConfiguration, DeserializerType, IsolationLevel, OffsetResetMethod};
pub use producer::{CompressionType, ProducerAcks, ProducerConfiguration, SerializerType};
pub use security::{
    AuthenticationConfiguration, AuthenticationMechanism, KeyMaterial, SecureSocket,
    SecurityProtocol, Store, Trust,
};
pub use setting::Properties;

use super::avro;
use crate::{
    connection::Connection,
    settings::{ClientProperties, Origin, TableReader},
};

/// Security, in the module's order; an embedded broker needs none.
fn set_security(
    properties: &mut ClientProperties,
    connection: &Connection,
    protocol: SecurityProtocol,
    secure_socket: Option<&SecureSocket>,
    auth: Option<&AuthenticationConfiguration>,
) {
    if connection.is_embedded {
        return;
    }
    properties.set(Origin::Configuration, "security.protocol", protocol.name());
    if let Some(secure_socket) = secure_socket {
        secure_socket.set(properties);
    }
    if let Some(auth) = auth {
        auth.set(properties);
    }
}

/// Says what is wrong with the registry of a configuration that needs one.
fn check_registry(
    reader: &mut TableReader<'_, '_>,
    url: Option<&str>,
    config: &Properties,
    is_needed: bool,
) {
    match avro::registry(url, config) {
        Err(why) => reader.problem("schemaRegistryConfig", why),
        Ok(None) if is_needed => reader.problem(
            "schemaRegistryConfig",
            "has no baseUrl: expected one such as http://localhost:8081, where Avro's schemas are",
        ),
        Ok(_) => {}
    }
}
