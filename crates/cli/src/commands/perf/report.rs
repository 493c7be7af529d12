//! What a run has cost: a line for people, or one of JSON as the peers print it.

use std::{
    fs,
    io::{self, Write as _},
    time::Duration,
};

use serde_json::{Map, Value};

use crate::failure::Failure;

/// Clock ticks of a second in `/proc/self/stat`.
const TICKS_PER_SECOND: f64 = 100.0;

/// A run's figures.
#[derive(Debug)]
pub(crate) struct Report {
    op: &'static str,
    records: u64,
    wall: Duration,
    errors: u64,
    bytes: Option<u64>,
    /// The median, the 99th percentile and that of 99.9.
    latencies: Option<[Duration; 3]>,
    /// CPU seconds, where they are not all of the process.
    cpu: Option<f64>,
}

impl Report {
    pub(crate) const fn new(op: &'static str, records: u64, wall: Duration) -> Self {
        Self { op, records, wall, errors: 0, bytes: None, latencies: None, cpu: None }
    }

    pub(crate) const fn errors(mut self, errors: u64) -> Self {
        self.errors = errors;
        self
    }

    pub(crate) const fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    pub(crate) fn latencies(mut self, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 1000).copied();
        self.latencies = match (at(500), at(990), at(999)) {
            (Some(median), Some(late), Some(latest)) => Some([median, late, latest]),
            _ => None,
        };
        self
    }

    /// The CPU seconds of what is measured, instead of all those of the process.
    pub(crate) const fn cpu(mut self, seconds: f64) -> Self {
        self.cpu = Some(seconds);
        self
    }

    fn cpu_seconds(&self) -> f64 {
        self.cpu.unwrap_or_else(cpu_seconds)
    }

    /// Prints the figures; CPU and memory are those of the whole process until here.
    pub(crate) fn print(&self, as_json: bool) -> Result<(), Failure> {
        let line = if as_json { self.json().to_string() } else { self.text() };
        writeln!(io::stdout(), "{line}").map_err(|error| Failure::output(&error))
    }

    fn json(&self) -> Value {
        let mut line = Map::new();
        line.insert("peer".into(), "milena".into());
        line.insert("op".into(), self.op.into());
        line.insert("records".into(), self.records.into());
        line.insert("wall_s".into(), rounded(self.wall.as_secs_f64()));
        line.insert("cpu_s".into(), rounded(self.cpu_seconds()));
        line.insert("rss_kb".into(), resident_kib().into());
        line.insert("errors".into(), self.errors.into());
        if let Some(bytes) = self.bytes {
            line.insert("bytes".into(), bytes.into());
        }
        for (name, latency) in
            ["p50_us", "p99_us", "p999_us"].iter().zip(self.latencies.iter().flatten())
        {
            line.insert((*name).into(), u64::try_from(latency.as_micros()).ok().into());
        }
        Value::Object(line)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn text(&self) -> String {
        let wall = self.wall.as_secs_f64();
        let rate = self.records as f64 / wall.max(1e-9);
        let mut text = format!(
            "{}: {} records in {wall:.3} s, {rate:.0} records/s, {:.3} s of CPU, {} MiB resident, {} errors",
            self.op,
            self.records,
            self.cpu_seconds(),
            resident_kib() / 1024,
            self.errors
        );
        if let Some([median, late, latest]) = self.latencies {
            text.push_str(&format!(", p50 {median:.1?}, p99 {late:.1?}, p99.9 {latest:.1?}"));
        }
        text
    }
}

fn rounded(seconds: f64) -> Value {
    ((seconds * 1000.0).round() / 1000.0).into()
}

/// The CPU time of this process; 0 where the system does not tell.
pub(super) fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

/// The most memory that this process had resident, in KiB; 0 where the system does not tell.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}
