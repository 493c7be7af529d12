//! `cargo xtask bench growth`: what a record costs the client as partitions and brokers become more.
//!
//! The brokers are embedded ones in a process whose instructions are not counted.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::peer::{self, Figures};
use crate::child::{self, Output};
use crate::valgrind;

/// The command's options.
#[derive(Debug, clap::Args)]
pub(crate) struct Growth {
    /// Use what has been built
    #[arg(long)]
    no_build: bool,
    /// How many records the counted runs have, and the half of it
    #[arg(long, default_value_t = 400_000)]
    records: u64,
    /// How many records the timed runs have
    #[arg(long, default_value_t = 2_000_000)]
    timed_records: u64,
    /// Where the table goes [default: benches/record/DATE-growth.md]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Partitions and brokers of each line.
const SHAPES: [(u32, u16); 7] =
    [(1, 1), (10, 1), (100, 1), (1000, 1), (1000, 5), (1000, 20), (1000, 50)];

/// Partitions and brokers of each line about idle clients.
const IDLE: [(u32, u16); 4] = [(1, 1), (1000, 1), (10_000, 1), (10_000, 10)];

/// How long an idle client is looked at.
const IDLE_SECONDS: u64 = 10;

/// A counted run is some fifty times as slow as one that is not.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) fn run(arguments: &Growth) -> Result<(), String> {
    valgrind::check()?;
    if !arguments.no_build {
        peer::build(&[])?;
    }
    let mut document = head(arguments)?;
    for (partitions, brokers) in SHAPES {
        let line = Cluster::start(brokers)?.growth(partitions, brokers, arguments)?;
        print!("{line}");
        document.push_str(&line);
    }
    document.push_str(&format!(
        "\n## Idle\n\nA producer that has sent one record to every partition and a consumer that has read them, in one process, \
         {IDLE_SECONDS} seconds without\nanything to do.\n\n\
         | partitions | brokers | CPU seconds | MiB resident |\n| --- | --- | --- | --- |\n"
    ));
    for (partitions, brokers) in IDLE {
        let line = Cluster::start(brokers)?.idle(partitions, brokers)?;
        print!("{line}");
        document.push_str(&line);
    }
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => crate::root().join(format!("benches/record/{}-growth.md", super::date()?)),
    };
    std::fs::write(&out, document).map_err(|error| format!("{}: {error}", out.display()))?;
    println!("{}", out.display());
    Ok(())
}

fn head(arguments: &Growth) -> Result<String, String> {
    let (most, timed) = (arguments.records, arguments.timed_records);
    Ok(format!(
        "# The cost of growing, {date}\n\n\
         `cargo xtask bench growth`: Milena {version} on a machine with {cores} cores, the brokers embedded ones in a process of their own, which\n\
         is not counted. Records of 100 bytes, batches of 16 KiB. Instructions of one record: those of a run of {most} records without those of a\n\
         run of {half}, by {half} (valgrind, user space; linger so long that every batch is sent full or at the end). CPU seconds\n\
         are those of a run of {timed} records (linger 5 ms; the kernel's share, which grows with the sockets, is in it), MiB what that run had resident at most.\n\
         Keys are of 16 bytes and spread by murmur2; without a key a batch's worth of records goes to one partition.\n\n\
         ## Partitions and brokers\n\n\
         | partitions | brokers | produce: instructions | with keys | consume | produce: CPU µs a record | with keys | consume | produce: MiB | with keys | consume |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        date = super::date()?,
        version = env!("CARGO_PKG_VERSION"),
        cores = std::thread::available_parallelism().map_or(1, usize::from),
        half = most / 2,
    ))
}

/// Embedded brokers, until this is dropped.
struct Cluster {
    process: Child,
    address: String,
}

