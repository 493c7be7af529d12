//! The pool.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use milena_core::BrokerId;
use milena_core::backoff::Jitter;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::first::first_to_connect;
use super::outages::Outages;
use super::purpose::Purpose;
use super::slot::{Attempt, Outcome, Slot};
use crate::config::{ConnectionConfig, DnsLookup, HostPort};
use crate::connection::{Connection, Dial, FrameShelf, connect};
use crate::counters::{ConnectionCounts, Counters};
use crate::error::{ConnectError, ConnectErrorKind};
use crate::{canonical, random};

/// Settings of a pool.
#[derive(Clone, Debug, Default)]
pub struct BrokerPoolConfig {
    /// Settings of each connection.
    pub connection: ConnectionConfig,
    /// Where to begin (`bootstrap.servers`).
    pub bootstrap_servers: Vec<HostPort>,
}

/// The connections to the brokers of a cluster. A cheap clone; all clones are the same pool.
///
/// Brokers are known by what [`BrokerPool::set_brokers`] says; until then there are the bootstrap
/// servers. All methods that connect must be called within a tokio runtime.
#[derive(Clone)]
pub struct BrokerPool {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<ConnectionConfig>,
    bootstrap_servers: Vec<HostPort>,
    counters: Arc<Counters>,
    shelf: Arc<FrameShelf>,
    state: Mutex<State>,
}

/// Which connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Broker(BrokerId, Purpose),
    Bootstrap { host: String, port: u16 },
}

#[derive(Debug)]
struct State {
    brokers: BTreeMap<BrokerId, HostPort>,
    slots: BTreeMap<Key, Slot>,
    outages: Outages,
    jitter: Jitter,
    is_closed: bool,
}

impl BrokerPool {
    /// A pool without connections.
    #[must_use]
    pub fn new(config: BrokerPoolConfig) -> Self {
        let state = State {
            brokers: BTreeMap::new(),
            slots: BTreeMap::new(),
            outages: Outages::default(),
            jitter: random::jitter(),
            is_closed: false,
        };
        Self {
            inner: Arc::new(Inner {
                config: Arc::new(config.connection),
                bootstrap_servers: config.bootstrap_servers,
                counters: Arc::default(),
                shelf: Arc::default(),
                state: Mutex::new(state),
            }),
        }
    }

    /// Sets which brokers there are. Connections to brokers that are gone or have moved are given
    /// up; requests that are under way on them are still answered.
    pub fn set_brokers(&self, brokers: impl IntoIterator<Item = (BrokerId, HostPort)>) {
        let mut state = self.inner.state.lock();
        if state.is_closed {
            return;
        }
        let brokers: BTreeMap<BrokerId, HostPort> = brokers.into_iter().collect();
        let before = std::mem::replace(&mut state.brokers, brokers);
        let State { brokers, slots, outages, .. } = &mut *state;
        slots.retain(|key, _| match key {
            Key::Broker(id, _) => brokers.contains_key(id) && brokers.get(id) == before.get(id),
            Key::Bootstrap { .. } => true,
        });
        adopt_bootstrap_connections(brokers, slots);
        let known: Vec<String> = brokers
            .values()
            .chain(&self.inner.bootstrap_servers)
            .map(ToString::to_string)
            .collect();
        outages.retain(|address| known.iter().any(|known| known == address));
    }

    /// Adds a broker that a response named before the metadata knew it, or that has moved.
    pub fn add_broker(&self, broker: BrokerId, address: HostPort) {
        let mut state = self.inner.state.lock();
        if state.is_closed || state.brokers.get(&broker) == Some(&address) {
            return;
        }
        state.brokers.insert(broker, address);
        state.slots.retain(|key, _| !matches!(key, Key::Broker(id, _) if *id == broker));
    }

    /// The connection to a broker for a purpose; makes it if there is none.
    ///
    /// Waits for the pause after failed attempts, and then makes one attempt, which all callers
    /// share. Cancel safe: the attempt goes on, and what it brings is there for the next caller.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: the broker is unknown, or the attempt failed.
    pub async fn connection(
        &self,
        broker: BrokerId,
        purpose: Purpose,
    ) -> Result<Connection, ConnectError> {
        let key = Key::Broker(broker, purpose);
        loop {
            let mut outcome = {
                let mut state = self.inner.state.lock();
                if let Some(connection) = state.slots.get(&key).and_then(Slot::connection) {
                    return Ok(connection.clone());
                }
                let Some(address) = state.brokers.get(&broker).cloned() else {
                    let kind = ConnectErrorKind::UnknownBroker(broker);
                    return Err(closed_or(&state, kind));
                };
                match self.existing_or_attempt(&mut state, key.clone(), address)? {
                    Ok(connection) => return Ok(connection),
                    Err(outcome) => outcome,
                }
            };
            // An error means that the attempt was given up because the broker has moved.
            if let Ok(outcome) = outcome.wait_for(Option::is_some).await
                && let Some(outcome) = outcome.clone()
            {
                return outcome;
            }
        }
    }

