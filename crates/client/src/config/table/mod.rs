//! The one table of every property of Kafka 4.4's producer, consumer and admin client.
//!
//! Reading text, the typed builders and `docs/config.md` all go through it. A test compares it with
//! Kafka's own facts, which `spec/config` pins.

mod common;
mod connection;
mod consumer;
mod producer;
mod sasl;
mod tls;

use super::property::{ClientKind, Kind, Property, Width};

/// Every property, by theme; a name is there twice when its defaults differ between the clients.
pub fn properties() -> impl Iterator<Item = &'static Property> {
    common::PROPERTIES
        .iter()
        .chain(connection::PROPERTIES)
        .chain(producer::PROPERTIES)
        .chain(consumer::PROPERTIES)
        .chain(tls::PROPERTIES)
        .chain(sasl::PROPERTIES)
}

/// The property of this name that is for this client.
#[must_use]
pub fn find(name: &str, client: ClientKind) -> Option<&'static Property> {
    properties().find(|property| property.name == name && property.clients.contains(client))
}

const INT: Kind = integer(Width::Int);
const LONG: Kind = integer(Width::Long);

/// A whole number without a range of its own.
const fn integer(width: Width) -> Kind {
    let (min, max) = width.limits();
    Kind::Integer { width, min, max, or: None }
}

/// A 32-bit number of at least `min`.
const fn int_from(min: i64) -> Kind {
    int_within(min, Width::Int.limits().1)
}

/// A 32-bit number within a range.
const fn int_within(min: i64, max: i64) -> Kind {
    Kind::Integer { width: Width::Int, min, max, or: None }
}

/// A 64-bit number of at least `min`.
const fn long_from(min: i64) -> Kind {
    Kind::Integer { width: Width::Long, min, max: i64::MAX, or: None }
}

/// A number without a range of its own.
const DOUBLE: Kind = Kind::Double { min: f64::NEG_INFINITY, max: f64::INFINITY };

/// One of these texts, as they are spelled.
const fn one_of(values: &'static [&'static str]) -> Kind {
    Kind::Choice { values, any_case: false }
}

/// One of these texts in upper or lower case.
const fn any_case(values: &'static [&'static str]) -> Kind {
    Kind::Choice { values, any_case: true }
}
