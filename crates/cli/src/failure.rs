//! How a command ends that does not end well.

use std::{fmt::Display, io, process::ExitCode};

use milena::{ErrorCode, ErrorKind};
use milena_connect::connector::with_causes;

use crate::{interrupt::Signal, notice::say};

/// Why the program ends otherwise than by having done what it was told.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not be done: one line says why. Ends with 1.
    Failed(String),
    /// It was called wrongly: a line says how, another where to read on. Ends with 2.
    Usage(String),
    /// A property, a flow or another file that the command line names cannot be used: one line says why.
    /// Ends with 2.
    Refused(String),
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

    /// Something that was given and cannot be used, with what it is before its cause.
    pub(crate) fn refused(what: impl Display, cause: impl Display) -> Self {
        Self::Refused(format!("{what}: {cause}"))
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
            Self::Failed(text) | Self::Refused(text) => say(format_args!("milena: {text}")),
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
            Self::Usage(_) | Self::Refused(_) => 2,
            Self::Ended(signal) => signal.exit_code(),
        })
    }
}

impl From<milena::Error> for Failure {
    fn from(error: milena::Error) -> Self {
        match error.kind() {
            ErrorKind::Config => Self::Refused(explain(&error)),
            _ => Self::Failed(explain(&error)),
        }
    }
}

/// An error, its causes, and what to do where the program can tell.
pub(crate) fn explain(error: &milena::Error) -> String {
    let mut text = with_causes(error);
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
