//! Why a connection could not be made, why it ended, and why a request on it failed.

mod connect;
mod disconnect;
mod request;

pub use connect::{AuthenticationError, ConnectError, ConnectErrorKind};
pub use disconnect::{Answered, DisconnectReason, Impostor};
pub use request::RequestError;
