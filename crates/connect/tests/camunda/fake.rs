//! A fake of Camunda 8's REST API: jobs with their locks, messages with their ids, tokens, faults on demand.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode, body::Incoming, header::AUTHORIZATION, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use milena_connect::tls::{PemSource, TlsServer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::Instant,
};

use super::PATIENCE;

/// What happens to the next request whose path has this in it, instead of what it asks for.
pub(super) enum Fault {
    /// This status, with `Retry-After` where there is one.
    Answer(u16, Option<&'static str>),
    /// The connection closes.
    Close,
}

/// One request that was answered.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) body: Value,
    pub(super) status: u16,
}

#[derive(Default)]
pub(super) struct State {
    available: VecDeque<Value>,
    /// Jobs that somebody has, and until when.
    active: BTreeMap<String, (Value, Instant)>,
    /// What was told and taken: key, command, body.
    pub(super) told: Vec<(String, String, Value)>,
    pub(super) messages: Vec<Value>,
    /// Names that somebody waits for.
    pub(super) waiting: BTreeSet<String>,
    pub(super) faults: VecDeque<(&'static str, Fault)>,
    pub(super) asked: Vec<Asked>,
    /// The `Authorization` that is asked for.
    pub(super) authorization: Option<String>,
    tokens_count: usize,
}

impl State {
    /// Every request of this path is answered so, from here on.
    pub(super) fn fail(&mut self, path: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.faults.extend(faults.into_iter().map(|fault| (path, fault)));
    }

    pub(super) fn asked_for(&self, path: &str) -> Vec<Asked> {
        self.asked.iter().filter(|asked| asked.line.contains(path)).cloned().collect()
    }

    fn fault(&mut self, path: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(part, _)| path.contains(part))?;
        self.faults.remove(at).map(|(_, fault)| fault)
    }

    fn release(&mut self) {
        let now = Instant::now();
        let over: Vec<String> = self
            .active
            .iter()
            .filter(|(_, (_, until))| *until <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            self.available.extend(self.active.remove(&key).map(|(job, _)| job));
        }
    }

    fn activate(&mut self, body: &Value) -> Vec<Value> {
        self.release();
        let count = usize::try_from(body["maxJobsToActivate"].as_u64().unwrap()).unwrap();
        let until = Instant::now() + Duration::from_millis(body["timeout"].as_u64().unwrap());
        let mut jobs = Vec::new();
        while jobs.len() < count
            && let Some(mut job) = self.available.pop_front()
        {
            job["worker"] = body["worker"].clone();
            let key = job["jobKey"].as_str().unwrap().to_owned();
            self.active.insert(key, (job.clone(), until));
            jobs.push(job);
        }
        jobs
    }

    fn tell(&mut self, key: &str, command: &str, body: Value) -> StatusCode {
        self.release();
        let Some((mut job, _)) = self.active.remove(key) else { return StatusCode::NOT_FOUND };
        if command == "failure" && body["retries"].as_i64() > Some(0) {
            job["retries"] = body["retries"].clone();
            self.available.push_back(job);
        }
        self.told.push((key.to_owned(), command.to_owned(), body));
        StatusCode::NO_CONTENT
    }

    fn publish(&mut self, message: Value) -> StatusCode {
        let id = &message["messageId"];
        let is_known = |known: &Value| !id.is_null() && known["messageId"] == *id;
        if self.messages.iter().any(is_known) {
            return StatusCode::CONFLICT;
        }
        self.messages.push(message);
        StatusCode::OK
    }
}

/// The engine; it ends when this is dropped.
pub(super) struct Fake {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(super) async fn start() -> Self {
        Self::start_with(listen(0).await, None)
    }

    /// The same engine after a restart that has forgotten everything.
    pub(super) async fn restarted(self) -> Self {
        let port = self.url.rsplit_once(':').unwrap().1.parse().unwrap();
        drop(self);
        Self::start_with(listen(port).await, None)
    }

    /// An engine whose certificate only a private authority has signed.
    pub(super) async fn start_tls() -> Self {
        let pem = |name: &str| PemSource::File(certificate(name));
        let tls = TlsServer::new(&pem("broker.pem"), &pem("broker.key"), None).unwrap();
        Self::start_with(listen(0).await, Some(tls))
    }

