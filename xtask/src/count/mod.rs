//! `cargo xtask count`: how many instructions a record and a message take, held against their bounds.
//!
//! Instructions depend on the code and the compiler, and not on what else the machine does: a slower
//! `send` is seen where seconds would say nothing. A work of `benches/count` runs under valgrind with N and
//! with 2 N repetitions; the difference by N is what one repetition takes, without the program's begin
//! and end. What the embedded broker does is not counted: it runs in a process of its own, which
//! valgrind does not follow.

mod works;

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use clap::Parser;

use self::works::{WORKS, Work};
use crate::valgrind;

/// Count the instructions of small works, and compare them with their bounds.
///
/// Needs valgrind. The bounds are in xtask/src/count/works.rs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask count", bin_name = "cargo xtask count")]
struct Arguments {
    /// Only these works, by name
    #[arg(value_name = "WORK")]
    works: Vec<String>,
    /// Say which functions the instructions of these works are in, instead of comparing
    #[arg(long, requires = "works")]
    profile: bool,
    /// Use what has been built
    #[arg(long)]
    no_build: bool,
}

/// Counting is some fifty times as slow as running.
const LIMIT: Duration = Duration::from_secs(300);

/// How a count stands to its bound.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Within,
    /// The bound can be lowered.
    Below,
    Above,
}

/// Counts what the arguments name, all by default.
///
/// # Errors
///
/// What is missing, a work that fails, or every work that takes more than its bound.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let program = "cargo xtask count".to_owned();
    let arguments =
        Arguments::try_parse_from([program].iter().chain(arguments)).unwrap_or_else(|e| e.exit());
    let works = chosen(&arguments.works)?;
    valgrind::check()?;
    if !arguments.no_build {
        build()?;
    }
    if arguments.profile {
        return works.iter().try_for_each(|work| profile(work));
    }
    compare(&works)
}

/// The works of these names; all when there are none.
fn chosen(names: &[String]) -> Result<Vec<&'static Work>, String> {
    if names.is_empty() {
        return Ok(WORKS.iter().collect());
    }
    let find = |name: &String| {
        let known = || WORKS.map(|work| work.name).join(", ");
        let work = WORKS.iter().find(|work| work.name == name);
        work.ok_or_else(|| format!("{name} is no work; there are {}", known()))
    };
    names.iter().map(find).collect()
}

/// Builds the works as a release is built, but each crate by itself.
fn build() -> Result<(), String> {
    let arguments = ["build", "--quiet", "--profile", "count", "--package", "milena-count"];
    let status = Command::new(env!("CARGO")).args(arguments).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo {}: {status}", arguments.join(" "))),
        Err(error) => Err(format!("cargo could not be started: {error}")),
    }
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from)
}

/// A work's program and its arguments.
fn program(work: &Work, repetitions: u64) -> Command {
    let mut command = Command::new(target().join("count/milena-count"));
    command.args([work.name, &repetitions.to_string()]);
    command
}

fn succeeded(what: &str, output: &Output) -> Result<(), String> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{what}: {}\n{said}", output.status))
}

fn verdict(work: &Work, counted: f64) -> Verdict {
    let slack = work.instructions * work.slack_percent / 100.0;
    match counted - work.instructions {
        over if over > slack => Verdict::Above,
        over if over < -slack => Verdict::Below,
        _ => Verdict::Within,
    }
}

fn compare(works: &[&Work]) -> Result<(), String> {
    println!("{:<16} {:>12} {:>12} {:>8}  of each", "work", "instructions", "bound", "differs");
    let mut above = Vec::new();
    for work in works {
        let count = |repetitions| {
            let counted = valgrind::instructions(&program(work, repetitions), LIMIT);
            counted.map_err(|error| format!("{}: {error}", work.name))
        };
        let (once, twice) = (count(work.repetitions)?, count(2 * work.repetitions)?);
        let counted = valgrind::each(once, twice, work.repetitions);
        let differs = (counted / work.instructions - 1.0) * 100.0;
        let (name, bound, unit) = (work.name, work.instructions, work.unit);
        let mut line = format!("{name:<16} {counted:>12.1} {bound:>12.1} {differs:>+7.1}%  {unit}");
        match verdict(work, counted) {
            Verdict::Within => {}
            Verdict::Below => line.push_str(": far below, so lower the bound"),
            Verdict::Above => {
                line.push_str(": ABOVE");
                above.push(name);
            }
        }
        println!("{line}");
    }
    if above.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more instructions than the bounds of xtask/src/count/works.rs allow: {}. Where they go: \
         cargo xtask count --profile {}",
        above.join(", "),
        above.first().copied().unwrap_or_default()
    ))
}

/// Prints the functions that most of a work's instructions are in.
fn profile(work: &Work) -> Result<(), String> {
    let file = target().join(format!("count/{}.callgrind", work.name));
    let program = program(work, 2 * work.repetitions);
    let counted = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program.get_program())
        .args(program.get_args())
        .output()
        .map_err(|error| format!("valgrind could not be started: {error}"))?;
    succeeded(work.name, &counted)?;
    let output = Command::new("callgrind_annotate")
        .args(["--auto=no", "--threshold=95"])
        .arg(&file)
        .output()
        .map_err(|error| format!("callgrind_annotate could not be started: {error}"))?;
    succeeded("callgrind_annotate", &output)?;
    println!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = Work {
        name: "a",
        unit: "record",
        repetitions: 10,
        instructions: 200.0,
        slack_percent: 5.0,
    };

    #[test]
    fn tells_counts_within_the_slack_from_those_beyond() {
        for (counted, expected) in [
            (190.1, Verdict::Within),
            (209.9, Verdict::Within),
            (210.1, Verdict::Above),
            (189.9, Verdict::Below),
        ] {
            assert_eq!(verdict(&WORK, counted), expected, "{counted}");
        }
    }

    #[test]
    fn every_work_has_a_name_of_its_own_and_a_slack() {
        for (at, work) in WORKS.iter().enumerate() {
            assert!(WORKS.iter().skip(at + 1).all(|other| other.name != work.name));
            assert!(work.slack_percent > 0.0 && work.repetitions > 0, "{}", work.name);
        }
    }

    #[test]
    fn unknown_works_are_named_with_those_that_there_are() {
        let error = chosen(&["sendd".to_owned()]).unwrap_err();
        assert!(error.starts_with("sendd is no work; there are append, "), "{error}");
    }
}
