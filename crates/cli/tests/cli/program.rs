//! Runs the program and looks at what it says.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
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
    lines: Receiver<String>,
    seen: Vec<String>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Program {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_milena"))
            .args(arguments)
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
        });
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines, seen: Vec::new(), errors: Some(errors) }
    }

    /// Writes to standard input.
    pub(crate) fn write(&mut self, text: &str) {
        // A program that has ended already reads nothing more, which its exit code explains.
        let _ = self.stdin.as_mut().unwrap().write_all(text.as_bytes());
    }

    /// Waits until so many lines of output have this in them.
    pub(crate) fn wait_for_lines(&mut self, needle: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.seen.iter().filter(|line| line.contains(needle)).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            self.seen.push(line.unwrap_or_else(|_| panic!("only {:?}", self.seen)));
        }
    }

    /// Sends SIGINT, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }

    /// Closes standard input and waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.stdin.take());
        self.wait()
    }

    /// Waits for the end while standard input stays open.
    pub(crate) fn wait(&mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("{:?}", self.seen),
            }
        }
        let code = self.child.wait().unwrap().code();
        let stderr = self.errors.take().unwrap().join().unwrap();
        let stdout = self.seen.iter().flat_map(|line| [line, "\n"]).collect();
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
    let mut program = Program::start(folder, arguments);
    program.write(input);
    program.end()
}
