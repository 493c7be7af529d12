//! The listener: polls for a service, as one member of the group or as several.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::{
    sync::{Mutex, watch},
    task::{JoinError, JoinSet},
    time::MissedTickBehavior,
};

use super::{
    Consumer, ConsumerConfiguration, Error, ErrorKind, FromRecord, PartitionOffset, Servers,
};
use crate::{connection::Connection, connector::BoxFuture};

/// How long an immediate stop waits for the group to be left.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// Why a service could not do its work.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is done with records as they come.
pub trait Service: Send + Sync + 'static {
    /// What records are read as: [`ConsumerRecord`](super::ConsumerRecord), or
    /// [`Payload`](super::Payload) for values alone.
    type Record: FromRecord;

    /// The records of one poll. The next poll waits until this is done; its error is logged.
    fn on_consumer_record(
        &self,
        records: Vec<Self::Record>,
        caller: Caller,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// A record that is not what was asked for, a poll that failed, or a panic of
    /// [`on_consumer_record`](Self::on_consumer_record). By default it is logged.
    fn on_error(
        &self,
        error: Error,
        caller: Caller,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = caller;
        tracing::error!(%error, "a listener's poll failed");
        async { Ok(()) }
    }
}

/// The consumer behind a listener, for its service.
#[derive(Clone, Debug)]
pub struct Caller(Consumer);

impl Caller {
    /// As [`Consumer::commit`].
    ///
    /// # Errors
    ///
    /// As for [`Consumer::commit`].
    pub async fn commit(&self) -> Result<(), Error> {
        self.0.commit().await
    }

    /// As [`Consumer::commit_offset`].
    ///
    /// # Errors
    ///
    /// As for [`Consumer::commit_offset`].
    pub async fn commit_offset(
        &self,
        offsets: &[PartitionOffset],
        duration: Option<Duration>,
    ) -> Result<(), Error> {
        self.0.commit_offset(offsets, duration).await
    }

    /// As [`Consumer::seek`].
    ///
    /// # Errors
    ///
    /// As for [`Consumer::seek`].
    pub fn seek(&self, offset: &PartitionOffset) -> Result<(), Error> {
        self.0.seek(offset)
    }
}

/// Polls for a [`Service`], every `pollingInterval`, as `concurrentConsumers` members of the group.
///
/// A poll that fails goes to `on_error`. When the fault is a record's, or no broker can be reached, the
/// listener polls on; otherwise this member has stopped for good. So it has when `on_error` panics.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use milena_connect::ballerina::{Producer, ProducerConfiguration, ProducerRecord};
/// use std::sync::Arc;
///
/// use milena_connect::ballerina::{
///     Caller, ConsumerConfiguration, ConsumerRecord, Failure, Listener, Service,
/// };
/// use serde_json::json;
///
/// struct Printer(tokio::sync::mpsc::UnboundedSender<String>);
///
/// impl Service for Printer {
///     type Record = ConsumerRecord<String>;
///
///     async fn on_consumer_record(
///         &self,
///         records: Vec<ConsumerRecord<String>>,
///         caller: Caller,
///     ) -> Result<(), Failure> {
///         for record in records {
///             self.0.send(record.value)?;
///         }
///         Ok(caller.commit().await?)
///     }
/// }
///
/// # let broker = milena_broker::Broker::start().await?;
/// # let producer = Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default())?;
/// # producer.send(&ProducerRecord::new("kafka-topic", "hello")).await?;
/// let configuration = ConsumerConfiguration::from_json(&json!({
///     "groupId": "group-id", "offsetReset": "earliest", "topics": ["kafka-topic"],
///     "pollingInterval": 0.1, "autoCommit": false,
/// }))?;
/// let (sender, mut printed) = tokio::sync::mpsc::unbounded_channel();
/// let listener = Listener::new(broker.bootstrap_servers(), configuration)?;
/// listener.attach(Arc::new(Printer(sender))).await?;
/// listener.start().await?;
/// assert_eq!(printed.recv().await.as_deref(), Some("hello"));
/// listener.graceful_stop().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Listener {
    servers: Servers,
    configuration: ConsumerConfiguration,
    members_count: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    service: Option<Arc<dyn Attached>>,
    consumers: Vec<Consumer>,
    /// Ended when it is dropped, the services' calls with it.
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("consumers", &self.consumers.len()).finish_non_exhaustive()
    }
}

impl Listener {
    /// A listener on these brokers. Needs a tokio runtime; it connects when it starts.
    ///
    /// # Errors
    ///
    /// `concurrentConsumers` below 1; brokers, properties and files that cannot work.
    pub fn new(
        servers: impl Into<Servers>,
        configuration: ConsumerConfiguration,
    ) -> Result<Self, Error> {
        let servers = servers.into();
        let members_count =
            usize::try_from(configuration.concurrent_consumers).ok().filter(|count| *count > 0);
        let members_count = members_count.ok_or_else(|| {
            Error::new(
                "Number of Concurrent consumers should be a positive integer value greater than \
                 zero.",
            )
        })?;
        // What cannot work is told before anything starts.
        drop(Consumer::on(&servers, &configuration, &Connection::default())?);
        Ok(Self { servers, configuration, members_count, state: Mutex::default() })
    }

