//! `cargo xtask test`: every check, in the order in which a failure is cheapest to learn.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

use crate::fuzz::Extent;

/// Run the project's checks. The first group that fails ends the run.
///
/// The real-Kafka group needs a JDK 17, Maven and openssl, and the instructions are counted by
/// valgrind; where these are missing a group is left out, which is a failure with CI=true.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask test", bin_name = "cargo xtask test")]
struct Arguments {
    /// Run this group alone (can be repeated)
    #[arg(long, value_name = "GROUP")]
    group: Vec<Group>,
    /// Leave this group out (can be repeated)
    #[arg(long, value_name = "GROUP")]
    without: Vec<Group>,
    /// Go on with the other groups after one has failed
    #[arg(long)]
    keep_going: bool,
}

/// A group of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// The format of every file
    Fmt,
    /// Clippy on everything, every warning an error
    Lints,
    /// Whether the generated code is what `cargo xtask gen` writes
    Generated,
    /// Links, paths and commands of the documents, sizes of the sources
    Tidy,
    /// Unit, golden, property and embedded tests
    Unit,
    /// The documentation, every warning an error, and its examples
    Doc,
    /// The library without its default features
    Features,
    /// A build with a C compiler that fails
    NoC,
    /// Instructions of a record and a message, against their bounds
    Instructions,
    /// Each fuzz target with a fixed seed
    Fuzz,
    /// The tests against real Apache Kafka
    Kafka,
}

/// How a group ended.
#[derive(Debug)]
enum Outcome {
    Passed,
    Failed(String),
    LeftOut(String),
}

/// Runs the groups that the arguments name, all by default, and sums them up.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let program = "cargo xtask test".to_owned();
    let arguments =
        Arguments::try_parse_from([program].iter().chain(arguments)).unwrap_or_else(|e| e.exit());
    let mut summary = Vec::new();
    let mut has_failed = false;
    for group in Group::value_variants().iter().copied() {
        let is_asked_for = arguments.group.is_empty() || arguments.group.contains(&group);
        if !is_asked_for {
            continue;
        }
        let begin = Instant::now();
        let outcome = if arguments.without.contains(&group) {
            Outcome::LeftOut("--without".to_owned())
        } else if has_failed && !arguments.keep_going {
            Outcome::LeftOut("an earlier group failed".to_owned())
        } else {
            eprintln!("\n== {}", group.name());
            group.run()
        };
        has_failed |= matches!(outcome, Outcome::Failed(_));
        summary.push((group, outcome, begin.elapsed()));
    }
    print_summary(&summary);
    if has_failed { Err("not everything passed".to_owned()) } else { Ok(()) }
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Lints => "lints",
            Self::Generated => "generated",
            Self::Tidy => "tidy",
            Self::Features => "features",
            Self::NoC => "no-c",
            Self::Instructions => "instructions",
            Self::Fuzz => "fuzz",
            Self::Unit => "unit",
            Self::Doc => "doc",
            Self::Kafka => "kafka",
        }
    }

    fn run(self) -> Outcome {
        match self {
            Self::Fmt => cargo("fmt --all --check"),
            Self::Lints => cargo("clippy --workspace --all-targets --quiet -- --deny warnings"),
            Self::Generated => outcome(crate::generate::run(&["--check".to_owned()])),
            Self::Tidy => outcome(crate::tidy::run(&[])),
            Self::Features => features(),
            Self::NoC => outcome(crate::no_c::run(&[])),
            Self::Instructions => instructions(),
            Self::Fuzz => outcome(crate::fuzz::run_targets(&[], Extent::Repeat { seed: 1 })),
            // The real-Kafka tests are among these targets, where they are reported as ignored.
            Self::Unit => cargo("test --workspace --all-targets --no-fail-fast"),
            Self::Doc => documentation(),
            Self::Kafka => real_kafka(),
        }
    }
}

/// Builds the library without default features, and tries what it says of one that is off.
fn features() -> Outcome {
    let without = "--package milena --no-default-features";
    match cargo(&format!("clippy {without} --all-targets --quiet -- --deny warnings")) {
        Outcome::Passed => cargo(&format!("test {without} --lib config::tests::security")),
        failed => failed,
    }
}

/// Makes the documentation, where links lead astray unless somebody looks, and runs its examples.
fn documentation() -> Outcome {
    match cargo_with("doc --workspace --no-deps --quiet", &[("RUSTDOCFLAGS", "--deny warnings")]) {
        Outcome::Passed => cargo("test --workspace --doc --no-fail-fast"),
        failed => failed,
    }
}

fn outcome(result: Result<(), String>) -> Outcome {
    result.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

/// What becomes of a group that needs what is not there.
fn left_out(what: String) -> Outcome {
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    eprintln!("\n*** {what}\n");
    if is_ci { Outcome::Failed(what) } else { Outcome::LeftOut(what) }
}

/// Counts instructions where there is what counts them.
fn instructions() -> Outcome {
    match crate::valgrind::check() {
        Ok(()) => outcome(crate::count::run(&[])),
        Err(missing) => left_out(format!("no instructions were counted: {missing}")),
    }
}

/// Runs the real-Kafka tests where everything that they need is there.
fn real_kafka() -> Outcome {
    if let Err(missing) = kafka_lab::java::check() {
        return left_out(format!("no test against real Apache Kafka was run: {missing}"));
    }
    // A filter or an attribute that leaves nothing to run must not pass for a success.
    match count_real_kafka_tests() {
        Ok(0) => Outcome::Failed("there is no real-Kafka test to run".to_owned()),
        Ok(_) => {
            cargo("test --package milena-tests --test kafka --no-fail-fast -- --include-ignored")
        }
        Err(error) => Outcome::Failed(error),
    }
}

fn count_real_kafka_tests() -> Result<usize, String> {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--package", "milena-tests", "--test", "kafka"])
        .args(["--", "--ignored", "--list"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("the real-Kafka tests could not be listed ({})", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter(|line| line.ends_with(": test")).count())
}

/// Runs one cargo command and says which.
fn cargo(arguments: &str) -> Outcome {
    cargo_with(arguments, &[])
}

/// Runs one cargo command with these variables, and says which.
fn cargo_with(arguments: &str, variables: &[(&str, &str)]) -> Outcome {
    eprintln!("cargo {arguments}");
    let mut command = Command::new(env!("CARGO"));
    let status = command.args(arguments.split(' ')).envs(variables.iter().copied()).status();
    match status.map(|status: ExitStatus| (status.success(), status)) {
        Ok((true, _)) => Outcome::Passed,
        Ok((false, status)) => Outcome::Failed(format!("cargo {arguments}: {status}")),
        Err(error) => Outcome::Failed(format!("cargo could not be started: {error}")),
    }
}

fn print_summary(summary: &[(Group, Outcome, Duration)]) {
    eprintln!("\n== summary");
    for (group, outcome, elapsed) in summary {
        let name = group.name();
        match outcome {
            Outcome::Passed => eprintln!("{name:<12} passed    {elapsed:>8.1?}"),
            Outcome::Failed(why) => eprintln!("{name:<12} FAILED    {elapsed:>8.1?}  {why}"),
            Outcome::LeftOut(why) => eprintln!("{name:<12} LEFT OUT            {why}"),
        }
    }
}
