//! Why a connection could not be made, why it ended, and why a request on it failed.

mod connect;
mod disconnect;
mod request;

pub use connect::{AuthenticationError, ConnectError, ConnectErrorKind};
pub use disconnect::{Answered, DisconnectReason, Impostor};
pub use request::RequestError;

/// An error and its causes in one line, from the outermost to the innermost, with colons between them.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
