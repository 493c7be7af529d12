//! What can be done to the nodes of a running cluster, and what they are doing.

use std::time::Duration;

use rustix::process::Signal;

use super::{Lab, ZOOKEEPER};
use crate::LabError;
use crate::jvm::Jvm;

/// How long a broker may take to end by itself.
const SHUTDOWN: Duration = Duration::from_secs(30);

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

    pub(super) fn is_alive(&self, node: u16) -> bool {
        self.processes().get_mut(&node).and_then(Option::as_mut).is_some_and(Jvm::is_alive)
    }
}

/// The resident memory of a process, where the system has /proc.
fn resident_mib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}
