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

use crate::{
    connection::Connection,
    settings::{ClientProperties, Origin, TableReader},
};

/// Why Avro is refused.
const NO_AVRO: &str = "needs Confluent's schema registry, which this module has not: expected byte \
                       arrays, in which records of `milena_connect::avro` can stand";

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

/// Refuses what needs a registry.
fn refuse_avro(reader: &mut TableReader<'_, '_>, name: &str, is_avro: bool) {
    if is_avro {
        reader.problem(name, NO_AVRO);
    }
}
