//! A running cluster.

mod control;
mod folder;

pub use control::NodeStatus;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::java::JavaCommand;
use crate::jvm::Jvm;
use crate::kraft::{self, Format};
use crate::ports::{self, PortBlock};
use crate::properties::{self, Node};
use crate::state::State;
use crate::{
    Certificates, KafkaVersion, LabError, LabOptions, Listener, archive, artifacts, cache, java,
    probe, zookeeper,
};

/// The place of `ZooKeeper` among the nodes.
const ZOOKEEPER: u16 = 0;
/// How often a starting cluster is asked whether it is ready.
const POLL: Duration = Duration::from_millis(50);

/// A cluster of real Kafka brokers on 127.0.0.1.
///
/// Dropping it kills what it started, unless it was started
/// [detached](LabOptions::detached).
#[derive(Debug)]
pub struct Lab {
    version: KafkaVersion,
    folder: PathBuf,
    certificates: Certificates,
    settings: State,
    limit: Duration,
    processes: Mutex<BTreeMap<u16, Option<Jvm>>>,
    /// There until the lab is detached.
    block: Option<PortBlock>,
    detached: bool,
}

impl Lab {
    /// Starts a cluster and waits until every broker answers and knows all the others.
    ///
    /// # Errors
    ///
    /// When Java, Maven or openssl is missing, when the options make no sense, or when a broker
    /// does not come up; nothing is left running then.
    pub fn start(options: LabOptions) -> Result<Self, LabError> {
        let mut lab = Self::prepare(&options)?;
        let outcome = lab.start_all(&options);
        if let Err(error) = outcome {
            lab.stop(false)?;
            // The folder stays, because the error names logs in it.
            lab.detached = false;
            lab.block = None;
            return Err(error);
        }
        Ok(lab)
    }

    /// The lab that an earlier process started in a folder and detached.
    ///
    /// # Errors
    ///
    /// When the folder holds no lab.
    pub fn open(folder: &Path) -> Result<Self, LabError> {
        let folder = absolute(folder)?;
        let settings = State::load(&folder)?;
        let marker = marker(&folder);
        let processes = settings
            .processes
            .iter()
            .map(|(&node, &pid)| (node, pid.map(|pid| Jvm::adopt(pid, &marker))))
            .collect();
        Ok(Self {
            version: settings.version.parse()?,
            folder,
            certificates: Certificates::cached()?,
            settings,
            limit: Duration::from_secs(120),
            processes: Mutex::new(processes),
            block: None,
            detached: true,
        })
    }

    /// Takes ports, folder and certificates, and writes every file that the processes read.
    fn prepare(options: &LabOptions) -> Result<Self, LabError> {
        let version = options.version;
        if !(1..=ports::MOST_NODES).contains(&options.nodes) {
            let most = ports::MOST_NODES;
            return Err(LabError::Usage(format!("{} nodes; 1 to {most} can be", options.nodes)));
        }
        artifacts::fetch(version)?;
        let certificates = Certificates::cached()?;
        let earlier = match &options.folder {
            Some(folder) => folder::clean(&absolute(folder)?, options.keep)?,
            None => None,
        };
        let block = match options.base_port {
            Some(port) => PortBlock::take_at(port, options.nodes)?,
            None => PortBlock::take(options.nodes)?,
        };
        let folder = match &options.folder {
            Some(folder) => absolute(folder)?,
            None => {
                cache::remove_folder(block.folder())?;
                block.folder().to_owned()
            }
        };
        cache::create_folder(&folder)?;
        let settings = State {
            version: version.to_string(),
            nodes: options.nodes,
            base_port: block.base(),
            cluster_id: match earlier {
                Some(state) => state.cluster_id,
                None => kraft::random_id()?,
            },
            heap: options.heap.clone(),
            acl: options.acl,
            config: options.config.clone(),
            jvm: options.jvm.clone(),
            processes: BTreeMap::new(),
        };
        let lab = Self {
            version,
            folder,
            certificates,
            settings,
            limit: options.limit,
            processes: Mutex::default(),
            block: Some(block),
            detached: options.detached,
        };
        lab.write_files()?;
        Ok(lab)
    }

