//! Ready-made Kafka connectors, and the runtime that runs them.
//!
//! A connector is what an integration platform calls a component: actions that send and triggers that
//! receive, with the platform's own field names and JSON. [`elasticio`] is elastic.io's, [`camunda`] has
//! Camunda's, [`thingsboard`] is ThingsBoard's, and [`ballerina`] is Ballerina's kafka module as a Rust API.
//! Each has a typed configuration, whose problems come all in one error ([`Problems`]), and its client
//! properties as data ([`ClientProperties`]). [`connector::CONNECTORS`] lists them.
//!
//! [`describe`] prints the fields of each. [`flow`] reads flow files, which put connectors together, and
//! [`runtime`] runs them. The `milena` program's `run` command is the two behind a command line.

mod accepted;
pub mod avro;
mod backoff;
pub mod ballerina;
pub mod camunda;
mod connection;
pub mod connector;
mod decimal;
pub mod describe;
pub mod elasticio;
pub mod flow;
mod recent;
pub mod registry;
pub mod runtime;
pub mod secrets;
pub mod settings;
mod subscription;
pub mod thingsboard;

pub use connection::Connection;
pub use milena_http::tls;
pub use settings::{
    ClientProperties, ClientProperty, Field, FieldKind, Origin, Place, Problem, Problems,
};