impl Cluster {
    fn start(brokers: u16) -> Result<Self, String> {
        let program = peer::milena();
        let failed = |error: std::io::Error| format!("{}: {error}", program.display());
        let mut process = Command::new(&program)
            .args(["broker", "--listen", "127.0.0.1:0", "--nodes", &brokers.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdout = process.stdout.take().ok_or("the broker has no output")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address).map_err(failed)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    /// One line of the table: the same works at one size.
    fn growth(&self, partitions: u32, brokers: u16, arguments: &Growth) -> Result<String, String> {
        let half = arguments.records / 2;
        let each = |count: &dyn Fn(u64) -> Result<u64, String>| {
            Ok::<_, String>(valgrind::each(count(half)?, count(2 * half)?, half))
        };
        let produced = |records, options| {
            let topic = self.create(partitions)?;
            let count = self.count("produce", &topic, &produce(records, "60000", options))?;
            self.delete(&topic).map(|()| count)
        };
        let consumed = |records| {
            let topic = self.create(partitions)?;
            self.time("produce", &topic, &produce(records, "100", &["--keys"]))?;
            let consume = ["--records".to_owned(), records.to_string()];
            let count = self.count("consume", &topic, &consume)?;
            self.delete(&topic).map(|()| count)
        };
        let counted = [
            each(&|records| produced(records, &[]))?,
            each(&|records| produced(records, &["--keys"]))?,
            each(&consumed)?,
        ];
        let timed = self.timed(partitions, arguments.timed_records)?;
        let mut line = format!("| {partitions} | {brokers} |");
        for instructions in counted {
            let _ = write!(line, " {instructions:.0} |");
        }
        for run in &timed {
            let _ = write!(line, " {:.3} |", run.cpu_s * 1e6 / run.records);
        }
        for run in &timed {
            let _ = write!(line, " {:.0} |", run.rss_kib / 1024.0);
        }
        line.push('\n');
        Ok(line)
    }

    fn timed(&self, partitions: u32, records: u64) -> Result<[Figures; 3], String> {
        let topic = self.create(partitions)?;
        let plain = self.time("produce", &topic, &produce(records, "5", &[]))?;
        self.delete(&topic)?;
        let topic = self.create(partitions)?;
        let keyed = self.time("produce", &topic, &produce(records, "5", &["--keys"]))?;
        let consume = ["--records".to_owned(), records.to_string()];
        let consumed = self.time("consume", &topic, &consume)?;
        self.delete(&topic)?;
        Ok([plain, keyed, consumed])
    }

    fn idle(&self, partitions: u32, brokers: u16) -> Result<String, String> {
        let topic = self.create(partitions)?;
        let seconds = ["--seconds".to_owned(), IDLE_SECONDS.to_string()];
        let run = self.time("idle", &topic, &seconds)?;
        let resident = run.rss_kib / 1024.0;
        Ok(format!("| {partitions} | {brokers} | {:.2} | {resident:.0} |\n", run.cpu_s))
    }

    fn create(&self, partitions: u32) -> Result<String, String> {
        let topic = format!("growth-{partitions}");
        self.topics("create", &topic, &["--partitions".to_owned(), partitions.to_string()])?;
        Ok(topic)
    }

    fn delete(&self, topic: &str) -> Result<(), String> {
        self.topics("delete", topic, &[])
    }

    fn topics(&self, what: &str, topic: &str, options: &[String]) -> Result<(), String> {
        let mut command = Command::new(peer::milena());
        command.args(["topics", what, "-b", &self.address, "-t", topic]).args(options);
        let status = command.stdout(Stdio::null()).status().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("topics {what} of {topic}: {status}")) }
    }

    /// `milena perf` with the topic.
    fn perf(&self, work: &str, topic: &str, options: &[String]) -> Command {
        let mut command = Command::new(peer::milena());
        command.args(["perf", work, "-b", &self.address, "-t", topic, "--json"]).args(options);
        command
    }

    /// The figures of `milena perf`.
    fn time(&self, work: &str, topic: &str, options: &[String]) -> Result<Figures, String> {
        let Output { stdout, stderr, .. } = child::run(self.perf(work, topic, options), LIMIT)?;
        let figures = stdout.lines().find_map(Figures::read);
        figures.ok_or_else(|| format!("perf {work} with {topic}: {stderr}"))
    }

    /// The instructions of `milena perf`.
    fn count(&self, work: &str, topic: &str, options: &[String]) -> Result<u64, String> {
        let counted = valgrind::instructions(&self.perf(work, topic, options), LIMIT);
        counted.map_err(|error| format!("perf {work} with {topic}: {error}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It has nothing to keep, and may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn produce(records: u64, linger_ms: &str, options: &[&str]) -> Vec<String> {
    let mut arguments = vec![
        "--records".to_owned(),
        records.to_string(),
        "--linger-ms".to_owned(),
        linger_ms.to_owned(),
    ];
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    arguments
}
