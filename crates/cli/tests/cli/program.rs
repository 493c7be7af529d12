//! Runs the program and looks at what it says.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use milena_broker::{Broker, BrokerBuilder};
use serde_json::Value;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder with a `flow.toml`.
pub(crate) fn flow_folder(flow: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flow.toml"), flow).unwrap();
    folder
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The lines of the output as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The results of Produce actions.
    pub(crate) fn results(&self) -> Vec<Value> {
        self.json().into_iter().filter(|line| line.get("baseOffset").is_some()).collect()
    }

    /// The records of Consume triggers.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.json().into_iter().filter(|line| line.get("value").is_some()).collect()
    }

    /// The last line of standard error.
    pub(crate) fn last_error(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// The program while it runs; ended when dropped.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Lines,
    errors: Lines,
}

/// Lines that come while the program runs.
struct Lines {
    receiver: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn read(from: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        let lines = BufReader::new(from).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { receiver, seen: Vec::new() }
    }

    fn wait_for(&mut self, needle: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.seen.iter().filter(|line| line.contains(needle)).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.receiver.recv_timeout(left);
            self.seen.push(line.unwrap_or_else(|_| panic!("only {:?}", self.seen)));
        }
    }

    /// All lines to the end.
    fn text(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{:?}", self.seen),
            }
        }
        self.seen.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

impl Program {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with_errors(folder, arguments, Stdio::piped())
    }

    /// As [`start`](Self::start) with a place for standard error, which is not read then.
    pub(crate) fn start_with_errors(folder: &Path, arguments: &[&str], errors: Stdio) -> Self {
        Self::spawn(folder, arguments, Stdio::piped(), errors)
    }

    /// As [`start`](Self::start), and nobody reads the output: as `| head -0` does.
    pub(crate) fn start_unread(folder: &Path, arguments: &[&str]) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Self::spawn(folder, arguments, writer.into(), Stdio::piped())
    }

    fn spawn(folder: &Path, arguments: &[&str], output: Stdio, errors: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_milena"))
            .args(arguments)
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap();
        let output = match child.stdout.take() {
            Some(output) => Lines::read(output),
            None => Lines::read(std::io::empty()),
        };
        let errors = match child.stderr.take() {
            Some(errors) => Lines::read(errors),
            None => Lines::read(std::io::empty()),
        };
        let stdin = child.stdin.take();
        Self { child, stdin, output, errors }
    }

    /// Writes to standard input.
    pub(crate) fn write(&mut self, text: &str) {
        // A program that has ended already reads nothing more, which its exit code explains.
        let _ = self.stdin.as_mut().unwrap().write_all(text.as_bytes());
    }

    /// Waits until so many lines of output have this in them.
    pub(crate) fn wait_for_lines(&mut self, needle: &str, count: usize) {
        self.output.wait_for(needle, count);
    }

    /// The first line of output.
    pub(crate) fn first_line(&mut self) -> String {
        self.output.wait_for("", 1);
        self.output.seen[0].clone()
    }

    /// What a field of the events of this name adds up to, as far as they have been waited for.
    #[cfg(unix)]
    pub(crate) fn sum(&self, name: &str, field: &str) -> i64 {
        let events = self.output.seen.iter().map(|line| serde_json::from_str(line).unwrap());
        events
            .filter(|event: &Value| event["name"] == name)
            .map(|e| e[field].as_i64().unwrap())
            .sum()
    }

    /// Waits until a line of standard error has this in it.
    pub(crate) fn wait_for_error(&mut self, needle: &str) {
        self.errors.wait_for(needle, 1);
    }

    /// Sends SIGINT, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// The most memory that was resident so far, in KiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_kib_max(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Writes this to standard input, closes it and waits for the end.
    pub(crate) fn end_with(mut self, input: &str) -> Ended {
        self.write(input);
        self.end()
    }

    /// Closes standard input and waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.stdin.take());
        self.wait()
    }

    /// Ends the program, whatever it does; gives what it said on standard error.
    pub(crate) fn stop(mut self) -> String {
        self.child.kill().unwrap();
        self.wait().stderr
    }

    /// Waits for the end while standard input stays open.
    pub(crate) fn wait(&mut self) -> Ended {
        let stdout = self.output.text();
        let stderr = self.errors.text();
        let code = self.child.wait().unwrap().code();
        Ended { code, stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end with this standard input.
pub(crate) fn run(folder: &Path, arguments: &[&str], input: &str) -> Ended {
    Program::start(folder, arguments).end_with(input)
}

/// A broker of the test's own, and the runtime that it runs on.
pub(crate) struct Cluster {
    runtime: tokio::runtime::Runtime,
    pub(crate) broker: Broker,
}

impl Cluster {
    pub(crate) fn start(builder: BrokerBuilder) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let broker = runtime.block_on(builder.start()).unwrap();
        Self { runtime, broker }
    }

    pub(crate) fn address(&self) -> String {
        self.broker.bootstrap_servers()
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.broker.shutdown());
    }

    /// Runs a client of this cluster to its end: its name, `-b`, the address, and what follows.
    pub(crate) fn run(&self, what: &str, after: &str, input: &str) -> Ended {
        self.client(what, after).end_with(input)
    }

    /// Starts a client of this cluster.
    pub(crate) fn client(&self, what: &str, after: &str) -> Program {
        let address = self.address();
        let arguments: Vec<&str> =
            what.split(' ').chain(["-b", &address]).chain(after.split_whitespace()).collect();
        Program::start(&root(), &arguments)
    }
}