    fn start_with(listener: TcpListener, tls: Option<TlsServer>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let url = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let (state, changed) = (Arc::<Mutex<State>>::default(), Arc::<Notify>::default());
        let (for_task, notify) = (Arc::clone(&state), Arc::clone(&changed));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (state, changed) = (Arc::clone(&for_task), Arc::clone(&notify));
                let tls = tls.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        answer(request, Arc::clone(&state), Arc::clone(&changed))
                    });
                    // A connection that breaks off is the client's business.
                    let server = http1::Builder::new();
                    match tls {
                        None => {
                            let _ = server.serve_connection(TokioIo::new(stream), service).await;
                        }
                        Some(tls) => {
                            if let Ok(stream) = tls.handshake(stream).await {
                                let stream = TokioIo::new(stream);
                                let _ = server.serve_connection(stream, service).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, state, changed, task }
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock());
        self.changed.notify_waiters();
        changed
    }

    pub(super) fn add_job(&self, key: &str, headers: Value, variables: Value) {
        let job = json!({
            "type": "io.camunda:connector-kafka:1", "jobKey": key, "retries": 3,
            "customHeaders": headers, "variables": variables, "tenantId": "<default>",
            "processInstanceKey": "1", "elementId": "task",
        });
        self.with(|state| state.available.push_back(job));
    }

    /// Waits until this holds.
    pub(super) async fn until(&self, is: impl Fn(&State) -> bool) {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if is(&self.state.lock()) {
                    return;
                }
                // What a time alone changes is looked at again.
                let _ = tokio::time::timeout(Duration::from_millis(100), changed).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{:?}", self.state.lock().asked);
    }

    pub(super) fn told(&self) -> Vec<(String, String, Value)> {
        self.with(|state| state.told.clone())
    }
}

/// Listens on a port, which whoever had it may still be about to leave.
async fn listen(port: u16) -> TcpListener {
    let end = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// A file of certificates or keys.
pub(super) fn certificate(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tls/tests/certificates").join(name)
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let line = format!("{} {}", request.method(), request.uri().path());
    let authorization = request.headers().get(AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    let bytes = request.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
    let fault = state.lock().fault(&line);
    let (status, retry_after, answer) = match fault {
        Some(Fault::Close) => return Err("closed".into()),
        Some(Fault::Answer(status, retry_after)) => {
            let problem = json!({ "title": "FAULT", "detail": "on demand", "status": status });
            (StatusCode::from_u16(status).unwrap(), retry_after, problem)
        }
        None => {
            let answered = route(&line, &body, authorization.as_deref(), &state, &changed).await;
            let (status, answer) = answered.unwrap();
            (status, None, answer)
        }
    };
    let status_code = status.as_u16();
    state.lock().asked.push(Asked { line, body, status: status_code });
    changed.notify_waiters();
    let mut response = Response::builder().status(status);
    if let Some(retry_after) = retry_after {
        response = response.header("Retry-After", retry_after);
    }
    let text = if status == StatusCode::NO_CONTENT { String::new() } else { answer.to_string() };
    Ok(response.body(Full::from(text))?)
}

async fn route(
    line: &str,
    body: &Value,
    authorization: Option<&str>,
    state: &Mutex<State>,
    changed: &Notify,
) -> Result<(StatusCode, Value), Infallible> {
    if line == "POST /oauth/token" {
        return Ok(token(body, &mut state.lock()));
    }
    let expected = state.lock().authorization.clone();
    if expected.is_some() && expected.as_deref() != authorization {
        let problem = json!({ "title": "UNAUTHORIZED", "detail": "who are you?" });
        return Ok((StatusCode::UNAUTHORIZED, problem));
    }
    let parts: Vec<&str> = line.split(['/', ' ']).filter(|part| !part.is_empty()).collect();
    let status = match parts.as_slice() {
        ["POST", "v2", "jobs", "activation"] => {
            let wait = Duration::from_millis(body["requestTimeout"].as_u64().unwrap());
            let end = Instant::now() + wait;
            loop {
                let notified = changed.notified();
                let jobs = state.lock().activate(body);
                if !jobs.is_empty() || Instant::now() >= end {
                    return Ok((StatusCode::OK, json!({ "jobs": jobs })));
                }
                let step = end.min(Instant::now() + Duration::from_millis(100));
                let _ = tokio::time::timeout_at(step, notified).await;
            }
        }
        ["POST", "v2", "jobs", key, command] => state.lock().tell(key, command, body.clone()),
        ["PATCH", "v2", "jobs", key] => {
            let ms = body["changeset"]["timeout"].as_u64().unwrap();
            match state.lock().active.get_mut(*key) {
                Some((_, until)) => {
                    *until = Instant::now() + Duration::from_millis(ms);
                    StatusCode::NO_CONTENT
                }
                None => StatusCode::NOT_FOUND,
            }
        }
        ["POST", "v2", "messages", "publication"] => state.lock().publish(body.clone()),
        ["POST", "v2", "messages", "correlation"] => {
            let mut state = state.lock();
            match state.waiting.remove(body["name"].as_str().unwrap()) {
                true => state.publish(body.clone()),
                false => StatusCode::NOT_FOUND,
            }
        }
        _ => StatusCode::METHOD_NOT_ALLOWED,
    };
    let answer = if status.is_success() {
        json!({ "messageKey": "1" })
    } else {
        json!({ "title": status.canonical_reason(), "detail": "no" })
    };
    Ok((status, answer))
}

fn token(form: &Value, state: &mut State) -> (StatusCode, Value) {
    let expected = "grant_type=client_credentials&audience=engine&client_id=me&client_secret=hush";
    if form != expected {
        let problem = json!({ "error": "invalid_client", "error_description": "hush is wrong" });
        return (StatusCode::UNAUTHORIZED, problem);
    }
    state.tokens_count += 1;
    let token = format!("token-{}", state.tokens_count);
    (StatusCode::OK, json!({ "access_token": token, "expires_in": 3600 }))
}
