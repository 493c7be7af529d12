//! A topic by name or by id, and what of an answer is about it.

use std::fmt;

use milena_wire::{ByteString, Uuid};

use crate::Error;

/// A topic by name or by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a topic has a name and an id")]
pub enum TopicKey {
    /// By name.
    Name(String),
    /// By id, which a topic of the same name that is created later does not have.
    Id(Uuid),
}

impl From<&str> for TopicKey {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for TopicKey {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<Uuid> for TopicKey {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl fmt::Display for TopicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

impl TopicKey {
    /// Whether an answer with this name and id is about this topic.
    pub(super) fn is(&self, name: Option<&ByteString>, id: Uuid) -> bool {
        match self {
            Self::Name(own) => name.is_some_and(|name| **name == **own),
            Self::Id(own) => *own == id,
        }
    }

    pub(super) const fn is_id(&self) -> bool {
        matches!(self, Self::Id(_))
    }
}

/// The error of a topic, with its name if the answer tells that.
pub(super) fn with_name(error: Error, name: Option<&ByteString>) -> Error {
    match name {
        Some(name) => error.with_topic(&**name),
        None => error,
    }
}
