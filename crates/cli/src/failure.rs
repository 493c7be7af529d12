//! How a command ends that does not end well.

use std::{fmt::Display, io, process::ExitCode};

/// Why the program ends with another code than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done: one line says why. Ends with 1.
    Failed(String),
    /// Whoever reads our output has gone. Ends with 0, as for any filter.
    OutputClosed,
}

impl Failure {
    /// A failure with what was tried before its cause.
    pub(crate) fn new(what: impl Display, cause: impl Display) -> Self {
        Self::Failed(format!("{what}: {cause}"))
    }

    /// A failure of writing to standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::new("standard output", error),
        }
    }

    /// Writes the line to standard error.
    pub(crate) fn print(&self) {
        match self {
            Self::Failed(text) => eprintln!("milena: {text}"),
            Self::OutputClosed => {}
        }
    }

    /// The code that the program ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::FAILURE,
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}
