//! What can go wrong with TLS, in words that say what to do.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::store::StoreError;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Why TLS cannot be used, or could not be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// No compiled-in cryptography runs on this CPU.
    NoProvider {
        /// What graviola needs and the CPU lacks; empty if graviola is not compiled in.
        missing: Vec<&'static str>,
    },
    /// A file cannot be read.
    Unreadable {
        /// The file.
        place: String,
        /// Why.
        error: Arc<io::Error>,
    },
    /// The PEM is not what it should be.
    Pem {
        /// The file, or that it is inline.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A key store, a trust store or an encrypted key cannot be used.
    Store {
        /// The file, or that it is inline.
        place: String,
        /// Why.
        error: StoreError,
    },
    /// A certificate to be trusted cannot be used.
    TrustedCertificate {
        /// The file, or that it is inline.
        place: String,
        /// Why.
        error: Error,
    },
    /// There is no certificate to trust.
    NoRoots {
        /// Why.
        reason: String,
    },
    /// The client's certificate and key cannot be used.
    ClientCertificate(Error),
    /// The host cannot be a name in a certificate.
    InvalidHostName {
        /// The host.
        host: String,
    },
    /// The server's certificate has expired.
    Expired(CertificateError),
    /// The server's certificate is not valid yet, or this machine's clock is wrong.
    NotValidYet(CertificateError),
    /// Nobody who is trusted signed the server's certificate.
    UnknownIssuer,
    /// The server's certificate is for other hosts.
    WrongHostName(CertificateError),
    /// The server's certificate cannot be used for another reason.
    Certificate(CertificateError),
    /// The server does not accept this client's certificate, or wants one.
    CertificateRefused(AlertDescription),
    /// The server ended the handshake with an alert.
    Alert(AlertDescription),
    /// The server does not speak TLS.
    NotTls,
    /// The server closed the connection during the handshake.
    Closed,
    /// Reading or writing failed during the handshake.
    Io(Arc<io::Error>),
    /// Anything else.
    Rustls(Error),
}

impl TlsError {
    /// Why the handshake failed.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::of_io(&error).unwrap_or_else(|| Self::Io(error.into())),
        }
    }

    /// The TLS error inside an I/O error, if it has one.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Option<Self> {
        let inner = error.get_ref()?.downcast_ref::<Error>()?;
        Some(Self::of_rustls(inner.clone()))
    }

    fn of_rustls(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::of_certificate(error),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            Error::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied => Self::CertificateRefused(alert),
                alert => Self::Alert(alert),
            },
            error => Self::Rustls(error),
        }
    }

    fn of_certificate(error: CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Self::Expired(error)
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotValidYet(error)
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongHostName(error)
            }
            error => Self::Certificate(error),
        }
    }

    /// Whether trying again later may help without anybody changing anything.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Closed | Self::Io(_))
    }

    /// Whether one side does not accept the other's certificate.
    #[must_use]
    pub const fn is_authentication(&self) -> bool {
        matches!(
            self,
            Self::Expired(_)
                | Self::NotValidYet(_)
                | Self::UnknownIssuer
                | Self::WrongHostName(_)
                | Self::Certificate(_)
                | Self::CertificateRefused(_)
        )
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider { missing } if missing.is_empty() => f.write_str(
                "no cryptography is compiled in; enable the feature graviola, ring or aws-lc-rs",
            ),
            Self::NoProvider { missing } => write!(
                f,
                "this CPU lacks {}, which graviola needs; build with the feature ring or aws-lc-rs",
                missing.join(", ")
            ),
            Self::Unreadable { place, .. } => write!(f, "{place} cannot be read"),
            Self::Pem { place, reason } => write!(f, "{place} is no usable PEM: {reason}"),
            Self::Store { place, error } => write!(f, "{place}: {error}"),
            Self::TrustedCertificate { place, error } => {
                write!(f, "a certificate in {place} cannot be trusted: {error}")
            }
            Self::NoRoots { reason } => write!(f, "there is nobody to trust: {reason}"),
            Self::ClientCertificate(error) => {
                write!(f, "the client's certificate or key cannot be used: {error}")
            }
            Self::InvalidHostName { host } => {
                write!(f, "\"{host}\" cannot be the name in a certificate")
            }
            Self::Expired(error) => write!(f, "the server's certificate has expired ({error})"),
            Self::NotValidYet(error) => write!(
                f,
                "the server's certificate is not valid yet, or this machine's clock is wrong \
                 ({error})"
            ),
            Self::UnknownIssuer => f.write_str(
                "the server's certificate is signed by nobody who is trusted here; check \
                 ssl.truststore.location",
            ),
            Self::WrongHostName(error) => {
                write!(f, "the server's certificate is for another host ({error})")
            }
            Self::Certificate(error) => {
                write!(f, "the server's certificate cannot be used: {error}")
            }
            Self::CertificateRefused(alert) => write!(
                f,
                "the server refuses this client's certificate, or wants one ({alert:?}); check \
                 ssl.keystore.location"
            ),
            Self::Alert(alert) => write!(f, "the server ended the handshake ({alert:?})"),
            Self::NotTls => f.write_str(
                "the server does not speak TLS on this port; for a broker set security.protocol to \
                 PLAINTEXT or SASL_PLAINTEXT, or use the port of a TLS listener",
            ),
            Self::Closed => f.write_str(
                "the server closed the connection during the handshake; check that the port is \
                 one of a TLS listener",
            ),
            Self::Io(_) => f.write_str("reading or writing failed during the handshake"),
            Self::Rustls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } | Self::Io(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
