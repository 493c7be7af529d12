//! One running JVM: a broker or `ZooKeeper`.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{LabError, guard};

/// A process that this lab started, in this process or in an earlier one.
#[derive(Debug)]
pub(crate) struct Jvm {
    pid: u32,
    /// There when this process is the parent and so has to reap it.
    child: Option<Child>,
    /// A part of the command line, which tells the process from a later one with its id.
    marker: String,
}

impl Jvm {
    /// Starts a JVM, which ends with this process unless it is `detached`.
    pub(crate) fn spawn(
        command: &mut Command,
        detached: bool,
        marker: &str,
    ) -> Result<Self, LabError> {
        let child = if detached { guard::spawn_detached(command)? } else { guard::spawn(command)? };
        Ok(Self { pid: child.id(), child: Some(child), marker: marker.to_owned() })
    }

    /// A JVM that an earlier process started.
    pub(crate) fn adopt(pid: u32, marker: &str) -> Self {
        Self { pid, child: None, marker: marker.to_owned() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        if let Some(child) = &mut self.child {
            return matches!(child.try_wait(), Ok(None));
        }
        let Some(pid) = self.rustix_pid() else { return false };
        if test_kill_process(pid).is_err() {
            return false;
        }
        // An empty command line is a zombie, or a process that is just replacing its image.
        match fs::read(format!("/proc/{}/cmdline", self.pid)) {
            Ok(line) if line.is_empty() => !self.is_zombie(),
            Ok(line) => contains(&line, self.marker.as_bytes()),
            // No /proc on this system.
            Err(_) => true,
        }
    }

    fn is_zombie(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|s| s.starts_with(" Z")))
    }

    /// Sends a signal; false when the process is gone.
    pub(crate) fn signal(&mut self, signal: Signal) -> bool {
        let Some(pid) = self.rustix_pid() else { return false };
        self.is_alive() && kill_process(pid, signal).is_ok()
    }

    /// Waits for the end of the process; false when it is still there after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }

    /// Kills the process, paused or not, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(10));
    }

    /// Asks the process to end and kills it when it has not after `limit`; false when it had to.
    pub(crate) fn terminate(&mut self, limit: Duration) -> bool {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        if self.wait(limit) {
            return true;
        }
        self.kill();
        false
    }

    fn rustix_pid(&self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }
}

/// How often the end of a process is looked for.
const POLL: Duration = Duration::from_millis(20);

fn contains(line: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && line.windows(part.len()).any(|window| window == part)
}
