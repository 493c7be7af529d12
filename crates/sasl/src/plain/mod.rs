//! PLAIN (RFC 4616): the user name and the password in one message, so only over TLS.
//!
//! ```
//! use std::sync::Arc;
//!
//! use milena_sasl::plain::{PlainClient, PlainLogin, PlainServer};
//! use milena_sasl::{ClientStep, SaslError, Secret, ServerStep};
//!
//! let expected = Secret::from("secret");
//! let mut server = PlainServer::new(Arc::new(move |login: &PlainLogin<'_>| {
//!     // Both parts always, so that the time does not tell whether the user exists.
//!     login.password_matches(&expected) & (login.username == "alice")
//! }));
//! let mut client = PlainClient::new("alice", &Secret::from("secret"))?;
//! let step = server.respond(client.initial()?.expose());
//! let ServerStep::Done { message, .. } = step else { panic!("{step:?}") };
//! assert!(matches!(client.respond(&message)?, ClientStep::Done));
//! # Ok::<(), SaslError>(())
//! ```

mod client;
mod server;

pub use client::PlainClient;
pub use server::{PlainLogin, PlainServer, PlainVerifier};
