//! A running cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;

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
/// How long a broker may take to end by itself.
const SHUTDOWN: Duration = Duration::from_secs(30);

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

/// What a node does at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Such as `node 2` or `ZooKeeper`.
    pub name: String,
    /// The process, when it is alive.
    pub pid: Option<u32>,
    /// The memory it holds in MiB, where the system tells.
    pub resident_mib: Option<u64>,
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
            lab.detached = false;
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
            Some(folder) => clean_folder(&absolute(folder)?, options.keep)?,
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

    /// Kills a broker at once (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn kill(&self, node: u16) -> Result<(), LabError> {
        self.with_running(node, Jvm::kill)?;
        self.processes().insert(node, None);
        self.save()
    }

    /// Has a broker shut down in order (SIGTERM) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn terminate(&self, node: u16) -> Result<(), LabError> {
        self.with_running(node, |jvm| {
            jvm.terminate(SHUTDOWN);
        })?;
        self.processes().insert(node, None);
        self.save()
    }

    /// Stops a broker's execution (SIGSTOP): its connections stay and nothing answers.
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn pause(&self, node: u16) -> Result<(), LabError> {
        self.with_running(node, |jvm| {
            jvm.signal(Signal::STOP);
        })
    }

    /// Lets a paused broker go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// When it is not running.
    pub fn resume(&self, node: u16) -> Result<(), LabError> {
        self.with_running(node, |jvm| {
            jvm.signal(Signal::CONT);
        })
    }

    /// Starts a broker again with its data, after shutting it down if it runs, and waits until it
    /// answers and knows the other live ones.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn restart(&self, node: u16) -> Result<(), LabError> {
        self.start_again(node)?;
        self.wait_until_ready(&[node])
    }

    /// As [`restart`](Self::restart), without the wait.
    ///
    /// # Errors
    ///
    /// When the node does not exist or Java cannot be started.
    pub fn start_again(&self, node: u16) -> Result<(), LabError> {
        self.check_node(node)?;
        if let Some(mut jvm) = self.processes().insert(node, None).flatten() {
            jvm.terminate(SHUTDOWN);
        }
        self.spawn_broker(node)?;
        self.save()
    }

    /// Waits until a broker answers and names every live one.
    ///
    /// # Errors
    ///
    /// When it ends, or does not answer in time.
    pub fn wait_for(&self, node: u16) -> Result<(), LabError> {
        self.check_node(node)?;
        self.wait_until_ready(&[node])
    }

    /// Ends every process: in order with `gently`, else at once. `ZooKeeper` is always killed.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn stop(&self, gently: bool) -> Result<(), LabError> {
        let mut processes = std::mem::take(&mut *self.processes());
        let mut keeper = processes.remove(&ZOOKEEPER).flatten();
        let mut brokers: Vec<Jvm> = processes.into_values().flatten().collect();
        for jvm in &mut brokers {
            jvm.signal(Signal::CONT);
            jvm.signal(if gently { Signal::TERM } else { Signal::KILL });
        }
        for jvm in &mut brokers {
            if !jvm.wait(SHUTDOWN) {
                jvm.kill();
            }
        }
        if let Some(jvm) = &mut keeper {
            jvm.kill();
        }
        self.save()
    }

    /// What every process of the cluster does.
    #[must_use]
    pub fn status(&self) -> Vec<NodeStatus> {
        let mut processes = self.processes();
        let name = |node: u16| match node {
            ZOOKEEPER => "ZooKeeper".to_owned(),
            _ => format!("node {node}"),
        };
        processes
            .iter_mut()
            .map(|(&node, jvm)| {
                let pid = jvm.as_mut().and_then(|jvm| jvm.is_alive().then(|| jvm.pid()));
                NodeStatus { name: name(node), pid, resident_mib: pid.and_then(resident_mib) }
            })
            .collect()
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

    fn with_running(&self, node: u16, act: impl FnOnce(&mut Jvm)) -> Result<(), LabError> {
        self.check_node(node)?;
        let mut processes = self.processes();
        if let Some(jvm) = processes.get_mut(&node).and_then(Option::as_mut)
            && jvm.is_alive()
        {
            act(jvm);
            return Ok(());
        }
        Err(LabError::Usage(format!("node {node} is not running")))
    }

    fn check_node(&self, node: u16) -> Result<(), LabError> {
        if (1..=self.settings.nodes).contains(&node) {
            return Ok(());
        }
        let nodes = self.settings.nodes;
        Err(LabError::Usage(format!("there is no node {node}: the cluster has 1 to {nodes}")))
    }

    fn is_alive(&self, node: u16) -> bool {
        self.processes().get_mut(&node).and_then(Option::as_mut).is_some_and(Jvm::is_alive)
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

impl Drop for Lab {
    fn drop(&mut self) {
        if self.detached {
            return;
        }
        if let Err(error) = self.stop(false) {
            eprintln!("kafka-lab: {error}");
        }
        // A folder that the lab picked itself goes with it, unless a failure has to be looked at.
        let Some(block) = self.block.as_ref().filter(|block| block.folder() == self.folder) else {
            return;
        };
        if std::thread::panicking() {
            let failed = block.folder().with_extension("failed");
            let kept = cache::remove_folder(&failed)
                .and_then(|()| std::fs::rename(&self.folder, &failed).map_err(LabError::io("")));
            if kept.is_ok() {
                eprintln!("kafka-lab: the logs of the cluster are in {}", failed.display());
            }
        } else if let Err(error) = cache::remove_folder(&self.folder) {
            eprintln!("kafka-lab: {error}");
        }
    }
}

/// Makes room in a folder that the caller chose: it has to be empty, or a lab that is stopped.
/// Gives the state of the lab whose data stays.
fn clean_folder(folder: &Path, keep: bool) -> Result<Option<State>, LabError> {
    if !folder.exists() {
        return Ok(None);
    }
    let shown = folder.display();
    let Ok(state) = State::load(folder) else {
        let is_empty = folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        return match is_empty {
            true => Ok(None),
            false => Err(LabError::Usage(format!("{shown} is neither empty nor a lab"))),
        };
    };
    let lab = Lab::open(folder)?;
    if lab.status().iter().any(|node| node.pid.is_some()) {
        return Err(LabError::Usage(format!("the lab in {shown} is running: stop it first")));
    }
    if keep {
        return Ok(Some(state));
    }
    cache::remove_folder(folder)?;
    Ok(None)
}

fn absolute(path: &Path) -> Result<PathBuf, LabError> {
    std::path::absolute(path).map_err(LabError::io(path.display().to_string()))
}

/// What the command line of every process of a lab holds, and of no other.
fn marker(folder: &Path) -> String {
    format!("{}/", folder.display())
}

/// The resident memory of a process, where the system has /proc.
fn resident_mib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}
