//! The clients, how they are built and run, and where their versions are written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kafka_lab::{KafkaVersion, artifacts, java};
use serde_json::Value;

use super::work::{Access, Work};
use crate::child;
use crate::programs;

/// A client with a program that does the works.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) language: &'static str,
    program: Program,
    /// Whether its program has a run with SASL_SSL.
    speaks_tls: bool,
    /// Programs that building it calls, besides cargo.
    builds_with: &'static [&'static str],
}

#[derive(Debug)]
enum Program {
    /// `milena perf`, which consumes batch by batch.
    Milena,
    /// `milena perf consume --stream`: record by record.
    MilenaStream,
    /// A package of the workspace in benches/peers, and the crate whose version counts.
    Rust {
        package: &'static str,
        dependency: Option<&'static str>,
    },
    Go,
    Java,
}

/// How long a run may take before it is ended, and counts as failed.
const LIMIT: Duration = Duration::from_secs(120);

/// The release of Kafka's own client.
const JAVA_CLIENT: KafkaVersion = KafkaVersion::new(4, 3, 1);

const PEERS: [Peer; 9] = [
    Peer {
        name: "floor",
        language: "Rust",
        program: Program::Rust { package: "peer-floor", dependency: None },
        speaks_tls: false,
        builds_with: &[],
    },
    Peer {
        name: "milena",
        language: "Rust",
        program: Program::Milena,
        speaks_tls: true,
        builds_with: &[],
    },
    Peer {
        name: "milena-stream",
        language: "Rust",
        program: Program::MilenaStream,
        speaks_tls: true,
        builds_with: &[],
    },
    Peer {
        name: "franz-go",
        language: "Go",
        program: Program::Go,
        speaks_tls: true,
        builds_with: &["go"],
    },
    Peer {
        name: "librdkafka",
        language: "C",
        program: Program::Rust { package: "peer-librdkafka", dependency: Some("rdkafka-sys") },
        speaks_tls: true,
        builds_with: &["cc", "make", "pkg-config"],
    },
    Peer {
        name: "java",
        language: "Java",
        program: Program::Java,
        speaks_tls: true,
        builds_with: &["javac", "mvn"],
    },
    Peer {
        name: "confluent",
        language: "Rust",
        program: Program::Rust { package: "peer-confluent", dependency: Some("confluent-kafka") },
        speaks_tls: false,
        builds_with: &["cc"],
    },
    Peer {
        name: "kacrab",
        language: "Rust",
        program: Program::Rust { package: "peer-kacrab", dependency: Some("kacrab") },
        speaks_tls: false,
        builds_with: &["cc"],
    },
    Peer {
        name: "krafka",
        language: "Rust",
        program: Program::Rust { package: "peer-krafka", dependency: Some("krafka") },
        speaks_tls: true,
        builds_with: &["cc"],
    },
];

/// The peers of these names; all when there are none.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Peer>, String> {
    if names.is_empty() {
        return Ok(PEERS.iter().collect());
    }
    let find = |name: &String| {
        let known = PEERS.map(|peer| peer.name).join(", ");
        PEERS
            .iter()
            .find(|peer| peer.name == name)
            .ok_or_else(|| format!("{name} is no peer; there are {known}"))
    };
    names.iter().map(find).collect()
}

/// Checks that the programs are there that building and running these peers, and a broker, calls.
///
/// # Errors
///
/// All that are missing, with what needs each.
pub(crate) fn check_programs(
    peers: &[&Peer],
    is_built: bool,
    starts_broker: bool,
) -> Result<(), String> {
    let is_there = |name: &str| match name {
        // They may be in JAVA_HOME alone.
        "java" | "javac" if java::program(name).is_file() => true,
        _ => programs::find(name).is_some(),
    };
    let missing = missing(peers, is_built, starts_broker, is_there);
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "these programs are not in PATH: {}. Install them, or leave peers out: \
         --peer NAME for each that is to take part",
        missing.join(", ")
    ))
}

