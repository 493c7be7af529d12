//! `cargo xtask kafka`: a real Apache Kafka on this machine, from the command line.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use kafka_lab::{
    Certificates, KafkaVersion, Lab, LabError, LabOptions, Listener, archive, artifacts, cache,
    probe, tools, users,
};

/// Real Apache Kafka brokers on 127.0.0.1, from Maven artifacts.
///
/// Needs a JDK 17, Maven and openssl. Jars, certificates and class archives are kept in
/// `$MILENA_KAFKA_CACHE`, else in `~/.cache/milena-kafka`.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask kafka", bin_name = "cargo xtask kafka")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring a release's jars and print their folder
    Fetch {
        version: KafkaVersion,
        /// Throw away what is there first
        #[arg(long)]
        again: bool,
    },
    /// Make a release's class archive, with which its brokers start faster
    Warm { version: KafkaVersion },
    /// Start a cluster and print how to reach it
    Start(Start),
    /// End all of its processes
    Stop {
        #[command(flatten)]
        place: Place,
        /// Kill them rather than have them shut down
        #[arg(long)]
        now: bool,
    },
    /// Kill a broker (SIGKILL)
    Kill(Node),
    /// Have a broker shut down (SIGTERM)
    Terminate(Node),
    /// Stop a broker's execution (SIGSTOP)
    Pause(Node),
    /// Let a paused broker go on (SIGCONT)
    Resume(Node),
    /// Start a broker again with its data, and wait until it is ready
    Restart(Node),
    /// Say which processes run and what memory they hold
    Status(Place),
    /// Print how to reach the cluster, as NAME=VALUE lines
    Env(Place),
    /// Run one of Kafka's tools, such as topics, or a class by its full name
    Tool {
        /// The release whose tool it is
        #[arg(long, default_value = DEFAULT_VERSION)]
        version: KafkaVersion,
        name: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Make certificates for tests in an empty folder
    Certificates { folder: PathBuf },
    /// Print the versions of every API that a PLAINTEXT listener supports
    ApiVersions {
        /// HOST:PORT
        address: String,
    },
}

#[derive(Debug, Args)]
struct Start {
    #[command(flatten)]
    place: Place,
    #[arg(long, default_value = DEFAULT_VERSION)]
    version: KafkaVersion,
    /// How many brokers
    #[arg(long, default_value_t = 1)]
    nodes: u16,
    /// The first port [default: the first of a free block]
    #[arg(long)]
    base_port: Option<u16>,
    /// The most heap of a broker
    #[arg(long, default_value = "128m")]
    heap: String,
    /// Run the authorizer; the super user is admin
    #[arg(long)]
    acl: bool,
    /// Set a property of every broker
    #[arg(long, value_name = "NAME=VALUE")]
    config: Vec<String>,
    /// Finalize a feature (KRaft)
    #[arg(long, value_name = "NAME=LEVEL")]
    feature: Vec<String>,
    /// Add an option of the brokers' JVMs, as --jvm=-Xlog:gc
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    jvm: Vec<String>,
    /// Go on with the data of the last start
    #[arg(long)]
    keep: bool,
    /// How long to wait until it is ready
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
}

#[derive(Debug, Args)]
struct Place {
    /// The folder of the cluster [default: `cluster` in the cache]
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Node {
    #[command(flatten)]
    place: Place,
    /// The broker; they are numbered from 1
    #[arg(long, default_value_t = 1)]
    node: u16,
}

const DEFAULT_VERSION: &str = "4.3.1";

/// Runs one subcommand.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let program = "cargo xtask kafka".to_owned();
    let arguments =
        Arguments::try_parse_from([program].iter().chain(arguments)).unwrap_or_else(|e| e.exit());
    dispatch(arguments.command).map_err(|error| error.to_string())
}

