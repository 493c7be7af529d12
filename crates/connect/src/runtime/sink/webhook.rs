//! A POST request for each record.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use milena::config::Secret;
use milena_http::{
    HttpClient, HttpSettings, authorization,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    tls::{ClientCertificate, PemSource, StoreFile, TlsConfig, Trust},
};

use super::{super::host::Host, Outcome, Record, Sink};
use crate::{
    connector::{BoxFuture, with_causes},
    flow::{Certificates, Credentials, Tls, Webhook},
};

/// How much of a response is read: only the beginning of what an error says is of use.
const RESPONSE_BYTES_MAX: usize = 64 << 10;

/// How many characters of a response are told.
const TOLD_MAX: usize = 200;

/// A POST request for each record: 2xx and 409 accept it, other 4xx refuse it for good, all else is
/// tried again.
pub(crate) struct WebhookSink {
    client: HttpClient,
    url: Uri,
    headers: HeaderMap,
    topic: String,
    timeout: Duration,
}

impl WebhookSink {
    /// A sink for the records of a topic; files are where the host has them.
    ///
    /// # Errors
    ///
    /// What cannot be used of it. No secret is in it.
    pub(crate) fn new(webhook: &Webhook, topic: &str, host: &dyn Host) -> Result<Self, String> {
        let url = Uri::try_from(webhook.url.as_str())
            .map_err(|error| format!("sink.url cannot be used: {error}"))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let topic_value = HeaderValue::try_from(topic)
            .map_err(|_| "the topic's name cannot stand in a header".to_owned())?;
        headers.insert("milena-topic", topic_value);
        for (name, value) in &webhook.headers {
            let header = HeaderName::try_from(name.as_str())
                .map_err(|_| format!("sink.headers.{name} is no name of a header"))?;
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| {
                format!("sink.headers.{name} has characters that no header can have")
            })?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        if let Some(credentials) = &webhook.credentials {
            headers.insert(AUTHORIZATION, who_asks(credentials)?);
        }
        let tls = tls(&webhook.tls, host);
        let settings = HttpSettings::new().tls(tls).response_bytes_max(RESPONSE_BYTES_MAX);
        let client = HttpClient::new(settings).map_err(|error| with_causes(&error))?;
        Ok(Self { client, url, headers, topic: topic.to_owned(), timeout: webhook.timeout })
    }

    fn request(&self, record: &Record) -> Request<bytes::Bytes> {
        let mut request = Request::new(record.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        let (partition, offset) = (record.ticket.partition, record.ticket.offset);
        headers.insert("milena-partition", HeaderValue::from(partition));
        headers.insert("milena-offset", HeaderValue::from(offset));
        let key = format!("{}-{partition}-{offset}", self.topic);
        if let Ok(key) = HeaderValue::try_from(key) {
            headers.insert("idempotency-key", key);
        }
        request
    }
}

/// The header that says who asks.
fn who_asks(credentials: &Credentials) -> Result<HeaderValue, String> {
    match credentials {
        Credentials::Basic { username, password } => {
            Ok(authorization::basic(username, password.reveal()))
        }
        Credentials::Bearer(token) => authorization::bearer(token.reveal())
            .map_err(|_| "sink.token has characters that no header can have".to_owned()),
    }
}

/// Whom to trust, and who asks.
pub(crate) fn tls(tls: &Tls, host: &dyn Host) -> TlsConfig {
    let source = |certificates: &Certificates| match certificates {
        Certificates::File(path) => PemSource::File(host.path(path)),
        Certificates::Inline(pem) => PemSource::Inline(pem.reveal().to_owned()),
    };
    let store = |path: &Path, password: &Option<Secret>| {
        let store = StoreFile::new(host.path(path));
        match password {
            Some(password) => store.password(password.reveal()),
            None => store,
        }
    };
    let mut config = match &tls.ca {
        None => TlsConfig::default(),
        // Its content tells whether it is PEM.
        Some(Certificates::File(path)) => {
            TlsConfig::new(Trust::Store(store(path, &tls.ca_password)))
        }
        Some(inline) => TlsConfig::new(Trust::Pem(source(inline))),
    };
    config = match (&tls.certificate, &tls.key) {
        (None, _) => config,
        (Some(Certificates::File(path)), None) => config.client_store(store(path, &tls.password)),
        (Some(chain), key) => config.client_certificate(ClientCertificate {
            chain: source(chain),
            key: key.as_ref().map(source),
        }),
    };
    if let Some(password) = &tls.password {
        config = config.key_password(password.reveal());
    }
    if tls.verifies_host_name { config } else { config.dangerous().without_host_name_check() }
}

impl Sink for WebhookSink {
    fn deliver(self: Arc<Self>, record: Arc<Record>) -> BoxFuture<'static, Outcome> {
        async move {
            match self.client.send(self.request(&record), self.timeout).await {
                Ok(response) => outcome(response.status(), response.body()),
                Err(error) => Outcome::Again(with_causes(&error)),
            }
        }
        .boxed()
    }

    fn is_timed(&self) -> bool {
        true
    }
}

/// What a response means.
fn outcome(status: StatusCode, body: &[u8]) -> Outcome {
    // Somebody who has seen the record before has it.
    if status.is_success() || status == StatusCode::CONFLICT {
        return Outcome::Accepted;
    }
    let told: String = String::from_utf8_lossy(body).chars().take(TOLD_MAX).collect();
    let told = told.replace(char::is_control, " ");
    let message = match told.trim() {
        "" => format!("the webhook answered {status}"),
        told => format!("the webhook answered {status}: {told}"),
    };
    // These two say themselves that a later request may be taken.
    let is_early = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if status.is_client_error() && !is_early {
        Outcome::Poison(message)
    } else {
        Outcome::Again(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_becomes_of_the_record() {
        for (status, expected) in [
            (200, Outcome::Accepted),
            (204, Outcome::Accepted),
            (409, Outcome::Accepted),
            (400, Outcome::Poison("the webhook answered 400 Bad Request: a b".to_owned())),
            (410, Outcome::Poison("the webhook answered 410 Gone: a b".to_owned())),
            (429, Outcome::Again("the webhook answered 429 Too Many Requests: a b".to_owned())),
            (302, Outcome::Again("the webhook answered 302 Found: a b".to_owned())),
            (503, Outcome::Again("the webhook answered 503 Service Unavailable: a b".to_owned())),
        ] {
            assert_eq!(outcome(StatusCode::from_u16(status).unwrap(), b"a\nb\n"), expected);
        }
    }
}
