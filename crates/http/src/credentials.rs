//! The user info of a URL, which is sent as the header `Authorization` and in no other way.
//!
//! Spec: RFC3986#3.2.1, RFC7617#2.

use http::HeaderValue;
use http::uri::{Authority, InvalidUri};

use crate::authorization;

/// What an authority says: where to go, and who is asking.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// Host and port alone.
    pub(crate) authority: Authority,
    /// The user info as a header; sensitive, so that `Debug` hides it.
    pub(crate) authorization: Option<HeaderValue>,
}

/// Takes the user info away.
pub(crate) fn split(authority: &Authority) -> Result<Parts, InvalidUri> {
    let Some((user_info, host)) = authority.as_str().rsplit_once('@') else {
        return Ok(Parts { authority: authority.clone(), authorization: None });
    };
    Ok(Parts { authority: host.parse()?, authorization: Some(basic(user_info)) })
}

/// Basic authentication with `user:password`, both percent-encoded.
fn basic(user_info: &str) -> HeaderValue {
    let mut decoded = percent_decode(user_info);
    // The header must have both, even when the URL has a user alone.
    if !user_info.contains(':') {
        decoded.push(b':');
    }
    authorization::basic_of(&decoded)
}

/// Bytes for `%XX`; what is no such escape stays as it is.
fn percent_decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            decoded.push(high << 4 | low);
            rest = &tail[2..];
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(authority: &str) -> (String, Option<String>) {
        let parts = split(&authority.parse().unwrap()).unwrap();
        let header = parts.authorization.map(|value| value.to_str().unwrap().to_owned());
        (parts.authority.to_string(), header)
    }

    #[test]
    fn user_info_becomes_a_header() {
        assert_eq!(parts("host:8081"), ("host:8081".into(), None));
        // RFC 7617, 2: user Aladdin, password "open sesame".
        let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned();
        assert_eq!(parts("Aladdin:open%20sesame@[::1]:1"), ("[::1]:1".into(), Some(expected)));
        assert_eq!(parts("me@host").1, Some("Basic bWU6".into()));
        assert_eq!(parts("a:b%zz%4@host").1, Some("Basic YTpiJXp6JTQ=".into()));
    }

    #[test]
    fn header_does_not_show() {
        let parts = split(&"user:secret@host".parse().unwrap()).unwrap();
        let shown = format!("{parts:?}");
        assert!(!shown.contains("Basic") && !shown.contains("secret"), "{shown}");
    }
}
