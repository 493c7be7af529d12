//! PLAIN (RFC 4616): the user name and the password in one message, so only over TLS.

mod client;
mod server;

pub use client::PlainClient;
pub use server::{PlainLogin, PlainServer, PlainVerifier};