    fn write_files(&self) -> Result<(), LabError> {
        cache::write(&self.logging(), &java::logging_properties(self.version, "INFO"))?;
        for node in 1..=self.settings.nodes {
            cache::create_folder(&self.node_folder(node))?;
            let text = properties::text(&self.properties(node));
            cache::write(&self.node_folder(node).join("server.properties"), &text)?;
        }
        Ok(())
    }

    fn start_all(&mut self, options: &LabOptions) -> Result<(), LabError> {
        let nodes = 1..=self.settings.nodes;
        let is_fresh = !self.data(1).exists();
        if self.version.is_kraft() {
            if is_fresh {
                self.format(options)?;
            }
        } else {
            self.start_zookeeper()?;
            if is_fresh {
                zookeeper::add_users(self.port(1, Listener::Controller))?;
            }
        }
        for node in nodes.clone() {
            self.spawn_broker(node)?;
        }
        self.save()?;
        self.wait_until_ready(&nodes.collect::<Vec<_>>())?;
        if self.detached
            && let Some(block) = self.block.take()
        {
            block.hand_over(&self.folder)?;
        }
        Ok(())
    }

    fn format(&self, options: &LabOptions) -> Result<(), LabError> {
        let format = Format {
            version: self.version,
            properties: &self.properties(1),
            config: &options.config,
            features: &options.all_features(),
        };
        let template = format.template()?;
        for node in 1..=self.settings.nodes {
            kraft::copy(&template, &self.data(node), node, &self.settings.cluster_id)?;
        }
        Ok(())
    }

    fn start_zookeeper(&self) -> Result<(), LabError> {
        let home = self.folder.join("zookeeper");
        let port = self.port(1, Listener::Controller);
        let config = zookeeper::configure(&home, port)?;
        let logging = self.logging();
        let mut command = JavaCommand {
            version: self.version,
            main: "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            heap: "128m",
            // 3.4 asks for log4j's JMX classes, which reload4j has not.
            options: &["-Dzookeeper.jmx.log4j.disable=true".to_owned()],
            classes: None,
            logging: Some(&logging),
        }
        .build()?;
        command.arg(config);
        let log = home.join("zookeeper.log");
        let mut jvm = self.spawn(command, &log)?;
        let outcome = zookeeper::wait(&mut jvm, port, self.limit, &log);
        self.processes().insert(ZOOKEEPER, Some(jvm));
        outcome
    }

    fn spawn_broker(&self, node: u16) -> Result<(), LabError> {
        let home = self.node_folder(node);
        let mut options = self.settings.jvm.clone();
        options.extend(archive::options(self.version, &options)?);
        let logging = self.logging();
        let mut command = JavaCommand {
            version: self.version,
            main: "kafka.Kafka",
            heap: &self.settings.heap,
            options: &options,
            classes: None,
            logging: Some(&logging),
        }
        .build()?;
        command.arg(home.join("server.properties"));
        let jvm = self.spawn(command, &self.log(node))?;
        self.processes().insert(node, Some(jvm));
        Ok(())
    }

    fn spawn(&self, mut command: std::process::Command, log: &Path) -> Result<Jvm, LabError> {
        let context = || format!("cannot write {}", log.display());
        let out =
            File::options().create(true).append(true).open(log).map_err(LabError::io(context()))?;
        let err = out.try_clone().map_err(LabError::io(context()))?;
        command.stdout(out).stderr(err).current_dir(&self.folder);
        Jvm::spawn(&mut command, self.detached, &marker(&self.folder))
    }

