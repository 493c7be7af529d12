//! Answers: JSON, and errors as `{"error":{"code","message","retryable"}}`.

use bytes::Bytes;
use http_body_util::Full;
use milena_http::http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};

use super::super::served::Failure;

/// What a request is answered with.
pub(super) type Reply = Response<Full<Bytes>>;

/// A text of this type.
pub(super) fn text(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A JSON value.
pub(super) fn json(status: StatusCode, value: &Value) -> Reply {
    text(status, "application/json", value.to_string())
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) failure: Failure,
}

impl Refusal {
    /// A request that cannot be done as it is.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, failure: Failure::wrong(code, message) }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// The method that is allowed here.
    pub(super) fn method(allowed: &'static str) -> Reply {
        let message = format!("expected {allowed}");
        let mut reply =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message).reply();
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        reply
    }

    pub(super) fn unauthorized() -> Reply {
        let message = "expected the header Authorization: Bearer with this server's token";
        let mut reply = Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message).reply();
        reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        reply
    }

    pub(super) fn reply(&self) -> Reply {
        let mut reply = json(self.status, &json!({ "error": self.failure.to_json() }));
        if self.failure.is_retriable {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }
}