/// The programs that are not there, each with what needs it.
fn missing(
    peers: &[&Peer],
    is_built: bool,
    starts_broker: bool,
    is_there: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut needs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for peer in peers {
        let builds = if is_built { &[] } else { peer.builds_with };
        let runs: &[&str] = if matches!(peer.program, Program::Java) { &["java"] } else { &[] };
        for program in builds.iter().chain(runs) {
            needs.entry(program).or_default().push(peer.name);
        }
    }
    if starts_broker {
        for program in ["java", "mvn", "openssl"] {
            needs.entry(program).or_default().push("the broker");
        }
    }
    let missing = needs.into_iter().filter(|(program, _)| !is_there(program));
    missing.map(|(program, needed)| format!("{program} (for {})", needed.join(", "))).collect()
}

/// The folder of the peers' sources.
fn folder() -> PathBuf {
    crate::root().join("benches/peers")
}

/// The program under measurement.
pub(crate) fn milena() -> PathBuf {
    crate::root().join("target/release/milena")
}

/// Builds the programs with their optimisations.
pub(crate) fn build(peers: &[&Peer]) -> Result<(), String> {
    let mut milena = Command::new("cargo");
    milena.args(["build", "--release", "-p", "milena-cli"]).current_dir(crate::root());
    succeed(milena)?;
    for peer in peers {
        match peer.program {
            Program::Milena | Program::MilenaStream => {}
            Program::Rust { package, .. } => {
                let mut cargo = Command::new("cargo");
                cargo.args(["build", "--release", "--locked", "-p", package]).current_dir(folder());
                succeed(cargo)?;
            }
            Program::Go => {
                let mut go = Command::new("go");
                go.args(["build", "-o", "../target/release/peer-franz-go", "."])
                    .current_dir(folder().join("franz-go"));
                succeed(go)?;
            }
            Program::Java => {
                let mut javac = Command::new(java::program("javac"));
                javac.arg("-cp").arg(class_path()?);
                javac.args(["-d", "target/java", "java/Peer.java"]).current_dir(folder());
                succeed(javac)?;
            }
        }
    }
    Ok(())
}

fn class_path() -> Result<String, String> {
    let jars = artifacts::fetch(JAVA_CLIENT).map_err(|error| error.to_string())?;
    Ok(format!("{}/*", jars.display()))
}

fn succeed(mut command: Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}")) }
}

impl Peer {
    /// Whether it takes part; the floor knows nothing but batches and a socket.
    pub(crate) fn does(&self, work: &Work, compressed: bool, is_tls: bool) -> bool {
        let is_of_its_kind = match self.program {
            Program::Rust { dependency: None, .. } => work.is_bare() && !compressed,
            Program::MilenaStream => matches!(work, Work::Consume { .. }),
            _ => true,
        };
        is_of_its_kind && (!is_tls || self.speaks_tls)
    }

    /// Does the work once.
    pub(crate) fn run(
        &self,
        work: &Work,
        access: &Access,
        topic: &str,
        partitions: u16,
    ) -> Result<Figures, String> {
        let built = folder().join("target/release");
        let peer_arguments = work.peer_arguments(access, topic, partitions);
        let command = match self.program {
            Program::Milena | Program::MilenaStream => {
                let mut command = Command::new(milena());
                command.args(work.perf_arguments(access, topic));
                command.args(matches!(self.program, Program::MilenaStream).then_some("--stream"));
                command
            }
            Program::Rust { package, .. } => {
                let mut command = Command::new(built.join(package));
                command.args(peer_arguments);
                command
            }
            Program::Go => {
                let mut command = Command::new(built.join("peer-franz-go"));
                command.args(peer_arguments);
                command
            }
            Program::Java => {
                let jars = class_path()?;
                let mut command = Command::new(java::program("java"));
                command.arg("-cp").arg(format!("{}/target/java:{jars}", folder().display()));
                command.arg("Peer").args(peer_arguments);
                command
            }
        };
        let output = child::run(command, LIMIT)?;
        let line = output.stdout.lines().rev().find(|line| line.starts_with('{'));
        line.and_then(Figures::read)
            .ok_or_else(|| output.stderr.lines().rev().take(3).collect::<Vec<_>>().join(" | "))
    }

