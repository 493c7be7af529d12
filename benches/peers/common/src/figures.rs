//! The line of figures that a run prints.

use std::{
    fs,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// Records of a latency run that do not count: the first ones pay for connections.
pub const WARM_UP_RECORDS: usize = 200;

/// How long the records of a paced run do not count.
const WARM_UP_SECONDS: usize = 2;

/// Times the records of a latency run, without those of the warm-up.
#[derive(Default)]
pub struct Latencies {
    times: Vec<Duration>,
    seen: usize,
    begin: Option<Instant>,
}

impl Latencies {
    /// Counts one record that was sent at that time and has just been acknowledged.
    pub fn acknowledged(&mut self, sent: Instant) {
        self.seen += 1;
        if self.seen > WARM_UP_RECORDS {
            self.begin.get_or_insert(sent);
            self.times.push(sent.elapsed());
        }
    }

    /// Prints the line of a latency run.
    pub fn print(self, peer: &str) {
        let wall = self.begin.map_or(Duration::ZERO, |begin| begin.elapsed());
        print_latencies(peer, wall, self.times, 0);
    }
}

/// When each record of a paced run is due, and how long after that it was acknowledged.
///
/// A record's time runs from when it was due, not from when it was sent: what keeps a client from
/// sending counts too.
pub struct Pace {
    begin: Instant,
    per_second: usize,
    records: usize,
    times: Mutex<(Vec<Duration>, u64)>,
}

impl Pace {
    pub fn new(per_second: usize, records: usize) -> Self {
        let times = Mutex::new((Vec::with_capacity(records), 0));
        Self { begin: Instant::now(), per_second, records, times }
    }

    /// How many are sent, with those that do not count.
    pub fn count(&self) -> usize {
        self.records + self.warm_up()
    }

    fn warm_up(&self) -> usize {
        WARM_UP_SECONDS * self.per_second
    }

    fn due(&self, number: usize) -> Instant {
        self.begin + Duration::from_nanos(number as u64 * 1_000_000_000 / self.per_second as u64)
    }

    /// Waits until the record of this number is due.
    pub fn wait(&self, number: usize) {
        thread::sleep(self.due(number).saturating_duration_since(Instant::now()));
    }

    /// Counts the record of this number, of which the client has just told that it is written, or that
    /// it is not.
    pub fn told(&self, number: usize, is_written: bool) {
        let time = self.due(number).elapsed();
        let mut times = self.times.lock().expect("nothing panics with it");
        match is_written {
            false => times.1 += 1,
            true if number >= self.warm_up() => times.0.push(time),
            true => {}
        }
    }

    /// Prints the line, when every record has been told.
    pub fn print(&self, peer: &str) {
        let wall = self.due(self.warm_up()).elapsed();
        let times = self.times.lock().expect("nothing panics with it");
        print_latencies(peer, wall, times.0.clone(), times.1);
    }
}

fn print_latencies(peer: &str, wall: Duration, mut times: Vec<Duration>, errors: u64) {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 1000).map_or(0, Duration::as_micros);
    let figures = format!(
        ",\"p50_us\":{},\"p99_us\":{},\"p999_us\":{},\"errors\":{errors}",
        at(500),
        at(990),
        at(999)
    );
    line(peer, "latency", times.len(), wall, &figures);
}

/// Prints the line of a run that produced.
pub fn produced(peer: &str, records: usize, begin: Instant, errors: u64) {
    line(peer, "produce", records, begin.elapsed(), &format!(",\"errors\":{errors}"));
}

/// Prints the line of a run that consumed so many records with so many bytes of values.
pub fn consumed(peer: &str, records: usize, begin: Instant, bytes: usize) {
    line(peer, "consume", records, begin.elapsed(), &format!(",\"bytes\":{bytes}"));
}

/// CPU time and memory are those of the whole process until here.
fn line(peer: &str, op: &str, records: usize, wall: Duration, figures: &str) {
    let (wall, cpu, rss) = (wall.as_secs_f64(), cpu_seconds(), resident_kib());
    println!(
        "{{\"peer\":\"{peer}\",\"op\":\"{op}\",\"records\":{records},\"wall_s\":{wall:.3},\"cpu_s\":{cpu:.3},\"rss_kb\":{rss}{figures}}}"
    );
}

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap_or_default()).sum::<f64>() / 100.0
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
