//! How a command ends that does not end well.

use std::{fmt::Display, io, process::ExitCode};

use milena::ErrorCode;

use crate::{interrupt::Signal, notice::say};

/// Why the program ends otherwise than by having done what it was told.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done: one line says why. Ends with 1.
    Failed(String),
    /// It was called wrongly: one line says how. Ends with 2.
    Usage(String),
    /// A signal ended it, in good order. Ends with 130 for Ctrl-C and 143 for SIGTERM.
    Ended(Signal),
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
            Self::Failed(text) => say(format_args!("milena: {text}")),
            Self::Usage(text) => {
                say(format_args!("milena: {text}\nFor more information, try '--help'."));
            }
            Self::Ended(Signal::Interrupt) => say("milena: interrupted"),
            Self::Ended(Signal::Terminate) => say("milena: terminated"),
            Self::OutputClosed => {}
        }
    }

    /// The code that the program ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::OutputClosed => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Ended(signal) => signal.exit_code(),
        })
    }
}

impl From<milena::Error> for Failure {
    fn from(error: milena::Error) -> Self {
        Self::Failed(explain(&error))
    }
}

/// An error, its causes, and what to do where the program can tell.
pub(crate) fn explain(error: &milena::Error) -> String {
    let mut text = chain(error);
    if let Some(advice) = error.code().and_then(advice) {
        text.push_str(": ");
        text.push_str(advice);
    }
    text
}

/// What helps against an error that a broker answered with.
fn advice(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
            "there is no such topic, or it is hidden from this user; \
             `milena topics list` shows those that there are, `milena topics create` makes one"
        }
        ErrorCode::TOPIC_AUTHORIZATION_FAILED
        | ErrorCode::GROUP_AUTHORIZATION_FAILED
        | ErrorCode::CLUSTER_AUTHORIZATION_FAILED => {
            "the user is known, but has no permission: an ACL has to allow it"
        }
        _ => return None,
    })
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
