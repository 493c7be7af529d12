//! What can go wrong in the lab, with what to do about it.

use std::io;
use std::path::PathBuf;

/// A failure of the lab.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The request makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A program that the lab needs is not there.
    #[error("{program} is missing: install {package} (needed to {purpose})")]
    MissingProgram {
        /// The name of the program.
        program: String,
        /// What brings it.
        package: &'static str,
        /// What it is needed for.
        purpose: &'static str,
    },
    /// A program ended with a failure.
    #[error("{program} failed ({status}):\n{output}")]
    Failed {
        /// The program and what it did.
        program: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// A file or a socket could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path or the address.
        what: String,
        /// The cause.
        source: io::Error,
    },
    /// A node ended while it was expected to come up.
    #[error("{node} ended before it was ready; the end of {log}:\n{tail}", log = log.display())]
    Died {
        /// The node.
        node: String,
        /// Its log file.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// Something did not come up in time.
    #[error("{what} is not ready after {seconds} s; its log: {log}", log = log.display())]
    NotReady {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// Where to look.
        log: PathBuf,
    },
    /// A peer answered what the protocol does not allow.
    #[error("{0}")]
    Protocol(String),
}

impl LabError {
    /// An I/O failure of `what`; made for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The failure to start `program`: it is missing, or it cannot be run.
    pub(crate) fn not_started(
        program: &str,
        package: &'static str,
        purpose: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let program = program.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::NotFound => Self::MissingProgram { program, package, purpose },
            _ => Self::Io { what: format!("{program} could not be started"), source },
        }
    }
}
