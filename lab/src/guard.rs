//! The watch over this process: when it ends, however it ends, everything it started ends.
//!
//! The watch is a shell that waits for the end of a pipe whose other end only this process holds,
//! and then kills its own process group. Every JVM is started into that group, so nothing has to
//! be told to the watch, and there is no moment at which a JVM runs unwatched. A pipe ends with
//! the process even after SIGKILL, which no destructor and no exit handler would see; and SIGKILL
//! to the group reaches paused nodes too.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::LabError;

/// Waits for the end of its input and kills its group, itself included. Signals that a terminal
/// sends to end this process must not end the watch before it has done its work.
const SCRIPT: &str = "trap '' HUP INT QUIT TERM; read -r _; kill -KILL 0";

/// The shell of this process; it is left alone until the process ends.
static WATCH: Mutex<Option<Child>> = Mutex::new(None);

/// Starts a command as a process that ends with this one.
///
/// # Errors
///
/// When the watch or the command cannot be started.
pub fn spawn(command: &mut Command) -> Result<Child, LabError> {
    let what = command.get_program().to_string_lossy().into_owned();
    let mut watch = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
    let running =
        watch.as_mut().and_then(|shell| matches!(shell.try_wait(), Ok(None)).then(|| shell.id()));
    let group = match running {
        Some(group) => group,
        None => watch.insert(start_watch().map_err(LabError::io("cannot start sh"))?).id(),
    };
    spawn_in_group(command, group).map_err(LabError::not_started(
        &what,
        crate::java::JDK,
        "run Apache Kafka",
    ))
}

/// Starts a command as a process that outlives this one and its terminal's signals.
///
/// # Errors
///
/// When the command cannot be started.
pub fn spawn_detached(command: &mut Command) -> Result<Child, LabError> {
    let what = command.get_program().to_string_lossy().into_owned();
    spawn_in_group(command, 0).map_err(LabError::not_started(
        &what,
        crate::java::JDK,
        "run Apache Kafka",
    ))
}

fn start_watch() -> io::Result<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    spawn_in_group(&mut shell, 0)
}

/// Starts a command in a process group; group 0 is a new one that the process leads.
fn spawn_in_group(command: &mut Command, group: u32) -> io::Result<Child> {
    let group = i32::try_from(group).map_err(io::Error::other)?;
    command.process_group(group).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watch_kills_its_whole_group_when_the_pipe_ends() {
        let mut shell = start_watch().unwrap();
        let mut watched = Command::new("sleep");
        watched.arg("600").stdin(Stdio::null());
        let mut watched = spawn_in_group(&mut watched, shell.id()).unwrap();
        assert!(watched.try_wait().unwrap().is_none());
        drop(shell.stdin.take());
        let killed = |status: std::process::ExitStatus| {
            use std::os::unix::process::ExitStatusExt as _;
            status.signal() == Some(9)
        };
        assert!(killed(watched.wait().unwrap()));
        assert!(killed(shell.wait().unwrap()));
    }
}
