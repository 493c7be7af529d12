//! Counting the instructions of programs with valgrind.
//!
//! What repeats is counted by two runs, of N repetitions and of 2 N: the difference by N is one
//! repetition, without the program's begin and end.

use std::process::Command;
use std::time::Duration;

use crate::child::{self, Output};
use crate::programs;

/// Checks that valgrind is there.
///
/// # Errors
///
/// It is not.
pub(crate) fn check() -> Result<(), String> {
    let found = programs::find("valgrind");
    found.map(drop).ok_or_else(|| "valgrind is not in PATH: install it".to_owned())
}

/// The instructions of a program in user space, its children left out.
///
/// # Errors
///
/// It did not end in time, or failed: valgrind ends as the program does, and what it wrote is told.
pub(crate) fn instructions(program: &Command, limit: Duration) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(program.get_program())
        .args(program.get_args());
    let Output { status, stderr, .. } = child::run(command, limit)?;
    match total(&stderr) {
        Some(count) if status.success() => Ok(count),
        _ => Err(format!("{status}\n{stderr}")),
    }
}

/// What one repetition takes, from the counts of N and of 2 N.
#[expect(clippy::cast_precision_loss, reason = "a quotient for people")]
pub(crate) fn each(once: u64, twice: u64, repetitions: u64) -> f64 {
    twice.saturating_sub(once) as f64 / repetitions.max(1) as f64
}

/// What valgrind says at the end: `==1== I   refs:      1,234`.
fn total(stderr: &str) -> Option<u64> {
    let line = stderr.lines().find(|line| line.contains(" refs:"))?;
    let count: String = line.rsplit(':').next()?.chars().filter(char::is_ascii_digit).collect();
    count.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_valgrind_counts() {
        let stderr = "==1== Command: milena\n==1== \n==1== I   refs:      1,234,567\n";
        assert_eq!(total(stderr), Some(1_234_567));
        assert_eq!(total("nothing"), None);
    }

    #[test]
    fn takes_the_difference_of_two_runs_by_the_repetitions() {
        assert!((each(1_000_100, 1_003_100, 10) - 300.0).abs() < 1e-9);
        assert!(each(7, 3, 10).abs() < 1e-9);
    }
}
