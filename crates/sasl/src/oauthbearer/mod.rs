//! OAUTHBEARER (RFC 7628) as Kafka speaks it: a bearer token and named extensions (KIP-255,
//! KIP-342), and Kafka's unsecured tokens for development.
//!
//! Where a token comes from is the caller's matter: it is got before an exchange is made.

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
