//! The handle of a cluster.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use milena_core::BrokerId;
use milena_core::backoff::{Backoff, Jitter};
use milena_core::metadata::{ClusterMetadata, LeaderHint, Metadata, TopicMetadata, TopicStatus};
use milena_pool::{BrokerPool, Connection, ConnectionCounts, HostPort, PATIENCE, Purpose, WAITING};
use milena_wire::ErrorCode;
use milena_wire::messages::metadata_response::MetadataResponseTopic;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout_at;

use super::coordinator::{self, CoordinatorKind};
use super::errors::Failure;
use super::refresh::now;
use super::{refresh, settings, topics, unreachable};
use crate::config::ClientConfig;
use crate::{Error, ErrorKind};

/// The brokers of one cluster and what is known of its topics. A cheap clone; all clones are the
/// same. Dropping the last one ends the background task and closes idle connections.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(super) inner: Arc<Inner>,
    /// Ends the task with the last handle; the task itself has `inner` alone.
    task: Arc<Task>,
}

#[derive(Default)]
struct Task {
    started: OnceLock<AbortHandle>,
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = self.started.get() {
            task.abort();
        }
    }
}

pub(super) struct Inner {
    pub(super) pool: BrokerPool,
    pub(super) metadata: Mutex<Metadata>,
    pub(super) snapshot: watch::Sender<Arc<ClusterMetadata>>,
    /// Counts responses and failures, for those who wait.
    pub(super) progress: watch::Sender<u64>,
    /// Wakes the background task, because the machine may have something to do.
    pub(super) wake: Notify,
    /// Why the newest refresh failed; `None` after one that succeeded.
    pub(super) failure: Mutex<Option<Failure>>,
    pub(super) coordinators: Mutex<BTreeMap<(CoordinatorKind, String), BrokerId>>,
    pub(super) jitter: Mutex<Jitter>,
    pub(super) retry_backoff: Backoff,
    pub(super) request_timeout: Duration,
    pub(super) is_closed: watch::Sender<bool>,
}

/// What a timeout says when no broker has answered.
const SILENT: &str = "the cluster did not tell about itself in time";

impl Inner {
    /// Whether the newest refresh failed in a way that does not pass by itself.
    pub(super) fn is_stuck(&self) -> bool {
        self.failure.lock().as_ref().is_some_and(|failure| !failure.is_retriable())
    }

    /// Forgets such a failure, and lets the background task try once more.
    fn try_again(&self) {
        if self.is_stuck() {
            *self.failure.lock() = None;
            self.wake.notify_one();
        }
    }
}

impl Cluster {
    /// A cluster that nothing is known of. Reads certificate files, but does not connect.
    pub(crate) fn new(config: &ClientConfig) -> Result<Self, Error> {
        let seed = getrandom::u64().map_err(|error| {
            Error::new(ErrorKind::Config, "the system gives no random numbers").with_source(error)
        })?;
        let metadata = Metadata::new(settings::metadata(config, seed));
        let inner = Inner {
            pool: BrokerPool::new(settings::pool(config)?),
            snapshot: watch::Sender::new(Arc::clone(metadata.snapshot())),
            metadata: Mutex::new(metadata),
            progress: watch::Sender::new(0),
            wake: Notify::new(),
            failure: Mutex::new(None),
            coordinators: Mutex::new(BTreeMap::new()),
            jitter: Mutex::new(Jitter::new(seed.rotate_left(32))),
            retry_backoff: settings::retry_backoff(config),
            request_timeout: config.request_timeout,
            is_closed: watch::Sender::new(false),
        };
        Ok(Self { inner: Arc::new(inner), task: Arc::default() })
    }

    /// What is known. An immutable snapshot: nothing changes under its reader.
    pub(crate) fn metadata(&self) -> Arc<ClusterMetadata> {
        Arc::clone(&self.inner.snapshot.borrow())
    }

