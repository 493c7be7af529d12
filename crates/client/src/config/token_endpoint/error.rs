//! Why an endpoint gave no token.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use milena_http::HttpError;
use milena_http::http::StatusCode;

/// Why there is no token. Never has the client's secret or a token in it.
#[derive(Clone, Debug)]
pub(super) struct TokenError {
    /// The endpoint's scheme, host and port, or the file.
    pub(super) place: String,
    pub(super) cause: Cause,
}

#[derive(Clone, Debug)]
pub(super) enum Cause {
    Http(HttpError),
    File(Arc<std::io::Error>),
    /// The endpoint answered with an error, in these words.
    Refused {
        status: StatusCode,
        said: String,
    },
    /// The endpoint's answer, or the file, has no token that could be used.
    Unusable(String),
}

impl TokenError {
    /// Whether asking again soon may help.
    pub(super) fn is_retriable(&self) -> bool {
        match &self.cause {
            Cause::Http(error) => error.is_retriable(),
            Cause::Refused { status, .. } => matches!(
                *status,
                StatusCode::REQUEST_TIMEOUT
                    | StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::INTERNAL_SERVER_ERROR
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            // Whoever writes the file may be about to.
            Cause::File(_) => true,
            Cause::Unusable(_) => false,
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.cause {
            Cause::Http(error) => write!(f, "the token endpoint cannot be asked: {error}"),
            Cause::File(error) => write!(f, "{place} cannot be read: {error}"),
            Cause::Refused { status, said } => {
                write!(f, "the token endpoint {place} answered {status}")?;
                if !said.is_empty() {
                    write!(f, ": {said}")?;
                }
                match *status {
                    StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN => f
                        .write_str(
                            "; check sasl.oauthbearer.client.credentials.client.id, .client.secret \
                             and sasl.oauthbearer.scope",
                        ),
                    StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                        f.write_str("; check sasl.oauthbearer.token.endpoint.url")
                    }
                    _ => Ok(()),
                }
            }
            Cause::Unusable(reason) => {
                write!(f, "{place} gave no token that can be used: {reason}")
            }
        }
    }
}

impl StdError for TokenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Cause::Http(error) => error.source(),
            Cause::File(_) | Cause::Refused { .. } | Cause::Unusable(_) => None,
        }
    }
}