    /// Gives the listener its service.
    ///
    /// # Errors
    ///
    /// It has one.
    pub async fn attach<S: Service>(&self, service: Arc<S>) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        if state.service.is_some() {
            return Err(Error::new("A service is attached to the listener already"));
        }
        state.service = Some(Arc::new(Adapter(service)));
        Ok(())
    }

    /// Joins the group and begins to poll.
    ///
    /// # Errors
    ///
    /// No service is attached, the listener has started, or there is nothing to subscribe to.
    pub async fn start(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let service = state.attached("starting")?;
        if !state.consumers.is_empty() {
            return Err(Error::new("The listener has started already"));
        }
        let mut consumers = Vec::with_capacity(self.members_count);
        for _ in 0..self.members_count {
            let consumer =
                Consumer::on(&self.servers, &self.configuration, &Connection::default())?;
            consumer.subscribe(&self.configuration.topics)?;
            consumers.push(consumer);
        }
        state.stop.send_replace(false);
        for consumer in &consumers {
            let member = Member {
                consumer: consumer.clone(),
                timeout: self.configuration.polling_timeout,
                interval: self.configuration.polling_interval.max(Duration::from_millis(1)),
                stop: state.stop.subscribe(),
            };
            let service = Arc::clone(&service);
            state.tasks.spawn(service.serve(member));
        }
        state.consumers = consumers;
        Ok(())
    }

    /// Takes the service away: when its call has ended there are no more polls, and the group is left.
    ///
    /// # Errors
    ///
    /// No service is attached, or the group could not be left.
    pub async fn detach(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.attached("detaching")?;
        let stopped = state.stop_gracefully().await;
        state.service = None;
        stopped
    }

    /// Lets calls of the service end, and leaves the group.
    ///
    /// # Errors
    ///
    /// No service is attached, or the group could not be left.
    pub async fn graceful_stop(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.attached("stopping")?;
        state.stop_gracefully().await
    }

    /// Breaks calls of the service off, and leaves the group, for which it waits for a second at most.
    ///
    /// # Errors
    ///
    /// No service is attached, or the group could not be left.
    pub async fn immediate_stop(&self) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.attached("stopping")?;
        state.tasks.shutdown().await;
        state.close(Some(LEAVE_WITHIN)).await
    }
}

#[cfg(test)]
impl Listener {
    /// The partitions of each member.
    pub(super) async fn assignments(&self) -> Vec<Vec<super::TopicPartition>> {
        self.state.lock().await.consumers.iter().map(Consumer::get_assignment).collect()
    }
}

impl State {
    fn attached(&self, doing: &str) -> Result<Arc<dyn Attached>, Error> {
        self.service.clone().ok_or_else(|| {
            Error::new(format!("A service must be attached before {doing} the listener"))
        })
    }

    async fn stop_gracefully(&mut self) -> Result<(), Error> {
        self.stop.send_replace(true);
        // A member that has panicked has ended too.
        while self.tasks.join_next().await.is_some() {}
        self.close(None).await
    }

    async fn close(&mut self, within: Option<Duration>) -> Result<(), Error> {
        let closing =
            self.consumers.drain(..).map(|consumer| async move { consumer.close(within).await });
        futures_util::future::join_all(closing).await.into_iter().collect()
    }
}

/// A service of any type.
trait Attached: Send + Sync {
    fn serve(self: Arc<Self>, member: Member) -> BoxFuture<'static, ()>;
}

struct Adapter<S>(Arc<S>);

impl<S: Service> Attached for Adapter<S> {
    fn serve(self: Arc<Self>, member: Member) -> BoxFuture<'static, ()> {
        member.serve(Arc::clone(&self.0)).boxed()
    }
}

/// A member of the group.
struct Member {
    consumer: Consumer,
    timeout: Duration,
    interval: Duration,
    stop: watch::Receiver<bool>,
}

impl Member {
    /// Polls until it is stopped, or cannot go on.
    async fn serve<S: Service>(mut self, service: Arc<S>) {
        let caller = Caller(self.consumer.clone());
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                // The sender may be gone with its listener.
                _ = self.stop.wait_for(|is_stopped| *is_stopped) => return,
                _ = ticks.tick() => {}
            }
            // A poll that has begun is not broken off: its records may count as processed.
            let goes_on = match self.consumer.poll::<S::Record>(self.timeout).await {
                Ok(records) if records.is_empty() => true,
                Ok(records) => deliver(&service, records, &caller).await,
                Err(error) => {
                    let passes = error.kind() != ErrorKind::Error || error.is_unavailable();
                    tell(&service, error, &caller).await && passes
                }
            };
            if !goes_on {
                if let Err(error) = self.consumer.close(None).await {
                    tracing::warn!(%error, "a listener has stopped, and could not leave its group");
                }
                return;
            }
        }
    }
}

/// Gives records to the service; `false` when the listener cannot go on.
async fn deliver<S: Service>(service: &Arc<S>, records: Vec<S::Record>, caller: &Caller) -> bool {
    let (called, by) = (Arc::clone(service), caller.clone());
    match call(async move { called.on_consumer_record(records, by).await }).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(error, "a service could not do its work");
            true
        }
        Err(panic) => {
            tell(service, Error::new(format!("The service panicked: {panic}")), caller).await
        }
    }
}

/// Tells the service of an error; `false` when that panics.
async fn tell<S: Service>(service: &Arc<S>, error: Error, caller: &Caller) -> bool {
    let (called, by) = (Arc::clone(service), caller.clone());
    match call(async move { called.on_error(error, by).await }).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(error, "a service could not handle an error");
            true
        }
        Err(panic) => {
            tracing::error!(%panic, "a service panicked with an error; its listener stops");
            false
        }
    }
}

/// A call of the service as a task of its own, so that its panics are seen; it ends with the caller.
async fn call(
    work: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Result<Result<(), Failure>, JoinError> {
    let mut task = JoinSet::new();
    task.spawn(work);
    task.join_next().await.expect("there is one task")
}
