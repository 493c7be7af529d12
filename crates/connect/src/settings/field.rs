//! The fields of a configuration as data.
//!
//! Connectors read their configuration with it ([`TableReader`](super::TableReader)), and
//! [`describe`](crate::describe) prints it.

/// One field of a connector's configuration, under the name that the system gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name in JSON.
    pub name: &'static str,
    /// The name that the system shows its users.
    pub label: &'static str,
    /// What it may hold.
    pub kind: FieldKind,
    /// Whether it must be there.
    pub required: bool,
    /// What counts when it is not there.
    pub default: Option<&'static str>,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// What it is for, as the end of "expected a text, ...".
    pub doc: &'static str,
    /// A value that it could have, as JSON has it.
    pub example: Option<&'static str>,
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// A text that is not blank.
    Text,
    /// Any text: a blank one is a value too.
    AnyText,
    /// One of these texts, in upper or lower case.
    Choice(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// A whole number in this range, ends included.
    Integer(i64, i64),
    /// A list of whole numbers, each in this range.
    Integers(i64, i64),
    /// A number in this range that may have a fraction.
    Decimal(i64, i64),
    /// A text, or a list of texts.
    TextOrList,
    /// A table of names and texts; numbers and truth values count as texts.
    Texts,
    /// A table of client properties by Kafka's names; `a.b = 1` is the same as `"a.b" = "1"`.
    Properties,
    /// Any value.
    Json,
    /// A table of names and any values.
    JsonTable,
    /// A table that is read by fields of its own, which the reader knows.
    Table,
    /// A list of such tables.
    Tables,
    /// A table with these fields.
    Record(&'static [Field]),
    /// A list of tables with these fields.
    Records(&'static [Field]),
}

impl FieldKind {
    /// What was expected, in words.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text | Self::AnyText => "a text".to_owned(),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer(least, most) => {
                format!("a whole number{}", in_range(least, most))
            }
            Self::Integers(least, most) => {
                format!("a list of whole numbers{}", in_range(least, most))
            }
            Self::Decimal(least, most) => format!("a number{}", in_range(least, most)),
            Self::TextOrList => "a text or a list of texts".to_owned(),
            Self::Texts => "a table of names and texts".to_owned(),
            Self::Properties => "a table of names and texts, numbers or truth values".to_owned(),
            Self::Json => "a value".to_owned(),
            Self::JsonTable => "a table of names and values".to_owned(),
            Self::Table | Self::Record(_) => "a table".to_owned(),
            Self::Tables | Self::Records(_) => "a list of tables".to_owned(),
        }
    }

    /// The fields of the tables that it holds, if this kind names them.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Record(fields) | Self::Records(fields) => fields,
            _ => &[],
        }
    }
}

/// A range, where it is one: the ends of the type itself are none.
fn in_range(least: i64, most: i64) -> String {
    match (least, most) {
        (i64::MIN, i64::MAX) => String::new(),
        (least, i64::MAX) => format!(" from {least}"),
        (i64::MIN, most) => format!(" up to {most}"),
        (least, most) => format!(" from {least} to {most}"),
    }
}

impl Field {
    /// A field that must be there.
    #[must_use]
    pub const fn required(
        name: &'static str,
        label: &'static str,
        kind: FieldKind,
        doc: &'static str,
    ) -> Self {
        Self { required: true, ..Self::optional(name, label, kind, doc) }
    }

    /// A field that may be left out.
    #[must_use]
    pub const fn optional(
        name: &'static str,
        label: &'static str,
        kind: FieldKind,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            label,
            kind,
            required: false,
            default: None,
            secret: false,
            doc,
            example: None,
        }
    }

    /// The same field, with what counts when it is not there: what the reader then gives.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// The same field, whose value is never shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The same field, with a value that it could have.
    #[must_use]
    pub const fn example(mut self, json: &'static str) -> Self {
        self.example = Some(json);
        self
    }

    /// What was expected, and what for.
    pub(crate) fn expected(&self) -> String {
        format!("expected {}, {}", self.kind.expected(), self.doc)
    }
}
