//! `cargo xtask fuzz [--seconds N | --seed N] [TARGET...]`: builds the fuzz targets and runs each for a while.
//!
//! Seconds explore: other inputs each time. A seed repeats a fixed number of inputs, so that whether the
//! tests of a change pass depends on the change and not on luck.
//!
//! The corpus that is committed (`tests/fuzz`) is where each begins. What they find on their way goes
//! to `target/fuzz/corpus`; an input that breaks a rule ends the run and is kept in
//! `target/fuzz/artifacts`: copy it into `tests/fuzz/TARGET` together with its repair.

use std::{fs, path::Path, process::Command};

/// What makes LLVM tell libFuzzer which edges and comparisons an input reaches.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

/// How far each target goes.
#[derive(Clone, Copy)]
pub(crate) enum Extent {
    /// New inputs each time, for so many seconds.
    Seconds(u32),
    /// The inputs that the seed decides, as many as take about ten seconds.
    Repeat { seed: u32 },
}

/// How many inputs of a target take about ten seconds.
const RUNS: &[(&str, u32)] = &[
    ("decompression", 30_000),
    ("feel", 50_000),
    ("messages", 300_000),
    ("properties", 2_000),
    ("records", 300_000),
    ("sasl", 20_000),
];

/// Runs the command with the arguments that follow its name.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let usage = "usage: cargo xtask fuzz [--seconds N | --seed N] [TARGET...]";
    let mut extent = Extent::Seconds(60);
    let mut wanted = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || {
            let number = rest.next().and_then(|number| number.parse::<u32>().ok());
            number.ok_or_else(|| format!("{argument} takes a number\n{usage}"))
        };
        match argument.as_str() {
            "--seconds" => extent = Extent::Seconds(number()?),
            "--seed" => extent = Extent::Repeat { seed: number()? },
            option if option.starts_with('-') => return Err(usage.to_owned()),
            name => wanted.push(name.to_owned()),
        }
    }
    run_targets(&wanted, extent)
}

/// Builds the targets and runs those that are wanted; all when none is named.
pub(crate) fn run_targets(wanted: &[String], extent: Extent) -> Result<(), String> {
    let root = crate::root();
    let targets = targets(&root)?;
    if let Some(unknown) = wanted.iter().find(|name| !targets.contains(name)) {
        return Err(format!("no target {unknown}; there are {}", targets.join(", ")));
    }
    build(&root)?;
    for target in targets.iter().filter(|name| wanted.is_empty() || wanted.contains(name)) {
        fuzz(&root, target, extent)?;
    }
    Ok(())
}

/// The targets: the folders of the corpus.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let folders = crate::spec::sorted(&root.join("tests/fuzz"))?;
    Ok(folders
        .iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect())
}

fn build(root: &Path) -> Result<(), String> {
    // A target triple keeps the flags away from build scripts and macros.
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--target", &crate::no_c::host()?])
        .arg("--target-dir")
        .arg(root.join("target/fuzz"))
        .current_dir(root.join("fuzz"))
        .env("RUSTFLAGS", COVERAGE)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the targets do not build ({status})")) }
}

fn fuzz(root: &Path, target: &str, extent: Extent) -> Result<(), String> {
    let folder = root.join("target/fuzz");
    let artifacts = folder.join("artifacts").join(target);
    let explored = folder.join("corpus").join(target);
    let corpus = match extent {
        Extent::Seconds(_) => explored,
        // What earlier runs found would change the inputs of this one.
        Extent::Repeat { .. } => folder.join("repeated").join(target),
    };
    if matches!(extent, Extent::Repeat { .. }) && corpus.exists() {
        fs::remove_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    }
    for path in [&corpus, &artifacts] {
        fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let program = folder.join(crate::no_c::host()?).join("release").join(target);
    let mut command = Command::new(program);
    command.arg(&corpus).arg(root.join("tests/fuzz").join(target));
    match extent {
        Extent::Seconds(seconds) => command.arg(format!("-max_total_time={seconds}")),
        Extent::Repeat { seed } => {
            let runs = RUNS.iter().find(|(name, _)| *name == target).map(|(_, runs)| runs);
            let runs = runs.ok_or_else(|| format!("RUNS in {} lacks {target}", file!()))?;
            command.args([format!("-runs={runs}"), format!("-seed={seed}")])
        }
    };
    let output = command
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-rss_limit_mb=2048", "-timeout=10", "-max_len=65536", "-print_final_stats=1"])
        .output()
        .map_err(|error| format!("{target} could not be started: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{target} found a fault:\n{log}"));
    }
    let runs = log
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map_or("?", str::trim);
    eprintln!("{target}: {runs} inputs, no fault");
    Ok(())
}