    /// The snapshot and its successors.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<ClusterMetadata>> {
        self.inner.snapshot.subscribe()
    }

    /// A topic and its partitions. Waits until the topic is known; a topic that does not exist is
    /// created if client and broker allow it. Keeps the topic fresh until nobody has asked for it
    /// for `metadata.max.idle.ms`.
    ///
    /// Fails at once for errors that do not pass by themselves: missing authorization, an invalid
    /// name, wrong credentials. Cancel safe.
    pub(crate) async fn topic(
        &self,
        name: &str,
        deadline: Instant,
    ) -> Result<Arc<TopicMetadata>, Error> {
        self.start();
        self.inner.try_again();
        let mut progress = self.inner.progress.subscribe();
        let mut status = self.inner.metadata.lock().use_topic(name, now());
        let mut tell_at = Some(now() + PATIENCE);
        loop {
            match status {
                TopicStatus::Known(topic) => return Ok(topic),
                TopicStatus::Failed(code) => return Err(topic_failed(name, code)),
                TopicStatus::Pending | TopicStatus::Unresolved(_) => {}
            }
            self.fail_early()?;
            if let TopicStatus::Unresolved(code) = status
                && tell_at.take_if(|at| *at <= now()).is_some()
            {
                tracing::warn!(target: WAITING, topic = name,
                    "the brokers say {code} of topic {name}; still waiting for it");
            }
            self.inner.wake.notify_one();
            if self.wait(&mut progress, deadline).await.is_err() {
                return Err(self.topic_timed_out(name, &status));
            }
            status = self.inner.metadata.lock().topic_status(name);
        }
    }

    /// The topic of this name, or all topics, asked for once and not kept. A topic that does not
    /// exist is an error at once, unless it may be created.
    pub(crate) async fn ask_for_topics(
        &self,
        name: Option<&str>,
        allow_auto_topic_creation: bool,
        deadline: Instant,
    ) -> Result<Vec<MetadataResponseTopic>, Error> {
        self.start();
        topics::ask(self, name, allow_auto_topic_creation, deadline).await
    }

    /// Keeps a topic fresh for another `metadata.max.idle.ms`, without waiting.
    pub(crate) fn keep_topic(&self, name: &str) {
        self.start();
        let status = self.inner.metadata.lock().use_topic(name, now());
        if status == TopicStatus::Pending {
            self.inner.wake.notify_one();
        }
    }

    /// Waits until anything is known of the cluster.
    pub(crate) async fn ready(&self, deadline: Instant) -> Result<(), Error> {
        self.start();
        self.inner.try_again();
        let mut progress = self.inner.progress.subscribe();
        while self.inner.metadata.lock().is_empty() {
            self.fail_early()?;
            if self.wait(&mut progress, deadline).await.is_err() {
                return Err(self.timed_out(SILENT));
            }
        }
        Ok(())
    }

    /// Waits for a failure that does not pass by itself, such as wrong credentials, while nothing
    /// is known of the cluster. It is tried once more after that. Cancel safe.
    pub(crate) async fn refusal(&self) -> Error {
        let mut progress = self.inner.progress.subscribe();
        loop {
            if self.inner.metadata.lock().is_empty()
                && let Err(error) = self.fail_early()
            {
                self.inner.try_again();
                return error;
            }
            if progress.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Why nothing is known of the cluster, once it has been asked for too long.
    pub(crate) fn silence(&self) -> Option<Error> {
        let is_silent = self.inner.metadata.lock().is_empty();
        is_silent.then(|| self.timed_out(SILENT))
    }

    /// Wants exactly these topics until the next call, besides those that [`Cluster::topic`] was
    /// asked for: the subscription of a consumer.
    pub(crate) fn pin_topics<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        self.start();
        self.inner.metadata.lock().pin_topics(names, now());
        self.inner.try_again();
        self.inner.wake.notify_one();
    }

    /// Wants every topic, for a subscription by pattern, or no longer.
    pub(crate) fn want_all_topics(&self, wants_all: bool) {
        self.start();
        self.inner.metadata.lock().want_all_topics(wants_all);
        self.inner.try_again();
        self.inner.wake.notify_one();
    }

    /// Asks for fresh metadata soon, because somebody saw that it is wrong; repeated requests
    /// are slowed down by the retry backoff.
    pub(crate) fn request_update(&self) {
        self.start();
        self.inner.metadata.lock().request_update();
        self.inner.try_again();
        self.inner.wake.notify_one();
    }

    /// Applies a leader that a broker named in its response (KIP-951). Returns whether that was
    /// news; if not, and the request failed, ask for an update.
    pub(crate) fn apply_leader_hint(&self, hint: &LeaderHint) -> bool {
        let mut metadata = self.inner.metadata.lock();
        if !metadata.handle_leader_hint(hint) {
            return false;
        }
        if let Some(endpoint) = &hint.endpoint {
            let address = HostPort::new(&*endpoint.host, endpoint.port);
            self.inner.pool.add_broker(endpoint.id, address);
        }
        self.inner.snapshot.send_replace(Arc::clone(metadata.snapshot()));
        true
    }

    /// A connection to a broker. Waits for the pause after failed attempts, then makes one
    /// attempt; if it fails, metadata is refreshed, because the broker may have moved.
    pub(crate) async fn connection(
        &self,
        broker: BrokerId,
        purpose: Purpose,
    ) -> Result<Connection, Error> {
        if let Some(connection) = self.inner.pool.connected(broker, purpose) {
            return Ok(connection);
        }
        self.until_closed(async {
            match self.inner.pool.connection(broker, purpose).await {
                Ok(connection) => Ok(connection),
                Err(error) => {
                    if error.is_retriable() {
                        self.request_update();
                    }
                    Err(Error::from(error).with_broker(broker.0))
                }
            }
        })
        .await
    }

    /// What the connections did.
    pub(crate) fn counts(&self) -> ConnectionCounts {
        self.inner.pool.counts()
    }

    /// The connection to a broker for a purpose, if there is one.
    pub(crate) fn connected(&self, broker: BrokerId, purpose: Purpose) -> Option<Connection> {
        self.inner.pool.connected(broker, purpose)
    }

    /// A connection for short requests to any broker: a connected one, or else a known one, or
    /// else a bootstrap server.
    pub(crate) async fn any_connection(&self) -> Result<Connection, Error> {
        self.until_closed(async {
            let pool = &self.inner.pool;
            if let Some(connection) = pool.any_connected() {
                return Ok(connection);
            }
            if self.metadata().brokers().len() > 0 {
                match pool.any().await {
                    Ok(connection) => return Ok(connection),
                    Err(error) if !error.is_retriable() => return Err(error.into()),
                    // Metadata decides whether the cluster has moved; a request that any broker
                    // can answer may as well go to a bootstrap server.
                    Err(_) => self.request_update(),
                }
            }
            Ok(pool.bootstrap().await?)
        })
        .await
    }

    /// A connection to the controller. With KRaft that is any broker, which passes requests on.
    /// On NOT_CONTROLLER ask for an update and call this again.
    pub(crate) async fn controller(&self) -> Result<Connection, Error> {
        self.ready(now() + self.inner.request_timeout).await?;
        match self.metadata().controller() {
            Some(controller) => self.connection(controller, Purpose::Control).await,
            None => self.any_connection().await,
        }
    }

    /// The coordinator of a group or of transactions. Waits until there is one. The answer is
    /// remembered until [`Cluster::forget_coordinator`].
    pub(crate) async fn coordinator(
        &self,
        key: &str,
        kind: CoordinatorKind,
        deadline: Instant,
    ) -> Result<BrokerId, Error> {
        self.start();
        coordinator::find(self, key, kind, deadline).await
    }

    /// Asks a broker once for the coordinator of a group; the answer is remembered.
    pub(crate) async fn ask_for_coordinator(
        &self,
        connection: &Connection,
        key: &str,
        kind: CoordinatorKind,
    ) -> Result<BrokerId, Error> {
        coordinator::ask(self, connection, key, kind).await
    }

    /// The broker said that it is not the coordinator, or cannot be reached: look it up next time.
    pub(crate) fn forget_coordinator(&self, key: &str, kind: CoordinatorKind) {
        self.inner.coordinators.lock().remove(&(kind, key.to_owned()));
    }

    /// Ends the background task and gives all connections up. Requests that are under way are
    /// still answered; calls that wait, and later ones, fail.
    pub(crate) fn close(&self) {
        self.inner.is_closed.send_replace(true);
        self.inner.pool.close();
        if let Some(task) = self.task.started.get() {
            task.abort();
        }
        self.inner.progress.send_modify(|count| *count += 1);
    }

    /// Starts the background task, if it has not started. Needs a tokio runtime.
    fn start(&self) {
        self.task.started.get_or_init(|| {
            let task = tokio::spawn(refresh::run(Arc::clone(&self.inner)));
            task.abort_handle()
        });
    }

    /// Waits for the next response or failure; an error says that the deadline has passed.
    pub(super) async fn wait(
        &self,
        progress: &mut watch::Receiver<u64>,
        deadline: Instant,
    ) -> Result<(), ()> {
        match timeout_at(deadline.into(), progress.changed()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }

    /// The error that makes waiting useless, if there is one.
    pub(super) fn fail_early(&self) -> Result<(), Error> {
        if *self.inner.is_closed.borrow() {
            return Err(closed());
        }
        match &*self.inner.failure.lock() {
            Some(failure) if !failure.is_retriable() => Err(failure.error()),
            _ => Ok(()),
        }
    }

    /// A timeout, with why the newest refresh failed.
    pub(super) fn timed_out(&self, message: &str) -> Error {
        let newest = self.inner.failure.lock().as_ref().map(Failure::error);
        self.timed_out_after(message, newest)
    }

    /// Why brokers cannot be used, where there are such.
    pub(crate) fn unreachable(&self) -> Option<Error> {
        unreachable::cause(None, &self.inner.pool.outages())
    }

    /// A timeout, with the last error before it and the brokers that cannot be used.
    pub(crate) fn timed_out_after(&self, message: &str, last: Option<Error>) -> Error {
        let error = Error::new(ErrorKind::Timeout, message);
        match unreachable::cause(last, &self.inner.pool.outages()) {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }

    fn topic_timed_out(&self, name: &str, status: &TopicStatus) -> Error {
        match status {
            TopicStatus::Unresolved(code) => topic_failed(name, *code),
            _ => self.timed_out("nothing was learned of the topic in time").with_topic(name),
        }
    }

    /// Does something, but fails as soon as the cluster is closed.
    async fn until_closed<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut is_closed = self.inner.is_closed.subscribe();
        tokio::select! {
            biased;
            _ = is_closed.wait_for(|is_closed| *is_closed) => Err(closed()),
            result = work => result,
        }
    }
}

pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "")
}

pub(super) fn topic_failed(name: &str, code: ErrorCode) -> Error {
    let message = match code {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
            "the topic does not exist and was not created".to_owned()
        }
        ErrorCode::TOPIC_AUTHORIZATION_FAILED => "the user may not see the topic".to_owned(),
        ErrorCode::INVALID_TOPIC_EXCEPTION => format!("\"{name}\" cannot be the name of a topic"),
        _ => String::new(),
    };
    Error::broker_answered(code, message).with_topic(name)
}
