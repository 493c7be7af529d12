//! `cargo xtask fuzz [--seconds N] [TARGET...]`: builds the fuzz targets and runs each for a while.
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

/// Runs the command with the arguments that follow its name.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let mut seconds = 60_u32;
    let mut wanted = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--seconds" => {
                seconds = rest
                    .next()
                    .and_then(|number| number.parse().ok())
                    .ok_or("--seconds takes a number of seconds")?;
            }
            name if name.starts_with('-') => {
                return Err("usage: cargo xtask fuzz [--seconds N] [TARGET...]".into());
            }
            name => wanted.push(name.to_owned()),
        }
    }
    let root = crate::root();
    let targets = targets(&root)?;
    if let Some(unknown) = wanted.iter().find(|name| !targets.contains(name)) {
        return Err(format!("no target {unknown}; there are {}", targets.join(", ")));
    }
    build(&root)?;
    for target in targets.iter().filter(|name| wanted.is_empty() || wanted.contains(name)) {
        fuzz(&root, target, seconds)?;
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

fn fuzz(root: &Path, target: &str, seconds: u32) -> Result<(), String> {
    let folder = root.join("target/fuzz");
    let corpus = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for path in [&corpus, &artifacts] {
        fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let program = folder.join(crate::no_c::host()?).join("release").join(target);
    let output = Command::new(program)
        .arg(&corpus)
        .arg(root.join("tests/fuzz").join(target))
        .arg(format!("-max_total_time={seconds}"))
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
    eprintln!("{target}: {runs} inputs in {seconds} s, no fault");
    Ok(())
}
