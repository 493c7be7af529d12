//! What an endpoint is asked.

use std::net::IpAddr;
use std::path::PathBuf;

use bytes::Bytes;
use milena_http::authorization;
use milena_http::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use milena_http::http::uri::Scheme;
use milena_http::http::{HeaderValue, Request, Uri};

use super::TokenEndpoint;

/// Where tokens come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Endpoint(Uri),
    File(PathBuf),
}

impl Source {
    /// Reads a URL; the error does not show it, as it may have a password in it.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected https://host/path, http://host/path or file:///path";
        if let Some(path) = url.strip_prefix("file:") {
            // file:/path and file:///path are the same.
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') { Ok(Self::File(path.into())) } else { Err(EXPECTED) };
        }
        let uri: Uri = url.parse().map_err(|_| EXPECTED)?;
        let is_http =
            uri.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        if is_http && uri.host().is_some_and(|host| !host.is_empty()) {
            Ok(Self::Endpoint(uri))
        } else {
            Err(EXPECTED)
        }
    }

    /// Whether the client's secret goes over a network without TLS.
    pub(super) fn is_in_clear(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Endpoint(uri) => {
                let host = uri.host().unwrap_or_default();
                let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
                let is_local =
                    host == "localhost" || address.is_ok_and(|address| address.is_loopback());
                uri.scheme() == Some(&Scheme::HTTP) && !is_local
            }
        }
    }
}

/// The request of client credentials.
///
/// Spec: RFC6749#2.3.1, RFC6749#4.4.2.
pub(super) fn client_credentials(uri: &Uri, endpoint: &TokenEndpoint) -> Request<Bytes> {
    let mut body = "grant_type=client_credentials".to_owned();
    if let Some(scope) = &endpoint.scope {
        body.push_str("&scope=");
        body.push_str(&form_encoded(scope));
    }
    for (name, value) in &endpoint.parameters {
        body.push_str(&format!("&{}={}", form_encoded(name), form_encoded(value)));
    }
    if endpoint.credentials_in_body {
        let (id, secret) = (&endpoint.client_id, endpoint.client_secret.reveal());
        let (id, secret) = (form_encoded(id), form_encoded(secret));
        body.push_str(&format!("&client_id={id}&client_secret={secret}"));
    }
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = milena_http::http::Method::POST;
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    if !endpoint.credentials_in_body {
        headers.insert(AUTHORIZATION, credentials(endpoint));
    }
    request
}

/// Id and secret as the header has them.
pub(super) fn credentials(endpoint: &TokenEndpoint) -> HeaderValue {
    let (id, secret) = (&endpoint.client_id, endpoint.client_secret.reveal());
    if endpoint.urlencode_header {
        authorization::basic(&form_encoded(id), &form_encoded(secret))
    } else {
        authorization::basic(id, secret)
    }
}

/// As forms of HTML are encoded, and as Java's `URLEncoder` does it.
fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_java_does() {
        assert_eq!(form_encoded("a b+c/d=ä*~"), "a+b%2Bc%2Fd%3D%C3%A4*%7E");
    }

    #[test]
    fn id_and_secret_stand_in_the_header_or_in_the_body() {
        let uri: Uri = "http://127.0.0.1:1/token".parse().unwrap();
        let endpoint = TokenEndpoint::new("http://127.0.0.1:1/token", "me", "a b&c")
            .parameter("audience", "engine.example");
        let request = client_credentials(&uri, &endpoint);
        assert!(request.headers().contains_key(AUTHORIZATION));
        let plain = "grant_type=client_credentials&audience=engine.example";
        assert_eq!(request.body(), plain);
        let request = client_credentials(&uri, &endpoint.credentials_in_body(true));
        assert!(!request.headers().contains_key(AUTHORIZATION));
        assert_eq!(request.body(), &format!("{plain}&client_id=me&client_secret=a+b%26c"));
    }

    #[test]
    fn urls_are_endpoints_or_files() {
        assert!(matches!(Source::parse("https://a/b"), Ok(Source::Endpoint(_))));
        for file in ["file:/run/token", "file:///run/token"] {
            let Ok(Source::File(path)) = Source::parse(file) else { panic!("{file}") };
            assert_eq!(path, PathBuf::from("/run/token"));
        }
        for bad in ["", "token", "ftp://a/b", "/path", "file:token", "https:///path"] {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
        assert!(Source::parse("http://idp.example/").unwrap().is_in_clear());
        assert!(Source::parse("http://127.example.org/").unwrap().is_in_clear());
        for local in ["http://127.0.0.1:8080/", "http://[::1]/", "http://localhost/"] {
            assert!(!Source::parse(local).unwrap().is_in_clear(), "{local}");
        }
        assert!(!Source::parse("https://idp.example/").unwrap().is_in_clear());
    }
}
