//! A schema registry for tests: HTTP/1.1 on a port of its own, with faults on demand.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use milena_http::tls::TlsServer;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufReader,
    },
    net::TcpListener,
    sync::Notify,
    task::JoinHandle,
};

/// What happens to the next request instead of what it asks for.
pub(crate) enum Fault {
    /// This status with this body.
    Answer(u16, &'static str),
    /// The connection closes.
    Close,
    /// Nothing, until the notice.
    Wait(Arc<Notify>),
}

#[derive(Default)]
pub(crate) struct State {
    /// Schemas by id, as they were posted.
    schemas: BTreeMap<u64, Value>,
    /// Ids by subject, the versions in order.
    subjects: BTreeMap<String, Vec<u64>>,
    pub(crate) faults: VecDeque<Fault>,
    /// `METHOD path` of every request.
    pub(crate) requests: Vec<String>,
    /// The `Authorization` that is asked for.
    pub(crate) authorization: Option<String>,
    /// Whether new versions are incompatible.
    pub(crate) is_frozen: bool,
}

/// The server; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_on(0, Arc::default()).await
    }

    /// A registry that speaks TLS.
    pub(crate) async fn start_tls(tls: TlsServer) -> Self {
        Self::start_with(0, Arc::default(), Some(tls)).await
    }

    pub(crate) async fn start_on(port: u16, state: Arc<Mutex<State>>) -> Self {
        Self::start_with(port, state, None).await
    }

    async fn start_with(port: u16, state: Arc<Mutex<State>>, tls: Option<TlsServer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, shared).await,
                        Some(tls) => serve(tls.handshake(stream).await?, shared).await,
                    }
                });
            }
        });
        Self { port, state, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().requests.clone()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (given, value) = line.split_once(':')?;
                given.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let length = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let mut words = head.split(' ');
        let request = format!("{} {}", words.next().unwrap(), words.next().unwrap());
        let fault = {
            let mut state = state.lock();
            state.requests.push(request.clone());
            state.faults.pop_front()
        };
        let (status, answer) = match fault {
            Some(Fault::Close) => return Ok(()),
            Some(Fault::Answer(status, body)) => (status, body.to_owned()),
            fault => {
                if let Some(Fault::Wait(notice)) = fault {
                    notice.notified().await;
                }
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let (status, answer) = state.lock().answer(&request, header("authorization"), body);
                (status, answer.to_string())
            }
        };
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{answer}").as_bytes()).await?;
    }
}

impl State {
    fn answer(&mut self, request: &str, given: Option<String>, body: Value) -> (u16, Value) {
        if self.authorization.is_some() && self.authorization != given {
            return (401, error(401, "Unauthorized"));
        }
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let parts: Vec<String> =
            path.trim_start_matches('/').split('/').map(|part| part.replace("%2F", "/")).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (method, parts.as_slice()) {
            ("GET", ["schemas", "ids", id]) => match self.schemas.get(&id.parse().unwrap()) {
                Some(schema) => (200, schema.clone()),
                None => (404, error(40403, "Schema not found")),
            },
            ("GET", ["subjects", subject, "versions", version]) => {
                let Some(ids) = self.subjects.get(*subject) else {
                    return (404, error(40401, "Subject 'x' not found."));
                };
                let at = version.parse().unwrap_or(ids.len());
                match ids.get(at - 1) {
                    Some(id) => {
                        let mut answer = self.schemas[id].clone();
                        answer["id"] = (*id).into();
                        answer["version"] = at.into();
                        answer["subject"] = (*subject).into();
                        (200, answer)
                    }
                    None => (404, error(40402, "Version not found.")),
                }
            }
            ("POST", ["subjects", subject, "versions"]) => self.register(subject, body),
            ("POST", ["subjects", subject]) => {
                let ids = self.subjects.get(*subject).cloned().unwrap_or_default();
                match ids.iter().find(|id| self.schemas[*id] == body) {
                    Some(id) => (200, json!({ "id": id, "subject": subject, "version": 1 })),
                    None => (404, error(40403, "Schema not found")),
                }
            }
            _ => (404, error(404, "HTTP 404 Not Found")),
        }
    }

    pub(crate) fn register(&mut self, subject: &str, schema: Value) -> (u16, Value) {
        let known = self.schemas.iter().find(|(_, known)| **known == schema).map(|(id, _)| *id);
        let id = known.unwrap_or(self.schemas.len() as u64 + 1);
        let ids = self.subjects.entry(subject.to_owned()).or_default();
        if !ids.contains(&id) {
            if self.is_frozen && !ids.is_empty() {
                let message = "Schema being registered is incompatible with an earlier schema";
                return (409, error(409, message));
            }
            ids.push(id);
        }
        self.schemas.insert(id, schema);
        (200, json!({ "id": id }))
    }
}

fn error(code: i64, message: &str) -> Value {
    json!({ "error_code": code, "message": message })
}
