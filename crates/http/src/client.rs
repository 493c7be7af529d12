//! The client: a request in, a response out.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use milena_tls::TlsError;

use crate::connector::{ConnectFailure, Connector};
use crate::credentials;
use crate::error::{HttpError, HttpErrorKind};
use crate::settings::HttpSettings;

/// How long a connection is kept for the next request.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections a server are kept for the next request.
const POOL_IDLE_PER_HOST_MAX: usize = 8;

/// The longest head of a response in bytes; hyper reads no more than this at a time, either.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// An HTTP/1.1 client with a pool of connections. A cheap clone, which shares the pool.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    client: legacy::Client<Connector, Full<Bytes>>,
    user_agent: HeaderValue,
    response_bytes_max: usize,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client. Reads the files of certificates; connects to nobody yet.
    ///
    /// A system without trusted certificates, and a CPU that the cryptography does not run on, are
    /// errors of requests to `https` URLs alone.
    ///
    /// # Errors
    ///
    /// A file of certificates or keys that cannot be used, or a `User-Agent` that is no header.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpError> {
        let tls = match settings.tls.build() {
            Err(error @ (TlsError::NoProvider { .. } | TlsError::NoRoots { .. })) => Err(error),
            Err(error) => return Err(HttpError::new("", HttpErrorKind::Tls(error))),
            Ok(client) => Ok(client),
        };
        let user_agent = HeaderValue::try_from(settings.user_agent).map_err(|_| {
            let reason = "the User-Agent has characters that a header cannot have".to_owned();
            HttpError::new("", HttpErrorKind::Invalid(reason))
        })?;
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(Connector::new(tls, settings.connect_timeout));
        let response_bytes_max = settings.response_bytes_max;
        Ok(Self(Arc::new(Inner { client, user_agent, response_bytes_max })))
    }

    /// Sends a request and waits `within` this time for the whole response, whatever its status.
    ///
    /// The URL is absolute, of `http` or `https`. Its user info is sent as Basic authentication when
    /// the request has no `Authorization` of its own. `Host`, `Content-Length` and `User-Agent` are
    /// added.
    ///
    /// Must be called within a tokio runtime. Cancel safe: dropping the future closes the
    /// connection if the request is on it; whether the server acts on it is unknown then.
    ///
    /// # Errors
    ///
    /// [`HttpError`]: there is no whole response. A response with an error status is none.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        within: Duration,
    ) -> Result<Response<Bytes>, HttpError> {
        let (request, target) = self.prepare(request)?;
        let kind = match tokio::time::timeout(within, self.exchange(request)).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(kind)) => kind,
            Err(_) => HttpErrorKind::TimedOut(within),
        };
        Err(HttpError::new(target, kind))
    }

    /// The request as it goes out, and the name of its server for errors.
    fn prepare(
        &self,
        request: Request<Bytes>,
    ) -> Result<(Request<Full<Bytes>>, String), HttpError> {
        let (mut head, body) = request.into_parts();
        let invalid = |target: &str, reason: &str| {
            HttpError::new(target, HttpErrorKind::Invalid(reason.to_owned()))
        };
        let mut uri = head.uri.into_parts();
        let (Some(scheme), Some(authority)) = (&uri.scheme, &uri.authority) else {
            return Err(invalid("", "the URL must be absolute, as in https://host/path"));
        };
        let bad_host = |_| invalid("", "the URL has no usable host");
        let credentials::Parts { authority, authorization } =
            credentials::split(authority).map_err(bad_host)?;
        let target = format!("{scheme}://{authority}");
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(invalid(&target, "the URL must be of http or https"));
        }
        if authority.host().is_empty() {
            return Err(invalid(&target, "the URL has no host"));
        }
        if head.method == Method::CONNECT {
            return Err(invalid(&target, "the method CONNECT is not supported"));
        }
        uri.authority = Some(authority);
        head.uri = Uri::from_parts(uri)
            .map_err(|_| invalid(&target, "the URL cannot be used as one of HTTP"))?;
        head.version = Version::HTTP_11;
        if let Some(authorization) = authorization {
            head.headers.entry(AUTHORIZATION).or_insert(authorization);
        }
        head.headers.entry(USER_AGENT).or_insert_with(|| self.0.user_agent.clone());
        Ok((Request::from_parts(head, Full::new(body)), target))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, HttpErrorKind> {
        let response = self.0.client.request(request).await.map_err(of_client)?;
        let (head, body) = response.into_parts();
        let body = read(body, self.0.response_bytes_max).await?;
        Ok(Response::from_parts(head, body))
    }
}

/// The whole body, if it is no longer than `limit` bytes.
async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, HttpErrorKind> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).is_ok_and(|announced| announced > limit) {
        return Err(HttpErrorKind::TooLarge { limit });
    }
    // Grows with what arrives, not with what is announced.
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(of_body)?.into_data() else { continue };
        if data.len() > limit - first.len() - more.len() {
            return Err(HttpErrorKind::TooLarge { limit });
        }
        if first.is_empty() {
            first = data;
        } else {
            more.extend_from_slice(&data);
        }
    }
    if more.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + more.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&more);
    Ok(whole.freeze())
}

/// What kept hyper's client from giving a response.
fn of_client(error: legacy::Error) -> HttpErrorKind {
    let Some(source) = error.source() else { return HttpErrorKind::Disconnected(Arc::new(error)) };
    match source.downcast_ref::<ConnectFailure>() {
        Some(ConnectFailure::Tls(error)) => HttpErrorKind::Tls(error.clone()),
        Some(ConnectFailure::TimedOut(timeout)) => HttpErrorKind::ConnectTimedOut(*timeout),
        Some(ConnectFailure::Tcp(error)) => HttpErrorKind::Connect(Arc::clone(error)),
        None if source.downcast_ref().is_some_and(breaks_protocol) => {
            HttpErrorKind::Protocol(Arc::new(error))
        }
        // The alert of a server that does not accept this client's certificate comes after the
        // handshake (TLS 1.3), in place of a response.
        None => match tls_error(source) {
            Some(error) => HttpErrorKind::Tls(error),
            None => HttpErrorKind::Disconnected(Arc::new(error)),
        },
    }
}

fn of_body(error: hyper::Error) -> HttpErrorKind {
    if breaks_protocol(&error) {
        HttpErrorKind::Protocol(Arc::new(error))
    } else {
        HttpErrorKind::Disconnected(Arc::new(error))
    }
}

/// Whether the server sent something that is not HTTP, and not just too little.
fn breaks_protocol(error: &hyper::Error) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    error.is_parse()
        || io.is_some_and(|io| {
            matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
                && TlsError::of_io(io).is_none()
        })
}

/// The TLS error among the causes of an error.
fn tls_error(error: &(dyn Error + 'static)) -> Option<TlsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && let Some(tls) = TlsError::of_io(io)
        {
            return Some(tls);
        }
        next = error.source();
    }
    None
}
