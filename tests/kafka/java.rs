//! Kafka's own programs that run beside Milena's clients, and what they print.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use kafka_lab::{guard, tools};
use serde_json::Value;

use crate::harness::{NEEDS_KAFKA, V4_3};

/// A tool of 4.3.1 that runs until it ends by itself or is told to.
#[derive(Debug)]
pub(crate) struct Tool {
    child: Child,
    reader: Option<JoinHandle<()>>,
}

impl Tool {
    /// Starts a tool; every line of its output goes to `on_line`, in a thread of its own.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub(crate) fn start(
        name: &str,
        arguments: &[&str],
        mut on_line: impl FnMut(&str) + Send + 'static,
    ) -> Self {
        let mut command =
            tools::command(V4_3, name).unwrap_or_else(|e| panic!("{NEEDS_KAFKA}\n{e}"));
        command.args(arguments).stdout(Stdio::piped());
        let mut child = guard::spawn(&mut command).unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                on_line(&line);
            }
        });
        Self { child, reader: Some(reader) }
    }

    /// As [`start`](Self::start), for tools that print a line of JSON for each event.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub(crate) fn events(
        name: &str,
        arguments: &[&str],
        mut on_event: impl FnMut(Value) + Send + 'static,
    ) -> Self {
        Self::start(name, arguments, move |line| {
            if let Ok(event) = serde_json::from_str(line) {
                on_event(event);
            }
        })
    }

    /// Asks it to end (SIGTERM) and waits until it has said all it had to say.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        let asked = std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        // A failed test leaves it running otherwise, to the end of the process.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs a tool of 4.3.1 on lines of input and gives what it printed.
///
/// # Panics
///
/// When it fails.
pub(crate) fn run(name: &str, arguments: &[&str], input: &str) -> String {
    let mut command = tools::command(V4_3, name).unwrap_or_else(|e| panic!("{NEEDS_KAFKA}\n{e}"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = guard::spawn(&mut command).unwrap();
    // Small enough for the pipe, so nothing has to be read meanwhile.
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}
