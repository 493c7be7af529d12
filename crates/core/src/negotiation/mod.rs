//! Which version of each API to speak with one broker.
//!
//! [`ApiVersions`] is the table of one broker; [`Negotiation`] is the exchange that gets it.
//! The connection pool drives the exchange once a connection, before anything else is sent.
//!
//! Spec: KIP-35#proposed-changes, KIP-511#proposed-changes.

mod exchange;
mod table;

pub use exchange::{ClientSoftware, Negotiated, Negotiation, NegotiationError};
pub use table::{ApiVersions, UnsupportedVersion, VersionCaps, VersionRange};
