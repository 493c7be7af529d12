//! `cargo xtask bench peers`: Milena and other clients in turn against one Apache Kafka broker;
//! `cargo xtask bench growth`: what a record costs as partitions and brokers become more.

mod growth;
mod peer;
mod suite;
mod table;
mod work;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use kafka_lab::{KafkaVersion, Lab, LabOptions, Listener, users};

use self::{
    peer::Peer,
    suite::Suite,
    table::{Results, Settings},
    work::{Access, Login, SYNTAX, Work},
};

/// Measures Milena beside other clients.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Run every peer in turn against one broker and write the table
    ///
    /// Needs what the peers need to build: Go, a JDK 17 with Maven, a C compiler, make, pkg-config, and the
    /// development files of zlib and zstd. Programs that are missing are named before anything is built.
    Peers(Peers),
    /// Count what a record costs from 1 to 1,000 partitions and from 1 to 50 brokers, and an idle partition
    ///
    /// Needs valgrind. The brokers are embedded ones in a process of their own.
    Growth(growth::Growth),
}

#[derive(Debug, clap::Args)]
struct Peers {
    /// Which works
    #[arg(long, value_enum, default_value_t = Suite::Main)]
    suite: Suite,
    /// Only these peers, by name
    #[arg(long = "peer", value_name = "NAME")]
    peers: Vec<String>,
    /// Only this work, instead of a suite's (consume reads the topic that the last produce left)
    #[arg(long = "work", value_name = "WORK", long_help = format!("Only this work, instead of those of the suite: {SYNTAX}; consume reads the topic that the last produce left"))]
    works: Vec<Work>,
    /// How often each peer does each work
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The topics' partitions
    #[arg(long, default_value_t = 6)]
    partitions: u16,
    /// The broker's release
    #[arg(long, default_value = "4.3.1")]
    version: KafkaVersion,
    /// A broker that is there already, instead of one that is started for this; not with --suite tls
    #[arg(long, value_name = "HOST:PORT")]
    broker: Option<String>,
    /// Use what has been built
    #[arg(long)]
    no_build: bool,
    /// Where the table goes [default: benches/record/DATE-peers.md, with the suite's name behind it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The client that the others are compared with.
const OWN: &str = "milena";

/// Whose topic the consuming works read, when it is among the peers: each client reads it.
const WRITER: &str = "java";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let program = "cargo xtask bench".to_owned();
    let arguments = Arguments::try_parse_from(std::iter::once(&program).chain(arguments));
    match arguments.unwrap_or_else(|error| error.exit()).command {
        BenchCommand::Peers(arguments) => peers(&arguments),
        BenchCommand::Growth(arguments) => growth::run(&arguments),
    }
}

fn peers(arguments: &Peers) -> Result<(), String> {
    let suite = arguments.suite;
    let peers = peer::chosen(&arguments.peers)?;
    let works = if arguments.works.is_empty() { suite.works()? } else { arguments.works.clone() };
    if suite.is_tls() && arguments.broker.is_some() {
        return Err("--suite tls starts a broker of its own: leave --broker out".into());
    }
    peer::check_programs(&peers, arguments.no_build, arguments.broker.is_none())?;
    if !arguments.no_build {
        peer::build(&peers)?;
    }
    let mut lab = None;
    let broker = match &arguments.broker {
        Some(broker) => broker.clone(),
        None => {
            // What has been deleted is to be gone before it is many gigabytes.
            let mut options = LabOptions::new(arguments.version)
                .heap("1g")
                .config("log.segment.delete.delay.ms", "1000");
            if suite.is_tls() {
                // The lab's brokers do without the compiler that knows AES; TLS would be all they do.
                options = options.jvm("-XX:TieredStopAtLevel=4");
            }
            let started = Lab::start(options).map_err(|error| error.to_string())?;
            lab.insert(started).bootstrap(Listener::Plaintext)
        }
    };
    let access = access(suite, &broker, lab.as_ref());
    let mut bench = Bench { broker, access, arguments, topics: 0, left: None, compressed: false };
    let mut results = Vec::new();
    if let (Some(first), Some(peer)) = (works.first(), peers.iter().find(|p| p.name == OWN)) {
        bench.warm_up(first, peer)?;
    }
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => crate::root().join(format!("benches/record/{}-{}.md", date()?, suite.file())),
    };
    for work in &works {
        let result = bench.work(work, &peers)?;
        println!("{}", result.text());
        results.push(result);
        // A run that is broken off leaves what it has measured.
        let settings = Settings::of(&results, suite, arguments)?;
        std::fs::write(&out, settings.document(&results))
            .map_err(|error| format!("{}: {error}", out.display()))?;
    }
    drop(lab);
    println!("{}", out.display());
    Ok(())
}

/// How the clients reach the broker.
fn access(suite: Suite, broker: &str, lab: Option<&Lab>) -> Access {
    match lab.filter(|_| suite.is_tls()) {
        None => Access { broker: broker.to_owned(), login: None },
        Some(lab) => Access {
            broker: lab.bootstrap(Listener::SaslSsl),
            login: Some(Login {
                user: users::USERS[1],
                ca: lab.certificates().ca_pem().display().to_string(),
            }),
        },
    }
}

