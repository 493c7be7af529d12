//! What the Rust peers share: the command line, the values and the line of figures.
//!
//! ```text
//! produce BROKERS TOPIC RECORDS VALUE_BYTES COMPRESSION LINGER_MS BATCH_BYTES
//! consume BROKERS TOPIC RECORDS PARTITIONS
//! latency BROKERS TOPIC COUNT VALUE_BYTES
//! ```

use std::{
    fs,
    time::{Duration, Instant},
};

/// Records of a latency run that do not count: the first ones pay for connections.
pub const WARM_UP_RECORDS: usize = 200;

/// Bytes of records that a producer may hold: 128 MiB.
pub const BUFFER_MEMORY: usize = 128 << 20;

/// Most bytes of one partition in a fetch: 10 MiB.
pub const PARTITION_FETCH_BYTES: usize = 10 << 20;

/// What a peer is asked to do.
pub struct Task {
    pub brokers: String,
    pub topic: String,
    pub records: usize,
    pub work: Work,
}

/// The kind of work, with what belongs to it alone.
pub enum Work {
    Produce {
        values: Vec<Vec<u8>>,
        compression: String,
        linger_ms: u64,
        batch_bytes: usize,
    },
    Consume {
        partitions: i32,
    },
    /// One record at a time, acks=all, awaited.
    Latency {
        values: Vec<Vec<u8>>,
    },
}

impl Task {
    /// Reads the command line.
    pub fn from_command_line() -> Self {
        let mut words = std::env::args().skip(1);
        let mut next = |what: &str| words.next().unwrap_or_else(|| panic!("{what} is missing"));
        let op = next("the work");
        let (brokers, topic) = (next("BROKERS"), next("TOPIC"));
        let records = number(&next("RECORDS"));
        let work = match op.as_str() {
            "produce" => Work::Produce {
                values: values(number(&next("VALUE_BYTES"))),
                compression: next("COMPRESSION"),
                linger_ms: number(&next("LINGER_MS")) as u64,
                batch_bytes: number(&next("BATCH_BYTES")),
            },
            "consume" => Work::Consume { partitions: number(&next("PARTITIONS")) as i32 },
            "latency" => Work::Latency { values: values(number(&next("VALUE_BYTES"))) },
            other => panic!("{other} is no work: produce, consume or latency"),
        };
        Self { brokers, topic, records, work }
    }
}

fn number(word: &str) -> usize {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
}

/// 1,000 JSON-like values of one xorshift generator, the same in every peer.
fn values(size: usize) -> Vec<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 88_172_645_463_325_252_u64;
    (0..1000)
        .map(|id| {
            let mut value = format!("{{\"id\":{id},\"event\":\"click\",\"user\":\"").into_bytes();
            while value.len() < size {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                value.push(LETTERS[(state & 63) as usize]);
            }
            value.truncate(size);
            value
        })
        .collect()
}

/// The values over and over, so many times in all.
pub fn cycle<V>(values: &[V], count: usize) -> impl Iterator<Item = &V> {
    values.iter().cycle().take(count)
}

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
    pub fn print(mut self, peer: &str) {
        let wall = self.begin.map_or(Duration::ZERO, |begin| begin.elapsed());
        self.times.sort_unstable();
        let at = |percent: usize| self.times[self.times.len() * percent / 100].as_micros();
        let figures = format!(",\"p50_us\":{},\"p99_us\":{}", at(50), at(99));
        line(peer, "latency", self.times.len(), wall, &figures);
    }
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
