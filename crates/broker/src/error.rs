//! Why a broker does not start, or does not do what it is told.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why [`Broker::start`](crate::Broker::start) or [`BrokerBuilder::start`](crate::BrokerBuilder::start) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An option has a value that cannot work.
    Config {
        /// The option of the builder.
        option: &'static str,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A listener could not be bound.
    Listen {
        /// The address as given.
        address: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The certificate, the key or the client CA cannot be used.
    Tls {
        /// What is wrong with which of them.
        problem: String,
    },
    /// The data directory cannot be used.
    Storage {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { option, problem } => {
                write!(formatter, "broker option `{option}`: {problem}")
            }
            Self::Listen { address, .. } => write!(formatter, "cannot listen on {address}"),
            Self::Tls { problem } => write!(formatter, "TLS: {problem}"),
            Self::Storage { path, .. } => {
                write!(formatter, "data directory: cannot use {}", path.display())
            }
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::Storage { source, .. } => Some(source),
            Self::Config { .. } | Self::Tls { .. } => None,
        }
    }
}

/// Why a command to a running broker was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such node.
    UnknownNode {
        /// The id that was given.
        node_id: i32,
    },
    /// There is no such topic or partition.
    UnknownPartition {
        /// The topic that was given.
        topic: String,
        /// The partition that was given.
        partition: i32,
    },
    /// The topic cannot be created.
    Topic {
        /// Why not.
        problem: String,
    },
    /// The node's address could not be bound again.
    Listen {
        /// The operating system's answer.
        problem: String,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownNode { node_id } => write!(formatter, "the broker has no node {node_id}"),
            Self::UnknownPartition { topic, partition } => {
                write!(formatter, "the broker has no partition {topic}-{partition}")
            }
            Self::Topic { problem } => write!(formatter, "the topic cannot be created: {problem}"),
            Self::Listen { problem } => write!(formatter, "the node cannot listen: {problem}"),
        }
    }
}

impl Error for CommandError {}
