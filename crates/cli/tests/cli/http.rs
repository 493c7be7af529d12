//! A server that stands for a webhook, and a client, no more than the tests need.

use std::{
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use milena_http::tls::{PemSource, TlsServer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::program::{PATIENCE, root};

/// A request that a webhook got.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Seen = Arc<(Mutex<Vec<Request>>, Condvar)>;

/// A server that answers every request with the status that a function says.
pub(crate) struct Webhook {
    pub(crate) url: String,
    seen: Seen,
}

impl Webhook {
    /// `answer` sees the request, and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> u16 + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let seen = Seen::default();
        let (answer, for_threads) = (Arc::new(answer), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&for_threads));
                thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Self { url, seen }
    }

    /// As [`start`](Self::start), over TLS with the certificate of `localhost` that the tests' authority
    /// has signed; with `wants_client`, clients must show one of it too.
    pub(crate) fn start_tls(
        wants_client: bool,
        answer: impl Fn(&Request, usize) -> u16 + Send + Sync + 'static,
    ) -> Self {
        let file = |name: &str| PemSource::File(certificates().join(name));
        let ca = wants_client.then(|| file("ca.pem"));
        let server = TlsServer::new(&file("broker.pem"), &file("broker.key"), ca.as_ref()).unwrap();
        let seen = Seen::default();
        let (answer, for_threads) = (Arc::new(answer), Arc::clone(&seen));
        let (port, told_port) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                port.send(listener.local_addr().unwrap().port()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let (server, answer) = (server.clone(), Arc::clone(&answer));
                    let seen = Arc::clone(&for_threads);
                    tokio::spawn(async move {
                        let Ok(stream) = server.handshake(stream).await else { return };
                        serve_async(stream, &seen, &*answer).await;
                    });
                }
            });
        });
        let url = format!("https://localhost:{}/hook", told_port.recv().unwrap());
        Self { url, seen }
    }

    /// Waits until this holds of what was seen.
    pub(crate) fn wait_until(&self, is_enough: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let (requests, arrived) = &*self.seen;
        let end = Instant::now() + PATIENCE;
        let mut requests = requests.lock().unwrap();
        while !is_enough(&requests) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "only {} requests came", requests.len());
            requests = arrived.wait_timeout(requests, left).unwrap().0;
        }
        requests.clone()
    }

    pub(crate) fn wait_for(&self, count: usize) -> Vec<Request> {
        self.wait_until(|requests| requests.len() >= count)
    }
}

fn serve(stream: TcpStream, seen: &Seen, answer: &(impl Fn(&Request, usize) -> u16 + ?Sized)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(reply) = reply_to(&mut reader, seen, answer) {
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a request, and says what it is answered; none at the end.
fn reply_to(
    reader: &mut impl std::io::BufRead,
    seen: &Seen,
    answer: &(impl Fn(&Request, usize) -> u16 + ?Sized),
) -> Option<String> {
    let (_, request) = read(reader)?;
    let before = seen.0.lock().unwrap().len();
    let status = answer(&request, before);
    let body = if status >= 400 { "no: hush" } else { "" };
    seen.0.lock().unwrap().push(request);
    seen.1.notify_all();
    Some(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// The folder of the certificates that the tests use.
pub(crate) fn certificates() -> PathBuf {
    root().join("crates/tls/tests/certificates")
}

async fn serve_async(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Seen,
    answer: &(impl Fn(&Request, usize) -> u16 + ?Sized),
) {
    let mut bytes = Vec::new();
    loop {
        // As soon as there is a whole message, it is read as any other.
        while !is_whole(&bytes) {
            if !matches!(stream.read_buf(&mut bytes).await, Ok(count) if count > 0) {
                return;
            }
        }
        let reply = reply_to(&mut bytes.as_slice(), seen, answer).unwrap();
        bytes.clear();
        if stream.write_all(reply.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

/// The first line and the rest of a message; none at the end.
fn read(reader: &mut impl std::io::BufRead) -> Option<(String, Request)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|length| *length > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, Request { headers, body }))
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) message: Request,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        self.message.json()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.message.body.clone()).unwrap()
    }
}

/// Sends a request to `http://host:port` and waits for the answer.
pub(crate) fn send(base: &str, line: &str, headers: &[&str], body: &str) -> Reply {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    // A server that refuses the body may have closed already.
    let _ = stream.write_all(request.as_bytes());
    let (first, message) = read(&mut BufReader::new(stream)).unwrap();
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, message }
}

/// As [`send`], with a POST.
pub(crate) fn post(base: &str, path: &str, body: &str) -> Reply {
    send(base, &format!("POST {path}"), &[], body)
}

/// As [`send`], with a GET.
pub(crate) fn get(base: &str, path: &str) -> Reply {
    send(base, &format!("GET {path}"), &[], "")
}

/// Asks until the answer is as it should be.
pub(crate) fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_there() {
        assert!(Instant::now() < end, "{what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}