/// The date, as records are named by it.
fn date() -> Result<String, String> {
    let date = Command::new("date").args(["-u", "+%F"]).output().map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&date.stdout).trim().to_owned())
}

/// How often the first work is done before it counts.
const WARM_UPS: usize = 2;

/// From so many partitions on the clients share a topic: to make and to delete one takes long.
const SHARED_TOPIC_PARTITIONS: u16 = 100;

/// So many records have each of the 10,000 keys of `milena perf`: about ten for each partition.
const EVERY_KEY: &str = "10000";

/// The broker, and the topics on it.
struct Bench<'a> {
    /// Where topics are made.
    broker: String,
    access: Access,
    arguments: &'a Peers,
    topics: usize,
    /// What the last producing work left to be consumed, and its partitions.
    left: Option<(String, u16)>,
    /// Whether that work, or the one that produces, compresses.
    compressed: bool,
}

impl Bench<'_> {
    fn work(&mut self, work: &Work, peers: &[&'static Peer]) -> Result<Results, String> {
        let mut results = Results::new(work.clone(), peers);
        let partitions = match (work, &self.left) {
            (Work::Consume { .. }, Some((_, partitions))) => *partitions,
            _ => work.partitions().unwrap_or(self.arguments.partitions),
        };
        if let Work::Produce(produce) = work {
            self.compressed = produce.codec != "none";
        }
        let shared = match work.partitions() {
            Some(count) if count >= SHARED_TOPIC_PARTITIONS => Some(self.create_written(count)?),
            _ => None,
        };
        let writer = peers.iter().find(|peer| peer.name == WRITER).or_else(|| peers.first());
        let is_tls = self.access.login.is_some();
        let peers: Vec<_> =
            peers.iter().filter(|peer| peer.does(work, self.compressed, is_tls)).collect();
        for round in 0..self.arguments.rounds {
            for turn in 0..peers.len() {
                let peer = peers[(round + turn) % peers.len()];
                let topic = match (work, &shared) {
                    (_, Some(topic)) => topic.clone(),
                    (Work::Consume { .. }, None) => {
                        let left = self.left.clone().ok_or("consume needs a produce before it")?;
                        left.0
                    }
                    (_, None) => self.create(partitions)?,
                };
                match peer.run(work, &self.access, &topic, partitions) {
                    Ok(figures) => results.add(peer.name, figures),
                    Err(error) => {
                        eprintln!("{} in {work}: {error}", peer.name);
                        results.failed(peer.name);
                    }
                }
                if shared.is_none() {
                    let keep = writer.is_some_and(|writer| writer.name == peer.name);
                    self.keep_or_delete(work, (topic, partitions), keep)?;
                }
            }
        }
        shared.map_or(Ok(()), |topic| self.keep_or_delete(work, (topic, partitions), true))?;
        Ok(results)
    }

    /// Has the broker's code compiled before anybody is measured by it.
    fn warm_up(&mut self, work: &Work, peer: &Peer) -> Result<(), String> {
        let partitions = work.partitions().unwrap_or(self.arguments.partitions);
        let topic = self.create(partitions)?;
        for _ in 0..WARM_UPS {
            peer.run(work, &self.access, &topic, partitions)?;
        }
        self.delete(&topic)
    }

    /// A topic with a leader in every partition.
    fn create(&mut self, partitions: u16) -> Result<String, String> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.topics += 1;
        let topic = format!("bench-{}-{}", started.as_secs(), self.topics);
        let partitions = partitions.to_string();
        self.milena(&[
            "topics",
            "create",
            "-t",
            &topic,
            "--partitions",
            &partitions,
            "--replication-factor",
            "1",
        ])?;
        self.wait_for_leaders(&topic)?;
        Ok(topic)
    }

    /// A topic that has something in every partition. A broker makes the files of a partition when it is
    /// first written to, which takes seconds for a thousand; the first of the clients that share the
    /// topic would be charged for it.
    fn create_written(&mut self, partitions: u16) -> Result<String, String> {
        let topic = self.create(partitions)?;
        let options = ["--keys", "--size", "10", "--records", EVERY_KEY];
        self.milena(&[&["perf", "produce", "-t", &topic], &options[..]].concat())?;
        Ok(topic)
    }

    fn delete(&self, topic: &str) -> Result<(), String> {
        self.milena(&["topics", "delete", "-t", topic])
    }

    /// The broker leads the partitions a moment after the controller has made the topic: reading it
    /// to its end asks every leader.
    fn wait_for_leaders(&self, topic: &str) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.milena(&["consume", "-t", topic, "-o", "beginning", "-e"]) {
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
                outcome => return outcome,
            }
        }
    }

    fn keep_or_delete(
        &mut self,
        work: &Work,
        topic: (String, u16),
        keep: bool,
    ) -> Result<(), String> {
        let gone = match work {
            Work::Consume { .. } => return Ok(()),
            Work::Produce { .. } if keep => self.left.replace(topic),
            Work::Produce { .. } | Work::Latency { .. } | Work::Rate { .. } => Some(topic),
        };
        gone.map_or(Ok(()), |(topic, _)| self.delete(&topic))
    }

    /// Runs the program against the broker.
    fn milena(&self, arguments: &[&str]) -> Result<(), String> {
        let output = Command::new(peer::milena())
            .args(arguments)
            .args(["-b", &self.broker])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{}: {error}", peer::milena().display()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
