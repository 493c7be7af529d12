//! TLS: whom to trust, who this client is, and which cryptography does the work.
//!
//! [`TlsConfig`] is plain settings; [`TlsConfig::build`] reads the files, checks the CPU and gives a
//! [`TlsClient`], which is shared by all connections. It is the same for brokers and for what is
//! spoken to over HTTPS.
//!
//! The cryptography is the first of these that is compiled in and that the CPU can run:
//! `graviola` (the default; no C compiler; x86-64 with adx and avx2, aarch64 with the
//! cryptographic extensions), `aws-lc-rs`, `ring`.

mod client;
mod config;
mod error;
mod file;
mod password;
mod pem;
mod provider;
mod server;
mod store;
mod verifier;

pub use client::TlsClient;
pub use config::{
    ClientCertificate, DangerousTlsConfig, PemSource, StoreFile, StoreType, TlsConfig, TlsVersion,
    Trust,
};
pub use error::TlsError;
pub use password::Password;
pub use server::TlsServer;
pub use store::StoreError;
