//! What a lab is started with.

use std::path::PathBuf;
use std::time::Duration;

use crate::KafkaVersion;

/// The choices of a [`Lab`](crate::Lab).
#[derive(Clone, Debug)]
pub struct LabOptions {
    pub(crate) version: KafkaVersion,
    pub(crate) nodes: u16,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) base_port: Option<u16>,
    pub(crate) heap: String,
    pub(crate) acl: bool,
    pub(crate) config: Vec<(String, String)>,
    pub(crate) features: Vec<String>,
    pub(crate) jvm: Vec<String>,
    pub(crate) keep: bool,
    pub(crate) detached: bool,
    pub(crate) limit: Duration,
}

impl LabOptions {
    /// One node of a release, in a folder and on ports that the lab picks, with 128 MiB of heap.
    #[must_use]
    pub fn new(version: KafkaVersion) -> Self {
        Self {
            version,
            nodes: 1,
            folder: None,
            base_port: None,
            heap: "128m".to_owned(),
            acl: false,
            config: Vec::new(),
            features: Vec::new(),
            jvm: Vec::new(),
            keep: false,
            detached: false,
            limit: Duration::from_secs(120),
        }
    }

    /// How many brokers, 1 to 10. With three or more, topics have three replicas by default and
    /// two of them must be in sync.
    #[must_use]
    pub fn nodes(mut self, nodes: u16) -> Self {
        self.nodes = nodes;
        self
    }

    /// The folder for data, logs and state; it stays when the lab ends.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The first port of node 1; each further node begins ten ports later.
    #[must_use]
    pub fn base_port(mut self, port: u16) -> Self {
        self.base_port = Some(port);
        self
    }

    /// The most heap of a broker, as Java's `-Xmx` takes it.
    #[must_use]
    pub fn heap(mut self, heap: impl Into<String>) -> Self {
        self.heap = heap.into();
        self
    }

    /// Runs Kafka's authorizer: who has no ACL may do nothing, save the super user `admin`.
    #[must_use]
    pub fn acl(mut self) -> Self {
        self.acl = true;
        self
    }

    /// Sets a property of every broker, over what the lab sets.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((name.into(), value.into()));
        self
    }

    /// Finalizes a feature at a level when the cluster is formatted (KRaft): `NAME=LEVEL`.
    #[must_use]
    pub fn feature(mut self, feature: impl Into<String>) -> Self {
        self.features.push(feature.into());
        self
    }

    /// Adds an option of the brokers' JVMs.
    #[must_use]
    pub fn jvm(mut self, option: impl Into<String>) -> Self {
        self.jvm.push(option.into());
        self
    }

    /// Goes on with the data that an earlier lab left in the folder.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.keep = true;
        self
    }

    /// Starts brokers that go on when the lab is dropped and when this process ends;
    /// [`Lab::open`](crate::Lab::open) finds them again by the folder.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// How long the start may take.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The features that a release has and does not finalize by itself.
    pub(crate) fn all_features(&self) -> Vec<String> {
        let mut features = self.features.clone();
        let is_set = features.iter().any(|feature| feature.starts_with("share.version="));
        if self.version.is_release_of(4, 1) && !is_set {
            features.push("share.version=1".to_owned());
        }
        features
    }
}
