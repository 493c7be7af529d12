//! OAUTHBEARER (RFC 7628) as Kafka speaks it: a bearer token and named extensions (KIP-255,
//! KIP-342), and Kafka's unsecured tokens for development.
//!
//! Where a token comes from is the caller's matter: it is got before an exchange is made.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, SystemTime};
//!
//! use milena_sasl::oauthbearer::{
//!     OAuthBearerClient, OAuthBearerServer, UnsecuredToken, UnsecuredTokenValidator,
//! };
//! use milena_sasl::{ClientStep, SaslError, ServerStep};
//!
//! let issued = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
//! let token = UnsecuredToken::new("alice")?.with_scope(["read"]).issue(issued)?;
//! let validator = Arc::new(UnsecuredTokenValidator::new());
//!
//! // In time: the server answers with nothing.
//! let mut client = OAuthBearerClient::new(&token)?;
//! let message = client.initial()?;
//! let step = OAuthBearerServer::new(validator.clone()).respond(message.expose(), issued);
//! let ServerStep::Done { message, identity } = step else { panic!("{step:?}") };
//! assert_eq!(identity.authorization_id, "alice");
//! assert_eq!(identity.expires_at, Some(issued + UnsecuredToken::LIFETIME_DEFAULT));
//! assert!(matches!(client.respond(&message)?, ClientStep::Done));
//!
//! // A day later: the server answers with a status, which the client acknowledges.
//! let mut client = OAuthBearerClient::new(&token)?;
//! let mut server = OAuthBearerServer::new(validator);
//! let late = issued + Duration::from_secs(86_400);
//! let step = server.respond(client.initial()?.expose(), late);
//! let ServerStep::Challenge(status) = step else { panic!("{step:?}") };
//! let step = client.respond(&status)?;
//! let ClientStep::Refused { answer, error } = step else { panic!("{step:?}") };
//! assert!(matches!(error, SaslError::TokenRefused { .. }));
//! assert!(matches!(server.respond(answer.expose(), late), ServerStep::Rejected { .. }));
//! # Ok::<(), SaslError>(())
//! ```

mod claims;
mod client;
mod message;
mod server;
mod unsecured;
mod validator;

pub use client::{Extensions, OAuthBearerClient};
pub use server::OAuthBearerServer;
pub use unsecured::UnsecuredToken;
pub use validator::{
    OAuthBearerLogin, TokenRefusal, TokenValidator, UnsecuredTokenValidator, ValidatedToken,
};
