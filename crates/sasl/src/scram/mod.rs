//! SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): the password never travels, and both
//! sides prove that they know it.
//!
//! Kafka's dialect: no channel binding (the header is `n,,`), and `tokenauth=true` in the client's
//! first message when the user name and password are a delegation token's (KIP-48).

mod client;
mod credential;
mod hash;
mod message;
mod nonce;
mod server;
mod server_error;
mod store;

pub use client::{ScramClient, ScramOptions};
pub use credential::ScramCredential;
pub use hash::ScramHash;
pub use nonce::Nonce;
pub use server::ScramServer;
pub use server_error::ServerErrorValue;
pub use store::{DelegationToken, ScramCredentialStore, ScramServerConfig};

/// Fewest iterations that either side accepts. RFC 7677 demands them and Kafka uses them.
pub const ITERATIONS_MIN: u32 = 4096;

/// Most iterations that a client accepts unless told otherwise.
///
/// A hostile server could otherwise keep a client computing for hours. A million of SHA-512 takes
/// about a second, and is more than Kafka lets anybody store (16,384, KIP-554) and more than
/// today's advice for stored passwords asks for.
pub const ITERATIONS_CEILING_DEFAULT: u32 = 1_000_000;