    /// The connection to a broker for a purpose, if there is one.
    #[must_use]
    pub fn connected(&self, broker: BrokerId, purpose: Purpose) -> Option<Connection> {
        let state = self.inner.state.lock();
        state.slots.get(&Key::Broker(broker, purpose)).and_then(Slot::connection).cloned()
    }

    /// A connection to any bootstrap server; they are tried in random order, those that failed
    /// lately last, and the next one also when one does not answer for a while.
    ///
    /// # Errors
    ///
    /// No bootstrap server could be reached; the error that says most. An error of authentication
    /// is returned at once, because the other servers would say the same.
    pub async fn bootstrap(&self) -> Result<Connection, ConnectError> {
        let servers = match self.inner.config.dns_lookup {
            DnsLookup::UseAllDnsIps => self.inner.bootstrap_servers.clone(),
            DnsLookup::ResolveCanonicalBootstrapServersOnly => {
                canonical::names(&self.inner.bootstrap_servers).await
            }
        };
        let attempts = self.in_random_order(servers, Clone::clone).into_iter().map(|server| {
            let pool = self.clone();
            async move { pool.bootstrap_server(&server).await }
        });
        first_to_connect(attempts).await.unwrap_or_else(|| {
            Err(ConnectError::new("bootstrap.servers", ConnectErrorKind::NoBootstrapServer))
        })
    }

    async fn bootstrap_server(&self, server: &HostPort) -> Result<Connection, ConnectError> {
        let key = Key::Bootstrap { host: server.host.clone(), port: server.port };
        let mut outcome = {
            let mut state = self.inner.state.lock();
            match self.existing_or_attempt(&mut state, key, server.clone())? {
                Ok(connection) => return Ok(connection),
                Err(outcome) => outcome,
            }
        };
        let outcome = outcome.wait_for(Option::is_some).await.ok().and_then(|o| o.clone());
        outcome.unwrap_or_else(|| Err(ConnectError::new(server, ConnectErrorKind::Closed)))
    }

    /// A connection for short requests to any known broker: one that is there, or else the first
    /// that can be made, in random order.
    ///
    /// # Errors
    ///
    /// No broker is known or none can be reached; the error that says most.
    pub async fn any(&self) -> Result<Connection, ConnectError> {
        if let Some(connection) = self.any_connected() {
            return Ok(connection);
        }
        let brokers: Vec<(BrokerId, HostPort)> = {
            let state = self.inner.state.lock();
            state.brokers.iter().map(|(id, address)| (*id, address.clone())).collect()
        };
        let brokers = self.in_random_order(brokers, |(_, address)| address.clone());
        let attempts = brokers.into_iter().map(|(broker, _)| {
            let pool = self.clone();
            async move { pool.connection(broker, Purpose::Control).await }
        });
        first_to_connect(attempts).await.unwrap_or_else(|| {
            Err(ConnectError::new("the cluster", ConnectErrorKind::NoBootstrapServer))
        })
    }

    /// A connection for short requests that is there and not muted by the broker.
    #[must_use]
    pub fn any_connected(&self) -> Option<Connection> {
        let mut state = self.inner.state.lock();
        let mut found: Vec<Connection> = state
            .slots
            .iter()
            .filter(|(key, _)| {
                matches!(key, Key::Broker(_, Purpose::Control) | Key::Bootstrap { .. })
            })
            .filter_map(|(_, slot)| slot.connection())
            .filter(|connection| connection.throttled_until().is_none())
            .cloned()
            .collect();
        let chosen = state.jitter.below(found.len());
        (!found.is_empty()).then(|| found.swap_remove(chosen))
    }

