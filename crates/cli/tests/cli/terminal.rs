//! What the program shows where standard error is a terminal: a pseudo terminal stands in for one.

use std::{
    fs::File,
    io::Read as _,
    os::fd::OwnedFd,
    path::Path,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::program::{PATIENCE, Program};

/// A terminal of 100 columns, and what was written to it.
struct Terminal {
    chunks: Receiver<String>,
    text: String,
}

impl Terminal {
    /// Opens one; the other half is for the program.
    fn open() -> (Self, OwnedFd) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let (sender, chunks) = channel();
        thread::spawn(move || {
            let mut master = File::from(master);
            let mut buffer = [0; 4096];
            // Reading fails when the program, the last that has the other half, has ended.
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        (Self { chunks, text: String::new() }, slave)
    }

    /// Waits until this has been written.
    fn wait_for(&mut self, needle: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text.contains(needle) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.text.push_str(&chunk),
                Err(_) => panic!("no {needle:?} in {:?}", self.text),
            }
        }
    }

    /// Everything to the end.
    fn end(mut self) -> String {
        while let Ok(chunk) = self.chunks.recv_timeout(PATIENCE) {
            self.text.push_str(&chunk);
        }
        self.text
    }

    /// What stands on each line when all is written: a return begins its line anew, as does the
    /// sequence that clears it.
    fn lines(text: &str) -> Vec<String> {
        let visible = |line: &str| {
            let last = line.rsplit(['\r']).find(|part| !part.is_empty()).unwrap_or_default();
            last.rsplit("\x1b[2K").next().unwrap_or_default().to_owned()
        };
        text.split('\n').map(|line| visible(line.trim_end_matches('\r'))).collect()
    }
}

const FLOW: &str = r#"
name = "cars"
brokers = "embedded"

[[steps]]
connector = "elasticio"
action = "produce"
input = "INPUT"
config = { topic = "cars" }

[[steps]]
connector = "elasticio"
trigger = "consume"
until = "forever"
config = { topic = "cars", groupId = "crm" }
"#;

const BODY: &str = "{\"messages\":[{\"key\":\"Car status\",\"value\":\"arrived\"}]}\n";

fn start(folder: &Path, input: &str) -> (Program, Terminal) {
    std::fs::write(folder.join("flow.toml"), FLOW.replace("INPUT", input)).unwrap();
    let (terminal, slave) = Terminal::open();
    (Program::start_with_errors(folder, &["run", "flow.toml"], slave.into()), terminal)
}

#[test]
fn a_bar_shows_how_much_of_the_input_is_read_and_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cars.jsonl"), BODY.repeat(2)).unwrap();
    let (mut program, mut terminal) = start(folder.path(), "cars.jsonl");
    let size = BODY.len() * 2;
    let bar = format!("cars [{}] {size} B/{size} B 2 records produced, 2 consumed", "=".repeat(30));
    terminal.wait_for(&bar);
    program.interrupt();
    let ended = program.wait();
    assert_eq!(ended.code, Some(130));
    assert_eq!((ended.results().len(), ended.records().len()), (2, 2));
    assert!(!ended.stdout.contains('\x1b'), "the bar is no output: {}", ended.stdout);

    let lines = Terminal::lines(&terminal.end());
    let shown: Vec<&str> = lines.iter().map(String::as_str).filter(|l| !l.is_empty()).collect();
    let [broker, interrupted, summary, end] = shown[..] else { panic!("{shown:?}") };
    assert!(broker.starts_with("cars: embedded broker at 127.0.0.1:"), "{broker}");
    assert!(interrupted.starts_with("cars: interrupted: sending what was accepted"), "{shown:?}");
    assert!(
        summary.starts_with("cars: delivered 2 of 2 inputs, 2 records produced, 2 consumed in "),
        "{summary}"
    );
    assert_eq!(end, "milena: interrupted");
}

#[test]
fn without_a_known_length_it_shows_what_has_been_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, mut terminal) = start(folder.path(), "-");
    program.write(BODY);
    terminal.wait_for(&format!("{} B 1 record produced, 1 consumed (", BODY.len()));
    program.write(BODY);
    terminal.wait_for(&format!("{} B 2 records produced, 2 consumed (", BODY.len() * 2));
    program.interrupt();
    assert_eq!(program.wait().code, Some(130));
    assert!(terminal.end().ends_with("milena: interrupted\r\n"));
}

#[test]
fn it_moves_while_nothing_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, mut terminal) = start(folder.path(), "-");
    program.write(BODY);
    // The time that has passed is part of it.
    let started = Instant::now();
    terminal.wait_for("1 record produced, 1 consumed (0s)");
    terminal.wait_for("1 record produced, 1 consumed (2s)");
    assert!(started.elapsed() > Duration::from_secs(1));
    program.interrupt();
    assert_eq!(program.wait().code, Some(130));
}