    /// The client's version.
    pub(crate) fn version(&self) -> Result<String, String> {
        match self.program {
            Program::Milena | Program::MilenaStream | Program::Rust { dependency: None, .. } => {
                Ok(env!("CARGO_PKG_VERSION").to_owned())
            }
            Program::Rust { dependency: Some(dependency), .. } => {
                let lock = read(folder().join("Cargo.lock"))?;
                let version = locked(&lock, dependency)
                    .ok_or_else(|| format!("{dependency} is not in benches/peers/Cargo.lock"))?;
                // rdkafka-sys names the version of the C library behind a plus.
                Ok(version.rsplit('+').next().unwrap_or(version).to_owned())
            }
            Program::Go => {
                let module = read(folder().join("franz-go/go.mod"))?;
                let version = module
                    .split_whitespace()
                    .skip_while(|word| *word != "github.com/twmb/franz-go")
                    .nth(1);
                version.map(str::to_owned).ok_or_else(|| "go.mod names no franz-go".to_owned())
            }
            Program::Java => Ok(JAVA_CLIENT.to_string()),
        }
    }
}

fn read(file: PathBuf) -> Result<String, String> {
    std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// What one run has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) records: f64,
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) rss_kib: f64,
    pub(crate) errors: u64,
    /// Median, 99th percentile and that of 99.9, in microseconds; the last is 0 where the program
    /// does not tell it.
    pub(crate) latency_us: Option<[f64; 3]>,
}

impl Figures {
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let figure = |name: &str| line.get(name).and_then(Value::as_f64);
        Some(Self {
            records: figure("records")?,
            wall_s: figure("wall_s")?,
            cpu_s: figure("cpu_s")?,
            rss_kib: figure("rss_kb")?,
            errors: line.get("errors").and_then(Value::as_u64).unwrap_or_default(),
            latency_us: match (figure("p50_us"), figure("p99_us")) {
                (Some(p50), Some(p99)) => Some([p50, p99, figure("p999_us").unwrap_or_default()]),
                _ => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_figures() {
        let line = r#"{"peer":"x","op":"latency","records":10,"wall_s":1.5,"cpu_s":0.5,"rss_kb":2048,"p50_us":300,"p99_us":900}"#;
        let figures = Figures::read(line).unwrap();
        assert_eq!((figures.records, figures.cpu_s, figures.rss_kib), (10.0, 0.5, 2048.0));
        assert_eq!((figures.errors, figures.latency_us), (0, Some([300.0, 900.0, 0.0])));
        assert!(Figures::read("{}").is_none());
    }

    #[test]
    fn names_the_programs_that_are_missing_and_who_needs_them() {
        let all: Vec<&Peer> = PEERS.iter().collect();
        let of_c = |name: &str| !matches!(name, "cc" | "java" | "go");
        assert_eq!(
            missing(&all, false, true, of_c),
            [
                "cc (for librdkafka, confluent, kacrab, krafka)",
                "go (for franz-go)",
                "java (for java, the broker)"
            ]
        );
        assert_eq!(missing(&all, true, false, of_c), ["java (for java)"]);
        let own = chosen(&["milena".to_owned()]).unwrap();
        assert!(missing(&own, false, false, |_| false).is_empty());
    }

    #[test]
    fn finds_a_locked_version() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0\"\n";
        assert_eq!(locked(lock, "b"), Some("2.0"));
        assert_eq!(locked(lock, "c"), None);
    }
}