    /// Waits until each of `nodes` listens on every port and names every live node.
    fn wait_until_ready(&self, nodes: &[u16]) -> Result<(), LabError> {
        let deadline = Instant::now() + self.limit;
        let mut waiting: BTreeSet<u16> = nodes.iter().copied().collect();
        loop {
            let mut alive = BTreeSet::new();
            for node in 1..=self.settings.nodes {
                if self.is_alive(node) {
                    alive.insert(i32::from(node));
                } else if waiting.contains(&node) {
                    let log = self.log(node);
                    let text = cache::read(&log)?;
                    let tail = java::end_of(&text).to_owned();
                    return Err(LabError::Died { node: format!("node {node}"), log, tail });
                }
            }
            waiting.retain(|&node| !self.is_ready(node, &alive));
            let Some(&node) = waiting.first() else { return Ok(()) };
            if Instant::now() > deadline {
                return Err(LabError::NotReady {
                    what: format!("node {node}"),
                    seconds: self.limit.as_secs(),
                    log: self.log(node),
                });
            }
            std::thread::sleep(POLL);
        }
    }

    fn is_ready(&self, node: u16, alive: &BTreeSet<i32>) -> bool {
        let address = self.address(node, Listener::Plaintext);
        let Ok(members) = probe::members(&address) else { return false };
        members.controller >= 0
            && alive.iter().all(|id| members.brokers.contains(id))
            && Listener::of_broker().all(|listener| probe::is_open(self.port(node, listener)))
    }

    /// The release that runs.
    #[must_use]
    pub fn version(&self) -> KafkaVersion {
        self.version
    }

    /// How many brokers the cluster has; they are numbered from 1.
    #[must_use]
    pub fn nodes(&self) -> u16 {
        self.settings.nodes
    }

    /// The folder with data, logs and state.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The id of the cluster; KRaft clusters alone have one that the lab chose.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        &self.settings.cluster_id
    }

    /// The certificates that the brokers show and trust.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The addresses of all brokers, as `bootstrap.servers` takes them.
    #[must_use]
    pub fn bootstrap(&self, listener: Listener) -> String {
        let all: Vec<String> =
            (1..=self.settings.nodes).map(|node| self.address(node, listener)).collect();
        all.join(",")
    }

    /// The address of one broker.
    #[must_use]
    pub fn address(&self, node: u16, listener: Listener) -> String {
        format!("127.0.0.1:{}", self.port(node, listener))
    }

    /// The address of `ZooKeeper`, which tools before 2.2 ask for; KRaft clusters have none.
    #[must_use]
    pub fn zookeeper(&self) -> Option<String> {
        (!self.version.is_kraft()).then(|| self.address(1, Listener::Controller))
    }

    /// The log of a broker.
    #[must_use]
    pub fn log(&self, node: u16) -> PathBuf {
        self.node_folder(node).join("server.log")
    }

    /// Runs one of Kafka's tools of this release to its end, and gives what it printed on stdout;
    /// see [`tools`](crate::tools) for the names.
    ///
    /// # Errors
    ///
    /// When the release has no such tool, or when the tool fails.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> Result<String, LabError> {
        crate::tools::run(self.version, name, arguments)
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<u16, Option<Jvm>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self) -> Result<(), LabError> {
        let processes = self.processes();
        let ids = processes.iter().map(|(&node, jvm)| (node, jvm.as_ref().map(Jvm::pid)));
        State { processes: ids.collect(), ..self.settings.clone() }.save(&self.folder)
    }

    fn properties(&self, node: u16) -> properties::Properties {
        Node {
            version: self.version,
            node,
            nodes: self.settings.nodes,
            base_port: self.settings.base_port,
            data: &self.data(node),
            certificates: &self.certificates,
            acl: self.settings.acl,
            config: &self.settings.config,
        }
        .properties()
    }

    fn port(&self, node: u16, listener: Listener) -> u16 {
        properties::port(self.settings.base_port, node, listener)
    }

    fn node_folder(&self, node: u16) -> PathBuf {
        self.folder.join(format!("node-{node}"))
    }

    fn data(&self, node: u16) -> PathBuf {
        self.node_folder(node).join("data")
    }

    fn logging(&self) -> PathBuf {
        self.folder.join("logging.properties")
    }
}

fn absolute(path: &Path) -> Result<PathBuf, LabError> {
    std::path::absolute(path).map_err(LabError::io(path.display().to_string()))
}

/// What the command line of every process of a lab holds, and of no other.
fn marker(folder: &Path) -> String {
    format!("{}/", folder.display())
}
