//! What the server answers to, and who may ask.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use milena::config::Secret;
use milena_http::http::{HeaderMap, Method, Request, StatusCode, Uri, header::AUTHORIZATION};
use parking_lot::Mutex;

use super::{
    super::{served::Served, shared::Shared, sink::Hub, status::StepStatus},
    consumers, health,
    listener::ServerSettings,
    metrics, produce,
    reply::{Refusal, Reply},
};
/// How long the body of a request may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(60);

/// What the server answers to.
pub(in super::super) struct Site {
    actions: BTreeMap<String, Served>,
    hubs: BTreeMap<String, Arc<Hub>>,
    statuses: Vec<Arc<StepStatus>>,
    shared: Arc<Shared>,
    token: Option<Secret>,
    body_bytes_max: usize,
    answers: Mutex<BTreeMap<u16, u64>>,
}

impl Site {
    pub(in super::super) fn new(
        actions: BTreeMap<String, Served>,
        hubs: BTreeMap<String, Arc<Hub>>,
        statuses: Vec<Arc<StepStatus>>,
        shared: Arc<Shared>,
    ) -> Self {
        let answers = Mutex::default();
        Self { actions, hubs, statuses, shared, token: None, body_bytes_max: 0, answers }
    }

    pub(super) fn with_settings(mut self, settings: &ServerSettings) -> Self {
        self.token.clone_from(&settings.token);
        self.body_bytes_max = settings.body_bytes_max;
        self
    }

    /// Closes the actions: what they have taken is sent.
    pub(super) async fn close(&self, shared: &Shared) {
        join_all(self.actions.values().map(|served| served.close(shared))).await;
    }

    /// Answers one request.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Reply {
        let reply = self.route(request).await;
        *self.answers.lock().entry(reply.status().as_u16()).or_default() += 1;
        reply
    }

    async fn route(self: &Arc<Self>, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let is_known = self.knows(&head.headers);
        let path: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
        let is_get = matches!(head.method, Method::GET | Method::HEAD);
        match path.as_slice() {
            ["healthz"] if is_get => return health::health(&self.statuses, is_known),
            ["healthz"] => return Refusal::method("GET"),
            _ if !is_known => return Refusal::unauthorized(),
            ["metrics"] if is_get => return metrics::metrics(&self.statuses, &self.answers.lock()),
            ["metrics"] => return Refusal::method("GET"),
            ["v1", "connectors", ..] | ["v1", "consumers", ..] if head.method != Method::POST => {
                return Refusal::method("POST");
            }
            _ => {}
        }
        let body = match self.read(&head.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return refusal.reply(),
        };
        let done = match path.as_slice() {
            ["v1", "connectors", name, "produce"] => match self.action(name) {
                Ok(served) => Ok(produce::produce(&served, &self.shared, &body).await),
                Err(refusal) => Err(refusal),
            },
            ["v1", "connectors", name, "rest"] => match self.action(name) {
                Ok(served) => produce::rest(&served, &self.shared, &head.headers, body).await,
                Err(refusal) => Err(refusal),
            },
            ["v1", "consumers", name, what] => match self.hub(name) {
                Ok(hub) => match *what {
                    "poll" => self.poll(&hub, &head.uri).await,
                    "ack" => consumers::ack(&hub, &body),
                    "nack" => consumers::nack(&hub, &body),
                    _ => Err(Refusal::not_found("expected poll, ack or nack")),
                },
                Err(refusal) => Err(refusal),
            },
            _ => Err(Refusal::not_found(
                "expected /v1/connectors/NAME/produce, /v1/consumers/NAME/poll, /healthz or /metrics",
            )),
        };
        done.unwrap_or_else(|refusal| refusal.reply())
    }

    async fn poll(&self, hub: &Hub, uri: &Uri) -> Result<Reply, Refusal> {
        tokio::select! {
            biased;
            polled = consumers::poll(hub, uri.query().unwrap_or_default()) => polled,
            // Whoever waits for records waits in vain from here on.
            () = self.shared.stopping() => Ok(consumers::none()),
        }
    }

    /// Whether the request has the token.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        let Some((scheme, given)) = given.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && is_same(given, token.reveal().as_bytes())
    }

    async fn read(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Refusal> {
        let limit = self.body_bytes_max;
        let too_large = || {
            let message = format!("the body is longer than {limit} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message)
        };
        let announced = headers.get("content-length").and_then(|value| value.to_str().ok());
        if announced.and_then(|text| text.parse().ok()).is_some_and(|length: usize| length > limit)
        {
            return Err(too_large());
        }
        let whole = Limited::new(body, limit).collect();
        match tokio::time::timeout(BODY_WITHIN, whole).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(Refusal::bad("the body broke off")),
            Err(_) => {
                let message = format!("the body did not come within {BODY_WITHIN:?}");
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message))
            }
        }
    }

    fn action(&self, name: &str) -> Result<Served, Refusal> {
        self.actions
            .get(name)
            .cloned()
            .ok_or_else(|| unknown(name, "input = \"http\"", self.actions.keys()))
    }

    fn hub(&self, name: &str) -> Result<Arc<Hub>, Refusal> {
        let hub = self.hubs.get(name).cloned();
        hub.ok_or_else(|| unknown(name, "sink.type = \"poll\"", self.hubs.keys()))
    }
}

fn unknown<'a>(name: &str, what: &str, names: impl Iterator<Item = &'a String>) -> Refusal {
    let names: Vec<&str> = names.map(String::as_str).collect();
    Refusal::not_found(match names.as_slice() {
        [] => format!("there is no step {name:?}: the flow has none with {what}"),
        names => format!("there is no step {name:?} with {what}: expected {}", names.join(", ")),
    })
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |differences, (left, right)| differences | (left ^ right))
            == 0
}
