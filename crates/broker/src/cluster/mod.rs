//! What all nodes of a broker share: topics, groups, transactions, faults, the data directory.
//!
//! Lock order: `topics` before a partition; `nodes` before `topics`; `journal` last. No lock is
//! held across an await.

mod coordinators;
mod durable;
mod elections;
mod endings;
mod nodes;
mod partition;
mod topic;
mod topics;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use milena_wire::{ByteString, Uuid};
use parking_lot::{Mutex, RwLock};

pub(crate) use coordinators::CoordinatorKind;
pub(crate) use nodes::{Endpoint, Node};
pub(crate) use partition::{Leadership, Partition, PartitionState};
pub(crate) use topic::Topic;
pub(crate) use topics::{NewTopic, TopicProblem, Topics};

use crate::error::StartError;
use crate::fault::Faults;
use crate::fetch_session::FetchSessions;
use crate::group_driver::Groups;
use crate::settings::Settings;
use crate::storage::Journal;
use crate::transaction::Transactions;

/// Producer ids are noted on disk in blocks of this size.
const PRODUCER_ID_BLOCK: i64 = 1000;

/// The shared state of a broker.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) settings: Settings,
    pub(crate) cluster_id: ByteString,
    pub(crate) topics: RwLock<Topics>,
    pub(crate) nodes: RwLock<Vec<Node>>,
    pub(crate) groups: Groups,
    pub(crate) transactions: Mutex<Transactions>,
    pub(crate) faults: Faults,
    /// Fetch sessions by node, in the order of node ids.
    pub(crate) fetch_sessions: Vec<Mutex<FetchSessions>>,
    /// Coordinators that were moved by command, by kind and key.
    coordinators: RwLock<BTreeMap<(CoordinatorKind, String), i32>>,
    producer_ids: Mutex<ProducerIds>,
    journal: Option<Mutex<Journal>>,
}

#[derive(Debug, Default)]
struct ProducerIds {
    next: i64,
    /// First id that is not covered by what the journal says.
    reserved_until: i64,
}

impl Cluster {
    /// A cluster whose nodes do not listen yet; reads the data directory if there is one.
    pub(crate) fn open(settings: Settings) -> Result<Self, StartError> {
        let node_count = settings.node_count;
        let nodes = (1..=node_count).map(Node::new).collect();
        let mut cluster = Self {
            cluster_id: ByteString::from(random_uuid().to_string()),
            topics: RwLock::default(),
            nodes: RwLock::new(nodes),
            groups: Groups::new(settings.groups.clone()),
            transactions: Mutex::default(),
            faults: Faults::default(),
            fetch_sessions: (0..node_count).map(|_| Mutex::default()).collect(),
            coordinators: RwLock::default(),
            producer_ids: Mutex::default(),
            journal: None,
            settings,
        };
        if let Some(directory) = cluster.settings.data_dir.clone() {
            cluster.recover(&directory)?;
        }
        Ok(cluster)
    }

    /// A producer id that no other producer has had.
    pub(crate) fn next_producer_id(&self) -> i64 {
        let mut ids = self.producer_ids.lock();
        let id = ids.next;
        ids.next += 1;
        if ids.next > ids.reserved_until {
            ids.reserved_until = ids.next + PRODUCER_ID_BLOCK;
            let reserved = ids.reserved_until;
            self.journal(|journal| journal.next_producer_id(reserved));
        }
        id
    }

    /// Writes to the journal, if the broker keeps one. A failure is reported and does not stop the broker.
    pub(crate) fn journal(&self, write: impl FnOnce(&mut Journal) -> std::io::Result<()>) {
        if let Some(journal) = &self.journal
            && let Err(error) = write(&mut journal.lock())
        {
            tracing::error!(%error, "cannot write the journal of the data directory");
        }
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.journal.is_some()
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// 128 random bits from the operating system.
pub(crate) fn random_u128() -> u128 {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Ids have to differ, not to be secret: the clock and an address do when there is no entropy.
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        return nanos ^ (std::ptr::from_ref(&bytes).addr() as u128) << 64;
    }
    u128::from_be_bytes(bytes)
}

/// A random id that is not one of Kafka's reserved ones.
pub(crate) fn random_uuid() -> Uuid {
    Uuid((random_u128() | 1 << 127).to_be_bytes())
}
