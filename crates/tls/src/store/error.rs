//! What can be wrong with a key store.

use std::fmt;

use crate::config::StoreType;

/// What is wrong with a key store or an encrypted key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The password does not fit, or somebody changed the file.
    WrongPassword,
    /// What is needed is encrypted, and no password is given.
    NoPassword,
    /// The file is not what its first bytes say, or ends too early.
    Malformed(&'static str),
    /// The file uses something that cannot be read here.
    Unsupported(String),
    /// The file is longer than key stores are, or has more entries.
    TooLarge,
    /// Checking the password takes more rounds of a hash than any honest file asks for.
    TooMuchWork,
    /// The content is not of the type that the store is said to have.
    OtherType {
        /// The type that it is said to have.
        named: StoreType,
        /// The type that it has.
        found: StoreType,
    },
    /// There is no private key with a certificate in it.
    NoKey,
    /// There is no certificate in it that could be trusted.
    NoCertificate,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongPassword => f.write_str(
                "the password is wrong, or the file was changed; check ssl.keystore.password and \
                 ssl.key.password, or ssl.truststore.password",
            ),
            Self::NoPassword => f.write_str(
                "it is encrypted and there is no password; set ssl.keystore.password or \
                 ssl.key.password, or ssl.truststore.password",
            ),
            Self::Malformed(what) => write!(f, "it is damaged or no key store: {what}"),
            Self::Unsupported(what) => write!(f, "it cannot be read here: {what}"),
            Self::TooLarge => f.write_str("it is too large for a key store"),
            Self::TooMuchWork => f.write_str(
                "its passwords take more rounds than 5,000,000 to check; make it again with fewer",
            ),
            Self::OtherType { named, found } => {
                let (named, found) = (named.as_str(), found.as_str());
                write!(
                    f,
                    "its type is said to be {named}, and its content is {}; check \
                     ssl.keystore.type or ssl.truststore.type",
                    if found == "PEM" { "neither JKS nor PKCS12" } else { found },
                )
            }
            Self::NoKey => f.write_str("it has no private key with a certificate"),
            Self::NoCertificate => f.write_str("it has no certificate that could be trusted"),
        }
    }
}

impl std::error::Error for StoreError {}
