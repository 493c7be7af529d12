//! The handle of the admin client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use milena_core::backoff::{Backoff, Jitter};
use milena_pool::{Connection, RequestError};
use milena_wire::Request;
use milena_wire::messages::{MetadataRequest, MetadataResponse};
use parking_lot::Mutex;

use crate::cluster::Cluster;
use crate::config::AdminConfig;
use crate::metrics::{Counters, Snapshot};
use crate::{Error, ErrorKind};

/// Creates, describes and deletes what a cluster has. A cheap clone; all clones are the same client.
///
/// All its futures are cancel safe in one sense: dropping one leaves the client as it was. What it had
/// already sent is carried out all the same.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::admin::{Admin, NewTopic};
/// use milena::config::AdminConfig;
///
/// let broker = milena_broker::Broker::start().await?;
/// let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
/// admin.create_topics([NewTopic::new("orders", 3, 1)]).await.all()?;
/// assert_eq!(admin.list_topics().await?[0].name, "orders");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Admin {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) cluster: Cluster,
    pub(super) counters: Counters,
    pub(super) retry_backoff: Backoff,
    pub(super) retries: u32,
    pub(super) request_timeout: Duration,
    default_api_timeout: Duration,
    jitter: Mutex<Jitter>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}

impl Admin {
    /// A client for this cluster. Reads certificate files, but does not connect.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when a certificate file cannot be read or used.
    pub fn new(config: AdminConfig) -> Result<Self, Error> {
        let seed = getrandom::u64().map_err(|error| {
            Error::new(ErrorKind::Config, "the system gives no random numbers").with_source(error)
        })?;
        let client = &config.client;
        Ok(Self {
            inner: Arc::new(Inner {
                cluster: Cluster::new(client)?,
                counters: Counters::default(),
                retry_backoff: Backoff::new(client.retry_backoff, client.retry_backoff_max),
                retries: config.retries,
                request_timeout: client.request_timeout,
                default_api_timeout: client.default_api_timeout,
                jitter: Mutex::new(Jitter::new(seed)),
            }),
        })
    }

    /// The values of this client's counters.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.inner.counters.snapshot(&self.inner.cluster.counts())
    }

    /// Closes all connections. Calls under way, and later ones, fail with [`ErrorKind::Closed`].
    ///
    /// Dropping the last clone does the same.
    pub fn close(&self) {
        self.inner.cluster.close();
    }
}

impl Inner {
    /// When a call that begins at this moment must end.
    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Instant {
        let now = now();
        // A timeout beyond the clock's range is a wait of a century.
        let timeout = timeout.unwrap_or(self.default_api_timeout);
        now.checked_add(timeout).unwrap_or(now + Duration::from_secs(3_155_760_000))
    }

    /// The pause after this many failures.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        self.retry_backoff.delay(failures, self.jitter.lock().next_u64())
    }

    /// How long one request may take, so that the call ends at its deadline.
    pub(super) fn request_timeout(&self, deadline: Instant) -> Duration {
        self.request_timeout.min(deadline.saturating_duration_since(now()))
    }

    /// The same in milliseconds, for the field `timeout_ms` of requests that the broker waits for.
    pub(super) fn timeout_ms(&self, deadline: Instant) -> i32 {
        i32::try_from(self.request_timeout(deadline).as_millis()).unwrap_or(i32::MAX)
    }

    /// Sends a request in this version.
    pub(super) async fn send<R: Request>(
        &self,
        connection: &Connection,
        request: &R,
        version: i16,
        deadline: Instant,
    ) -> Result<R::Response, Error> {
        let timeout = self.request_timeout(deadline);
        let response = async { connection.start(request, version, timeout)?.await };
        response.await.map_err(|error| Error::from(error).with_api(R::KEY.name(), version))
    }
}

/// The highest version of an API that both sides speak.
pub(super) fn highest<R: Request>(connection: &Connection) -> Result<i16, Error> {
    Ok(connection.api_versions().highest::<R>().map_err(RequestError::UnsupportedVersion)?)
}

/// The same, but it must be this one or a later one, for `what`.
pub(super) fn highest_from<R: Request>(
    connection: &Connection,
    least: i16,
    what: &str,
) -> Result<i16, Error> {
    let version = highest::<R>(connection)?;
    if version >= least {
        return Ok(version);
    }
    let name = R::KEY.name();
    Err(Error::new(
        ErrorKind::UnsupportedVersion,
        format!("{what} needs {name} v{least}, and the broker has v{version} at most"),
    ))
}

/// A broker's answer with an error code, and what it said about it.
pub(super) fn answered<R: Request>(code: i16, message: Option<&str>, version: i16) -> Error {
    Error::broker_answered(code, message.unwrap_or_default()).with_api(R::KEY.name(), version)
}

/// The same, unless the code says that nothing is wrong.
pub(super) fn check<R: Request>(
    code: i16,
    message: Option<&str>,
    version: i16,
) -> Result<(), Error> {
    match code {
        0 => Ok(()),
        code => Err(answered::<R>(code, message, version)),
    }
}

/// Asks any broker for metadata, without creating anything.
pub(super) async fn metadata(
    admin: &Inner,
    request: &MetadataRequest,
    least_version: Option<(i16, &str)>,
    deadline: Instant,
) -> Result<(MetadataResponse, i16), Error> {
    let connection = admin.cluster.any_connection().await?;
    let version = match least_version {
        Some((least, what)) => highest_from::<MetadataRequest>(&connection, least, what)?,
        None => highest::<MetadataRequest>(&connection)?,
    };
    let response = admin.send(&connection, request, version, deadline).await?;
    check::<MetadataRequest>(response.error_code, None, version)?;
    Ok((response, version))
}

/// The clock of the runtime, so that tests can stop it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
