//! What a timeout says of brokers that cannot be used: every one of them, each with its newest error.

use std::error::Error as StdError;

use milena_pool::{ConnectError, with_causes};

use crate::{Error, ErrorKind};

/// The cause of a timeout: the newest error, and the brokers that cannot be used where that is about a
/// connection too.
pub(super) fn cause(newest: Option<Error>, outages: &[ConnectError]) -> Option<Error> {
    match newest {
        Some(newest) if !matches!(newest.kind(), ErrorKind::Transport | ErrorKind::Timeout) => {
            Some(newest)
        }
        newest => match outages {
            [] => newest,
            [only] if newest.as_ref().is_none_or(|newest| is_about(newest, only)) => {
                Some(only.clone().into())
            }
            outages => Some(all(newest, outages)),
        },
    }
}

/// Several errors as one.
fn all(newest: Option<Error>, outages: &[ConnectError]) -> Error {
    let other = newest.filter(|newest| !outages.iter().any(|outage| is_about(newest, outage)));
    let texts: Vec<String> = other
        .iter()
        .map(|error| with_causes(error))
        .chain(outages.iter().map(|outage| with_causes(outage)))
        .collect();
    let is_retriable = outages.iter().any(ConnectError::is_retriable);
    Error::new(ErrorKind::Transport, texts.join("; ")).with_retriable(is_retriable)
}

/// Whether an error of this crate is one of that outage: what is innermost in it is in the other's text.
fn is_about(newest: &Error, outage: &ConnectError) -> bool {
    let innermost = match newest.source() {
        None => newest.message().to_owned(),
        Some(mut cause) => {
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            cause.to_string()
        }
    };
    with_causes(outage).contains(&innermost)
}
