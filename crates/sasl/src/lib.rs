//! SASL PLAIN, SCRAM and OAUTHBEARER as exchanges over bytes, client and server side.
//!
//! An exchange takes messages and gives messages. It opens no connection, reads no clock and has
//! no source of randomness: the nonce of SCRAM and the time of the server come in as arguments.
//! How the bytes travel (`SaslHandshake` and `SaslAuthenticate` in Kafka) is not its concern.
//! GSSAPI and channel binding are not here.
//!
//! Every mechanism has the same shape, so one loop drives them all: [`ClientExchange`] for a
//! client, [`ServerExchange`] for a broker.
//!
//! Invariants:
//! 1. Nothing that a peer sends panics or allocates more than a small multiple of its length;
//!    messages longer than [`limits`] allows are refused unread.
//! 2. Passwords, tokens, keys and the messages with them are [`Secret`]s; no error carries one.
//! 3. An exchange that failed stays failed: there is no way from a refusal to success.
//! 4. A SCRAM client is done only after it has checked the server's signature.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, SystemTime};
//!
//! use milena_sasl::scram::{
//!     Nonce, ScramClient, ScramCredential, ScramHash, ScramServer, ScramServerConfig,
//! };
//! use milena_sasl::{
//!     ClientExchange, ClientStep, Preparation, Secret, ServerExchange, ServerStep,
//! };
//!
//! // What the broker stores: made once, from the password and a random salt.
//! let hash = ScramHash::Sha512;
//! let password = Secret::from("pencil");
//! let prepared = Preparation::Saslprep;
//! let credential = ScramCredential::from_password(hash, &password, prepared, b"salt-17x", 4096)?;
//!
//! // The random bytes come from the caller; real ones come from the operating system.
//! let server_secret = Secret::from("32 random bytes, kept by the broker");
//! let config = ScramServerConfig::new(server_secret, move |user: &str, asked: ScramHash| {
//!     (user == "Milena" && asked == hash).then(|| credential.clone())
//! })?;
//! let server_nonce = Nonce::from_random(&[1; 24])?;
//! let mut server = ServerExchange::from(ScramServer::new(hash, server_nonce, Arc::new(config)));
//!
//! let client_nonce = Nonce::from_random(&[2; 24])?;
//! let client = ScramClient::new(hash, "Milena", &password, client_nonce)?;
//! let mut client = ClientExchange::from(client);
//! assert_eq!(client.mechanism().to_string(), "SCRAM-SHA-512");
//!
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
//! let mut to_server = client.initial()?;
//! let identity = loop {
//!     match server.respond(to_server.expose(), now) {
//!         ServerStep::Challenge(challenge) => match client.respond(&challenge)? {
//!             ClientStep::Send(bytes) => to_server = bytes,
//!             step => panic!("the client cannot be done before the server: {step:?}"),
//!         },
//!         ServerStep::Done { message, identity } => {
//!             // The last message proves that the server knows the credential as well.
//!             assert!(matches!(client.respond(&message)?, ClientStep::Done));
//!             break identity;
//!         }
//!         step => panic!("rejected: {step:?}"),
//!     }
//! };
//! assert_eq!(identity.authorization_id, "Milena");
//! # Ok::<(), milena_sasl::SaslError>(())
//! ```

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod error;
mod exchange;
pub mod limits;
mod mechanism;
pub mod oauthbearer;
pub mod plain;
mod saslprep;
pub mod scram;
mod secret;

pub use error::{Field, SaslError, SaslErrorKind, SaslMessage};
pub use exchange::{ClientExchange, ClientStep, Identity, ServerExchange, ServerStep};
pub use mechanism::{Mechanism, UnknownMechanism};
pub use saslprep::{Preparation, PrepareError, saslprep};
pub use secret::{Secret, constant_time_eq};
