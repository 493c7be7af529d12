//! A small HTTP/1.1 client: token endpoints, schema registries, webhooks, REST APIs.
//!
//! [`HttpClient::send`] takes a whole request and gives a whole response, within a time and a size.
//! The protocol is `hyper`'s; this crate adds TLS ([`milena_tls`]), limits, and errors that say
//! which host and what to do.
//!
//! What it does not do, so that nothing happens that the caller did not ask for: follow redirects
//! (a 3xx is a response like any other), send cookies, use a proxy, decompress, or send a request
//! twice when its first sending may have reached the server.
//!
//! Invariants:
//! 1. No error, and no `Debug`, shows the user info of a URL, its path or query, or a header.
//! 2. A response never takes more memory than [`HttpSettings::response_bytes_max`].
//!
//! Features: `graviola` (default), `ring` and `aws-lc-rs` choose the cryptography of TLS.

pub mod authorization;
mod client;
mod connector;
mod credentials;
mod error;
mod settings;

pub use client::HttpClient;
pub use error::{HttpError, HttpErrorKind};
pub use http;
pub use milena_tls as tls;
pub use settings::HttpSettings;
