//! `cargo xtask bench peers`: Milena and other clients in turn against one Apache Kafka broker.

mod peer;
mod table;
mod work;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use kafka_lab::{KafkaVersion, Lab, LabOptions, Listener};

use self::{
    peer::Peer,
    table::{Results, Settings},
    work::Work,
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
}

#[derive(Debug, clap::Args)]
struct Peers {
    /// Only these peers, by name
    #[arg(long = "peer", value_name = "NAME")]
    peers: Vec<String>,
    /// Only this work: produce:RECORDS:BYTES:CODEC:LINGER_MS:BATCH_BYTES, consume:RECORDS (of the
    /// topic that the last produce left) or latency:COUNT:BYTES
    #[arg(long = "work", value_name = "WORK")]
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
    /// A broker that is there already, instead of one that is started for this
    #[arg(long, value_name = "HOST:PORT")]
    broker: Option<String>,
    /// Use what has been built
    #[arg(long)]
    no_build: bool,
    /// Where the table goes [default: benches/record/DATE-peers.md]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is run when nothing is chosen.
const WORKS: [&str; 8] = [
    "produce:2000000:100:none:5:16384",
    "produce:2000000:100:none:5:1048576",
    "consume:2000000",
    "produce:400000:1024:lz4:5:1048576",
    "consume:400000",
    "produce:400000:1024:zstd:5:1048576",
    "consume:400000",
    "latency:2000:100",
];

/// Whose topic the consuming works read, when it is among the peers: each client reads it.
const WRITER: &str = "java";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let program = "cargo xtask bench".to_owned();
    let arguments = Arguments::try_parse_from(std::iter::once(&program).chain(arguments));
    match arguments.unwrap_or_else(|error| error.exit()).command {
        BenchCommand::Peers(arguments) => peers(&arguments),
    }
}

fn peers(arguments: &Peers) -> Result<(), String> {
    let peers = peer::chosen(&arguments.peers)?;
    let works = if arguments.works.is_empty() {
        WORKS.iter().map(|work| work.parse()).collect::<Result<_, _>>()?
    } else {
        arguments.works.clone()
    };
    peer::check_programs(&peers, arguments.no_build, arguments.broker.is_none())?;
    if !arguments.no_build {
        peer::build(&peers)?;
    }
    let mut lab = None;
    let broker = match &arguments.broker {
        Some(broker) => broker.clone(),
        None => {
            let options = LabOptions::new(arguments.version).heap("1g");
            let started = Lab::start(options).map_err(|error| error.to_string())?;
            lab.insert(started).bootstrap(Listener::Plaintext)
        }
    };
    let mut bench = Bench { broker, arguments, topics: 0, left: None, compressed: false };
    let mut results = Vec::new();
    for work in &works {
        let result = bench.work(work, &peers)?;
        println!("{}", result.text());
        results.push(result);
    }
    drop(lab);
    let settings = Settings::of(&peers, arguments.version, arguments.rounds, arguments.partitions)?;
    let out = arguments.out.clone().unwrap_or_else(|| {
        crate::root().join(format!("benches/record/{}-peers.md", settings.date()))
    });
    std::fs::write(&out, settings.document(&results))
        .map_err(|error| format!("{}: {error}", out.display()))?;
    println!("{}", out.display());
    Ok(())
}

/// The broker, and the topics on it.
struct Bench<'a> {
    broker: String,
    arguments: &'a Peers,
    topics: usize,
    /// What the last producing work left to be consumed.
    left: Option<String>,
    /// Whether that work, or the one that produces, compresses.
    compressed: bool,
}

impl Bench<'_> {
    fn work(&mut self, work: &Work, peers: &[&'static Peer]) -> Result<Results, String> {
        let mut results = Results::new(work.clone(), peers);
        let rounds = self.arguments.rounds;
        if let Work::Produce { codec, .. } = work {
            self.compressed = codec != "none";
        }
        let writer = peers.iter().find(|peer| peer.name == WRITER).or_else(|| peers.first());
        for round in 0..rounds {
            for turn in 0..peers.len() {
                let peer = peers[(round + turn) % peers.len()];
                if !peer.does(work, self.compressed) {
                    continue;
                }
                let topic = match work {
                    Work::Consume { .. } => {
                        self.left.clone().ok_or("consume needs a produce before it")?
                    }
                    Work::Produce { .. } | Work::Latency { .. } => self.create()?,
                };
                let outcome = peer.run(work, &self.broker, &topic, self.arguments.partitions);
                match outcome {
                    Ok(figures) => results.add(peer.name, figures),
                    Err(error) => {
                        eprintln!("{} in {work}: {error}", peer.name);
                        results.failed(peer.name);
                    }
                }
                self.keep_or_delete(work, topic, writer.is_some_and(|w| w.name == peer.name))?;
            }
        }
        Ok(results)
    }

    /// A topic for one run, with a leader in every partition.
    fn create(&mut self) -> Result<String, String> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.topics += 1;
        let topic = format!("bench-{}-{}", started.as_secs(), self.topics);
        let partitions = self.arguments.partitions.to_string();
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

    fn keep_or_delete(&mut self, work: &Work, topic: String, keep: bool) -> Result<(), String> {
        let gone = match work {
            Work::Consume { .. } => return Ok(()),
            Work::Produce { .. } if keep => self.left.replace(topic),
            Work::Produce { .. } | Work::Latency { .. } => Some(topic),
        };
        gone.map_or(Ok(()), |topic| self.milena(&["topics", "delete", "-t", &topic]))
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
