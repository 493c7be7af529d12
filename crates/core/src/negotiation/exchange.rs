//! The ApiVersions exchange at the start of a connection.
//!
//! ```text
//! ask with our highest version ── no error ──────────────────────────────► table
//!        │
//!        └─ error 35 (body in the form of v0)
//!              ├─ names its ApiVersions range (2.4 and later) ─► ask with the highest common one
//!              └─ names none (before 2.4) ─────────────────────► ask with v0
//! ```
//!
//! Every new question has a lower version than the one before, so the exchange ends.
//!
//! Spec: KIP-511#apiversions-requestresponse-handling: an unknown version of ApiVersions is answered
//! in version 0 with error 35, and the broker names the range it speaks.

use std::fmt;

use bytes::Bytes;
use milena_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use milena_wire::{ApiKey, ByteString, DecodeError, ErrorCode, Message as _, frame};

use super::table::{ApiVersions, VersionCaps, VersionRange};

/// The name and version that a broker counts this client under.
///
/// Spec: KIP-511#validation: both match `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSoftware {
    /// The name of the client library.
    pub name: ByteString,
    /// The version of the client library.
    pub version: ByteString,
}

/// What to do after a response to ApiVersions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Negotiated {
    /// Ask again, in [`Negotiation::version`].
    AskAgain,
    /// The broker's table.
    Done(ApiVersions),
}

/// The exchange with one broker.
#[derive(Clone, Debug)]
pub struct Negotiation {
    version: i16,
    caps: VersionCaps,
}

impl Negotiation {
    /// An exchange that starts with the highest version of ApiVersions that `caps` allow.
    #[must_use]
    pub fn new(caps: VersionCaps) -> Self {
        let ours = caps.apply(ApiKey::API_VERSIONS, VersionRange::of::<ApiVersionsRequest>());
        Self { version: ours.max.max(ours.min), caps }
    }

    /// The version of ApiVersions to ask with.
    #[must_use]
    pub const fn version(&self) -> i16 {
        self.version
    }

    /// The request to ask with.
    #[must_use]
    pub fn request(&self, software: &ClientSoftware) -> ApiVersionsRequest {
        ApiVersionsRequest {
            client_software_name: software.name.clone(),
            client_software_version: software.version.clone(),
            ..ApiVersionsRequest::default()
        }
    }

    /// Takes the broker's response: a frame without its length.
    ///
    /// # Errors
    ///
    /// The bytes are no response to ApiVersions, the broker reports an error, or it refuses every
    /// version of ApiVersions.
    pub fn handle_response(&mut self, response: &Bytes) -> Result<Negotiated, NegotiationError> {
        let refused = leading_error_code(response) == Some(ErrorCode::UNSUPPORTED_VERSION);
        let version = if refused { 0 } else { self.version };
        let (_, body) = frame::decode_response::<ApiVersionsRequest>(response.clone(), version)
            .map_err(NegotiationError::Malformed)?;
        if refused {
            return self.lower_version(&body);
        }
        if body.error_code != ErrorCode::NONE.0 {
            return Err(NegotiationError::Broker(ErrorCode(body.error_code)));
        }
        let features = body.finalized_features.iter();
        let features = features.map(|known| (known.name.clone(), known.max_version_level));
        let table = ApiVersions::new(ranges(&body), self.caps.clone()).with_features(features);
        Ok(Negotiated::Done(table))
    }

    fn lower_version(
        &mut self,
        body: &ApiVersionsResponse,
    ) -> Result<Negotiated, NegotiationError> {
        let ours = VersionRange { min: ApiVersionsRequest::MIN_VERSION, max: self.version - 1 };
        let broker = ranges(body)
            .find_map(|(api, range)| (api == ApiKey::API_VERSIONS).then_some(range))
            .unwrap_or(VersionRange { min: 0, max: 0 });
        match broker.intersection(ours) {
            Some(common) => {
                self.version = common.max;
                Ok(Negotiated::AskAgain)
            }
            None => Err(NegotiationError::Refused { version: self.version, broker }),
        }
    }
}

/// The error code of a response to ApiVersions, which stands at the same place in every version:
/// behind the four bytes of the correlation id, because its header never has tagged fields.
fn leading_error_code(response: &Bytes) -> Option<ErrorCode> {
    let code = response.get(4..6)?;
    Some(ErrorCode(i16::from_be_bytes([*code.first()?, *code.get(1)?])))
}

fn ranges(body: &ApiVersionsResponse) -> impl Iterator<Item = (ApiKey, VersionRange)> + '_ {
    body.api_keys.iter().map(|api| {
        (ApiKey(api.api_key), VersionRange { min: api.min_version, max: api.max_version })
    })
}

/// Why no table of versions could be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The bytes are no response to ApiVersions.
    Malformed(DecodeError),
    /// The broker reports an error other than an unsupported version.
    Broker(ErrorCode),
    /// The broker speaks no version of ApiVersions that this side speaks.
    Refused {
        /// The version that was refused last.
        version: i16,
        /// The range that the broker named; version 0 if it named none.
        broker: VersionRange,
    },
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(_) => {
                f.write_str("the answer to ApiVersions cannot be read; is this a Kafka broker?")
            }
            Self::Broker(code) => write!(f, "the broker answered ApiVersions with {code}"),
            Self::Refused { version, broker } => write!(
                f,
                "the broker refused version {version} of ApiVersions and offers {broker}, \
                 which this client does not speak"
            ),
        }
    }
}

impl std::error::Error for NegotiationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::Broker(_) | Self::Refused { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
