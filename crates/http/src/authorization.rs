//! Values of the header `Authorization`: who asks.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use http::header::InvalidHeaderValue;

/// A user with a password (RFC 7617, section 2). A user's name that has a colon ends there for the server.
/// Sensitive, so that `Debug` hides it.
///
/// ```
/// let value = milena_http::authorization::basic("Aladdin", "open sesame");
/// assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
/// assert_eq!(format!("{value:?}"), "Sensitive");
/// ```
#[must_use]
pub fn basic(user: &str, password: &str) -> HeaderValue {
    basic_of(format!("{user}:{password}").as_bytes())
}

/// The same, of `user:password` as bytes.
pub(crate) fn basic_of(pair: &[u8]) -> HeaderValue {
    let value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair)));
    sensitive(value.expect("base64 is ASCII without control bytes"))
}

/// Whoever has a token (RFC 6750, section 2.1). Sensitive, so that `Debug` hides it.
///
/// # Errors
///
/// The token has characters that no header can have.
pub fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    HeaderValue::try_from(format!("Bearer {token}")).map(sensitive)
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
