//! Whether the document or the running system is followed where the two differ.

use crate::settings::{Field, FieldKind, TableReader};

const NAME: &str = "compatibility";

pub(super) const FIELD: Field = Field::optional(
    NAME,
    "Compatibility",
    FieldKind::Choice(&["document", "8.4", "current"]),
    "what is followed where the running connector and its document differ",
)
.default("document");

/// Whether the document or the running system is followed where the two differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compatibility {
    /// `document`: as the connector's document has it.
    #[default]
    Document,
    /// `8.4`: as the connectors of Camunda 8.4 do, which are those of the document.
    Camunda84,
    /// `current`: as the connectors of Camunda 8.6 and later do.
    Current,
    /// The older producer, of Camunda 8.1 and 8.2: a connector of its own.
    Legacy82,
}

impl Compatibility {
    pub(super) fn read(reader: &mut TableReader<'_, '_>) -> Self {
        match reader.text(NAME).as_deref() {
            Some("8.4") => Self::Camunda84,
            Some("current") => Self::Current,
            _ => Self::Document,
        }
    }

    /// The value of the field; the older producer has none.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Document | Self::Legacy82 => "document",
            Self::Camunda84 => "8.4",
            Self::Current => "current",
        }
    }

    /// Whether a running system is followed.
    pub(super) const fn is_system(self) -> bool {
        matches!(self, Self::Camunda84 | Self::Current)
    }

    /// Whether exactly one of user name and password is a mistake. By the documents it is not: then
    /// the configuration's additional properties say how to authenticate.
    pub(super) const fn needs_both_credentials(self) -> bool {
        self.is_system()
    }

    /// Whether a message must have a key.
    pub(super) const fn needs_key(self) -> bool {
        matches!(self, Self::Camunda84 | Self::Legacy82)
    }
}
