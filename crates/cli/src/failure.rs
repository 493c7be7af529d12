//! How a command ends that does not end well.

use std::{fmt::Display, io, process::ExitCode};

/// Why the program ends otherwise than by having done what it was told.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done: one line says why. Ends with 1.
    Failed(String),
    /// It was called wrongly: one line says how. Ends with 2.
    Usage(String),
    /// A signal ended it, in good order. Ends with 130.
    Interrupted,
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
            Self::Usage(text) => eprintln!("milena: {text}\nFor more information, try '--help'."),
            Self::Interrupted => eprintln!("milena: interrupted"),
            Self::OutputClosed => {}
        }
    }

    /// The code that the program ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::OutputClosed => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Interrupted => 130,
        })
    }
}

impl From<milena::Error> for Failure {
    fn from(error: milena::Error) -> Self {
        Self::Failed(chain(&error))
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let one = error.to_string();
        // Some errors repeat their cause.
        if !text.contains(&one) {
            text.push_str(": ");
            text.push_str(&one);
        }
        cause = error.source();
    }
    text
}