fn dispatch(command: Command) -> Result<(), LabError> {
    match command {
        Command::Fetch { version, again } => {
            let folder =
                if again { artifacts::fetch_again(version) } else { artifacts::fetch(version) }?;
            println!("{}", folder.display());
        }
        Command::Warm { version } => println!("{}", archive::warm(version)?.display()),
        Command::Start(start) => start.run()?,
        Command::Stop { place, now } => place.open()?.stop(!now)?,
        Command::Kill(node) => node.place.open()?.kill(node.node)?,
        Command::Terminate(node) => node.place.open()?.terminate(node.node)?,
        Command::Pause(node) => node.place.open()?.pause(node.node)?,
        Command::Resume(node) => node.place.open()?.resume(node.node)?,
        Command::Restart(node) => {
            let begin = Instant::now();
            node.place.open()?.restart(node.node)?;
            eprintln!("node {} is ready after {:.1?}", node.node, begin.elapsed());
        }
        Command::Status(place) => print_status(&place.open()?),
        Command::Env(place) => print_env(&place.open()?),
        Command::Tool { version, name, arguments } => run_tool(version, &name, &arguments)?,
        Command::Certificates { folder } => {
            println!("{}", Certificates::make(&folder)?.folder().display());
        }
        Command::ApiVersions { address } => {
            for (key, lowest, highest) in probe::api_versions(&address)?.apis {
                println!("{key} {lowest}-{highest}");
            }
        }
    }
    Ok(())
}

impl Place {
    fn folder(&self) -> Result<PathBuf, LabError> {
        match &self.dir {
            Some(folder) => Ok(folder.clone()),
            None => Ok(cache::root()?.join("cluster")),
        }
    }

    fn open(&self) -> Result<Lab, LabError> {
        Lab::open(&self.folder()?)
    }
}

impl Start {
    fn run(self) -> Result<(), LabError> {
        if !Path::new(&artifacts::library(self.version)?).is_dir() {
            eprintln!("bringing Kafka {} (half a minute at first)", self.version);
            artifacts::fetch(self.version)?;
        }
        let mut options = LabOptions::new(self.version)
            .folder(self.place.folder()?)
            .nodes(self.nodes)
            .heap(self.heap)
            .limit(Duration::from_secs(self.wait))
            .detached();
        if let Some(port) = self.base_port {
            options = options.base_port(port);
        }
        if self.acl {
            options = options.acl();
        }
        if self.keep {
            options = options.keep();
        }
        for property in &self.config {
            let (name, value) = property.split_once('=').ok_or_else(|| {
                LabError::Usage(format!("--config {property}: NAME=VALUE is expected"))
            })?;
            options = options.config(name, value);
        }
        for feature in self.feature {
            options = options.feature(feature);
        }
        for option in self.jvm {
            options = options.jvm(option);
        }
        let begin = Instant::now();
        let lab = Lab::start(options)?;
        eprintln!("Kafka {} is ready after {:.1?}", lab.version(), begin.elapsed());
        print_env(&lab);
        Ok(())
    }
}

fn print_env(lab: &Lab) {
    for listener in Listener::FOR_CLIENTS {
        println!("MILENA_KAFKA_{listener}={}", lab.bootstrap(listener));
    }
    if let Some(address) = lab.zookeeper() {
        println!("MILENA_KAFKA_ZOOKEEPER={address}");
    }
    println!("MILENA_KAFKA_VERSION={}", lab.version());
    println!("MILENA_KAFKA_CERTIFICATES={}", lab.certificates().folder().display());
    let users = users::USERS.map(|user| format!("{}:{}", user.name, user.password));
    println!("MILENA_KAFKA_USERS={}", users.join(","));
}

fn print_status(lab: &Lab) {
    println!("Kafka {} with {} node(s) in {}", lab.version(), lab.nodes(), lab.folder().display());
    for node in lab.status() {
        match (node.pid, node.resident_mib) {
            (Some(pid), Some(mib)) => println!("{:<10} pid {pid}, {mib} MiB", node.name),
            (Some(pid), None) => println!("{:<10} pid {pid}", node.name),
            (None, _) => println!("{:<10} down", node.name),
        }
    }
}

/// Runs a tool on this terminal; its failure is this command's.
fn run_tool(version: KafkaVersion, name: &str, arguments: &[String]) -> Result<(), LabError> {
    let mut command = tools::command(version, name)?;
    command.args(arguments).stdin(Stdio::inherit());
    let status = command.status().map_err(|source| LabError::Io {
        what: format!("{} could not be started", command.get_program().to_string_lossy()),
        source,
    })?;
    std::process::exit(status.code().unwrap_or(1))
}