    /// How many connections the pool has; ones that it gave up may be open a while longer.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inner.state.lock().slots.values().filter_map(Slot::connection).count()
    }

    /// The newest failure of each broker that cannot be used: no connection can be made, or it ends
    /// before the broker has answered anything but ApiVersions.
    #[must_use]
    pub fn outages(&self) -> Vec<ConnectError> {
        let mut state = self.inner.state.lock();
        self.inner.settle(&mut state);
        state.outages.errors()
    }

    /// What its connections did.
    #[must_use]
    pub fn counts(&self) -> ConnectionCounts {
        self.inner.counters.counts()
    }

    /// Gives all connections up. Requests that are under way are still answered; new ones fail.
    pub fn close(&self) {
        let mut state = self.inner.state.lock();
        state.is_closed = true;
        state.slots.clear();
        state.brokers.clear();
    }

    /// The live connection of a slot, or the attempt to make one, which begins if need be.
    fn existing_or_attempt(
        &self,
        state: &mut State,
        key: Key,
        address: HostPort,
    ) -> Result<Result<Connection, watch::Receiver<Outcome>>, ConnectError> {
        if state.is_closed {
            return Err(ConnectError::new(&address, ConnectErrorKind::Closed));
        }
        match state.slots.get(&key) {
            Some(Slot::Connecting(attempt)) => return Ok(Err(attempt.outcome.clone())),
            Some(Slot::Connected(connection)) if !connection.is_closed() => {
                return Ok(Ok(connection.clone()));
            }
            Some(Slot::Connected(_)) | None => {}
        }
        self.inner.settle(state);
        let attempt = self.begin_attempt(state, key.clone(), address);
        let outcome = attempt.outcome.clone();
        state.slots.insert(key, Slot::Connecting(attempt));
        Ok(Err(outcome))
    }

    fn begin_attempt(&self, state: &mut State, key: Key, address: HostPort) -> Attempt {
        let failures = state.outages.failures(&address.to_string());
        let count = failures.map_or(0, |failures| failures.count);
        let random = state.jitter.next_u64();
        let setup = self.inner.config.connection_setup_timeout;
        // The first attempt has exactly the configured time (KIP-601).
        let timeout = if count == 0 { setup.unspread(1) } else { setup.delay(count + 1, random) };
        let (sender, outcome) = watch::channel(None);
        let pool = Arc::downgrade(&self.inner);
        let config = Arc::clone(&self.inner.config);
        let counters = Arc::clone(&self.inner.counters);
        let shelf = Arc::clone(&self.inner.shelf);
        let task = tokio::spawn(async move {
            if let Some(failures) = failures {
                tokio::time::sleep_until(failures.next_attempt_at).await;
            }
            let dial = Dial { target: address, timeout, counters, shelf };
            let result = connect(&config, &dial).await;
            note_outcome(&pool, key, &dial.target, &result);
            sender.send_replace(Some(result));
        });
        Attempt { outcome, task: task.abort_handle() }
    }

    /// Items in random order; those whose address is paused come last.
    fn in_random_order<T>(&self, mut items: Vec<T>, address: impl Fn(&T) -> HostPort) -> Vec<T> {
        let now = Instant::now();
        let mut state = self.inner.state.lock();
        state.jitter.shuffle(&mut items);
        items.sort_by_key(|item| {
            let failures = state.outages.failures(&address(item).to_string());
            failures.map(|failures| failures.next_attempt_at).filter(|at| *at > now)
        });
        items
    }
}

impl Inner {
    /// Looks what became of the connections that were made.
    fn settle(&self, state: &mut State) {
        let State { outages, jitter, .. } = state;
        let pause = |count| self.config.reconnect_backoff.delay(count, jitter.next_u64());
        outages.settle(Instant::now(), pause);
    }
}

/// A bootstrap connection that goes to the advertised address of a broker serves as the
/// broker's; the others are not needed once the brokers are known.
fn adopt_bootstrap_connections(
    brokers: &BTreeMap<BrokerId, HostPort>,
    slots: &mut BTreeMap<Key, Slot>,
) {
    let all = std::mem::take(slots);
    let (bootstrap, mut kept): (BTreeMap<Key, Slot>, BTreeMap<Key, Slot>) =
        all.into_iter().partition(|(key, slot)| {
            matches!(key, Key::Bootstrap { .. }) && slot.connection().is_some()
        });
    for slot in bootstrap.into_values() {
        let target = slot.connection().map(Connection::target);
        let broker = brokers.iter().find(|(_, address)| Some(*address) == target);
        if let Some((id, _)) = broker {
            kept.entry(Key::Broker(*id, Purpose::Control)).or_insert(slot);
        }
    }
    *slots = kept;
}

/// Puts what an attempt came to into the pool.
fn note_outcome(
    pool: &Weak<Inner>,
    key: Key,
    address: &HostPort,
    result: &Result<Connection, ConnectError>,
) {
    let Some(pool) = pool.upgrade() else { return };
    let mut state = pool.state.lock();
    let is_wanted = match &key {
        // The broker may have moved since.
        Key::Broker(id, _) => state.brokers.get(id) == Some(address),
        Key::Bootstrap { .. } => !state.is_closed,
    };
    let address = address.to_string();
    match result {
        Ok(connection) => {
            pool.settle(&mut state);
            state.outages.handle_connected(&address, connection.liveness(), Instant::now());
            if is_wanted {
                state.slots.insert(key, Slot::Connected(connection.clone()));
            }
        }
        Err(error) => {
            pool.settle(&mut state);
            let random = state.jitter.next_u64();
            let pause = |count| pool.config.reconnect_backoff.delay(count, random);
            state.outages.handle_failed(&address, error, Instant::now(), pause);
            if is_wanted {
                state.slots.remove(&key);
            }
        }
    }
}

fn closed_or(state: &State, kind: ConnectErrorKind) -> ConnectError {
    let kind = if state.is_closed { ConnectErrorKind::Closed } else { kind };
    ConnectError::new("the cluster", kind)
}

impl fmt::Debug for BrokerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerPool")
            .field("bootstrap_servers", &self.inner.bootstrap_servers)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
