//! What the Rust peers share: the command line, the records and the line of figures.
//!
//! ```text
//! produce BROKERS TOPIC RECORDS VALUE_BYTES COMPRESSION LINGER_MS BATCH_BYTES [OPTION]...
//! consume BROKERS TOPIC RECORDS PARTITIONS [OPTION]...
//! latency BROKERS TOPIC COUNT VALUE_BYTES [OPTION]...
//! rate    BROKERS TOPIC COUNT VALUE_BYTES LINGER_MS PER_SECOND [OPTION]...
//! ```
//!
//! The options: `keys` and `headers` give every produced record a key of 16 bytes and two headers,
//! `tasks=N` has so many tasks or threads produce, `login=USER:PASSWORD` and `ca=FILE` together are
//! SASL_SSL with SCRAM-SHA-512.

mod figures;
mod records;

pub use figures::{Latencies, Pace, WARM_UP_RECORDS, consumed, produced};
pub use records::{HEADERS, Records};

/// Bytes of records that a producer may hold: 128 MiB.
pub const BUFFER_MEMORY: usize = 128 << 20;

/// Most bytes of one partition in a fetch: 10 MiB.
pub const PARTITION_FETCH_BYTES: usize = 10 << 20;

/// What a peer is asked to do.
pub struct Task {
    pub brokers: String,
    pub topic: String,
    pub records: usize,
    pub login: Option<Login>,
    pub work: Work,
}

/// Who the client is, and whom it trusts.
pub struct Login {
    pub user: String,
    pub password: String,
    /// A file with the certificate of the authority, in PEM.
    pub ca: String,
}

/// The kind of work, with what belongs to it alone.
pub enum Work {
    Produce {
        values: Records,
        compression: String,
        linger_ms: u64,
        batch_bytes: usize,
        tasks: usize,
    },
    Consume {
        partitions: i32,
    },
    /// One record at a time, acks=all, awaited.
    Latency {
        values: Records,
    },
    /// So many records a second, acks=all, each awaited beside the others.
    Rate {
        values: Records,
        linger_ms: u64,
        per_second: usize,
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
        let mut work = match op.as_str() {
            "produce" => Work::Produce {
                values: plain(&next("VALUE_BYTES")),
                compression: next("COMPRESSION"),
                linger_ms: number(&next("LINGER_MS")) as u64,
                batch_bytes: number(&next("BATCH_BYTES")),
                tasks: 1,
            },
            "consume" => Work::Consume { partitions: number(&next("PARTITIONS")) as i32 },
            "latency" => Work::Latency { values: plain(&next("VALUE_BYTES")) },
            "rate" => Work::Rate {
                values: plain(&next("VALUE_BYTES")),
                linger_ms: number(&next("LINGER_MS")) as u64,
                per_second: number(&next("PER_SECOND")),
            },
            other => panic!("{other} is no work: produce, consume, latency or rate"),
        };
        let mut login = Login { user: String::new(), password: String::new(), ca: String::new() };
        for word in words {
            match (word.split_once('=').unwrap_or((&word, "")), &mut work) {
                (("keys", _), Work::Produce { values, .. }) => values.add_keys(),
                (("headers", _), Work::Produce { values, .. }) => values.has_headers = true,
                (("tasks", count), Work::Produce { tasks, .. }) => *tasks = number(count),
                (("login", user), _) => {
                    let (user, password) = user.split_once(':').expect("USER:PASSWORD");
                    (login.user, login.password) = (user.to_owned(), password.to_owned());
                }
                (("ca", file), _) => login.ca = file.to_owned(),
                _ => panic!("{word} is no option of {op}"),
            }
        }
        let login = (!login.user.is_empty()).then_some(login);
        Self { brokers, topic, records, login, work }
    }

    /// The peer's own refusal of what it has no program for.
    pub fn refuse_login(&self) {
        assert!(self.login.is_none(), "this peer has no run with SASL_SSL");
    }
}

fn plain(size: &str) -> Records {
    Records::new(number(size))
}

fn number(word: &str) -> usize {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
}
