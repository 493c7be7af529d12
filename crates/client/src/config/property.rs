//! One property of Kafka's client configuration as data: type, range, defaults, support.
//!
//! The rows are in [`table`](super::table); everything else of `config` reads them.

use std::fmt;

/// Which client a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientKind {
    /// A producer.
    Producer,
    /// A consumer.
    Consumer,
    /// An admin client.
    Admin,
}

impl ClientKind {
    /// Every kind, in the order of the documents.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Consumer, Self::Admin];

    const fn bit(self) -> u8 {
        match self {
            Self::Producer => 1,
            Self::Consumer => 2,
            Self::Admin => 4,
        }
    }
}

impl fmt::Display for ClientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Admin => "admin",
        })
    }
}

/// The clients that a property is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients(u8);

impl Clients {
    /// The producer.
    pub const PRODUCER: Self = Self(ClientKind::Producer.bit());
    /// The consumer.
    pub const CONSUMER: Self = Self(ClientKind::Consumer.bit());
    /// The admin client.
    pub const ADMIN: Self = Self(ClientKind::Admin.bit());
    /// All of them.
    pub const ALL: Self = Self(7);

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether this client is among them.
    #[must_use]
    pub const fn contains(self, client: ClientKind) -> bool {
        self.0 & client.bit() != 0
    }
}

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = ClientKind::ALL
            .into_iter()
            .filter(|kind| self.contains(*kind))
            .map(|kind| kind.to_string())
            .collect();
        f.write_str(&names.join(", "))
    }
}

/// The type of a property's value, and what is valid.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer {
        /// Kafka's width.
        width: Width,
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
        /// One more number that has a meaning of its own.
        or: Option<i64>,
    },
    /// A number.
    Double {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Any text.
    Text,
    /// A text that is not empty.
    NonEmptyText,
    /// One of these texts.
    Choice {
        /// The texts, in Kafka's spelling.
        values: &'static [&'static str],
        /// Whether upper and lower case are the same.
        any_case: bool,
    },
    /// Texts with commas between them.
    List,
    /// The name of a Java class.
    Class,
    /// A text that is never shown.
    Password,
}

/// The width of a whole number in Java.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 16 bits.
    Short,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
}

impl Width {
    /// The smallest and the largest number of this width.
    #[must_use]
    pub const fn limits(self) -> (i64, i64) {
        match self {
            Self::Short => (-32_768, 32_767),
            Self::Int => (-2_147_483_648, 2_147_483_647),
            Self::Long => (i64::MIN, i64::MAX),
        }
    }
}

impl Kind {
    /// Kafka's name of the type.
    #[must_use]
    pub const fn kafka_type(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer { width: Width::Short, .. } => "short",
            Self::Integer { width: Width::Int, .. } => "int",
            Self::Integer { width: Width::Long, .. } => "long",
            Self::Double { .. } => "double",
            Self::Text | Self::NonEmptyText | Self::Choice { .. } => "string",
            Self::List => "list",
            Self::Class => "class",
            Self::Password => "password",
        }
    }

    /// What is valid, in short; empty when everything of the type is.
    #[must_use]
    pub fn range(&self) -> String {
        match self {
            Self::Integer { width, min, max, or } => {
                let range = integer_range(*width, *min, *max);
                or.map_or_else(|| range.clone(), |other| format!("{range} or {other}"))
            }
            Self::Double { min, max } if min.is_finite() => format!("{min} to {max}"),
            Self::NonEmptyText => "not empty".to_owned(),
            Self::Choice { values, .. } => values.join(", "),
            _ => String::new(),
        }
    }
}

fn integer_range(width: Width, min: i64, max: i64) -> String {
    let (lowest, highest) = width.limits();
    match (min == lowest, max == highest) {
        (true, true) => String::new(),
        (true, false) => format!("up to {max}"),
        (false, true) => format!("{min} or more"),
        (false, false) => format!("{min} to {max}"),
    }
}

/// What this client does with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// It has the effect that Kafka's own client gives it.
    Supported,
    /// It is accepted and has no effect, which does no harm, for this reason.
    Ignored(&'static str),
    /// Setting it to anything but Kafka's default is an error, for this reason.
    Unsupported(&'static str),
}

/// One property of Kafka's client configuration.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Property {
    /// Kafka's name.
    pub name: &'static str,
    /// The clients that it is for.
    pub clients: Clients,
    /// Type and valid values.
    pub kind: Kind,
    /// The first Kafka release whose clients know it.
    pub since: &'static str,
    /// Kafka's default as a text; `None`: there is none.
    pub kafka_default: Option<&'static str>,
    /// Our default as a text; `None`: there is none.
    pub default: Option<&'static str>,
    /// Why our default or our type is not Kafka's; empty when they are the same.
    pub difference: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What this client does with it.
    pub support: Support,
    /// Valid values of a supported property that are refused, each with the reason.
    pub unsupported_values: &'static [(&'static str, &'static str)],
    /// Values of an unsupported property that ask for what this client does anyway.
    pub harmless_values: &'static [&'static str],
    /// Whether Kafka keeps the property for its own use.
    pub internal: bool,
}

impl Property {
    /// A supported property without default.
    pub(super) const fn new(
        name: &'static str,
        clients: Clients,
        kind: Kind,
        since: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            clients,
            kind,
            since,
            kafka_default: None,
            default: None,
            difference: "",
            doc,
            support: Support::Supported,
            unsupported_values: &[],
            harmless_values: &[],
            internal: false,
        }
    }

    /// Kafka's default, which is ours too.
    pub(super) const fn default(mut self, text: &'static str) -> Self {
        self.kafka_default = Some(text);
        self.default = Some(text);
        self
    }

    /// Our own default, and why it is not Kafka's.
    pub(super) const fn ours(mut self, text: Option<&'static str>, why: &'static str) -> Self {
        self.default = text;
        self.difference = why;
        self
    }

    /// It is accepted and has no effect.
    pub(super) const fn ignored(mut self, why: &'static str) -> Self {
        self.support = Support::Ignored(why);
        self
    }

    /// It is refused.
    pub(super) const fn unsupported(mut self, why: &'static str) -> Self {
        self.support = Support::Unsupported(why);
        self
    }

    /// These values are refused.
    pub(super) const fn but_not(mut self, values: &'static [(&'static str, &'static str)]) -> Self {
        self.unsupported_values = values;
        self
    }

    /// These values are accepted, although the property is refused.
    pub(super) const fn harmless(mut self, values: &'static [&'static str]) -> Self {
        self.harmless_values = values;
        self
    }

    /// It is refused where the feature `oauth` is off.
    pub(super) const fn needs_oauth(self) -> Self {
        if cfg!(feature = "oauth") {
            return self;
        }
        self.unsupported(
            "tokens of an endpoint need the feature `oauth` of the crate milena, which is off; \
             turn it on, or give the builder a token provider",
        )
    }

    /// Kafka keeps it for its own use.
    pub(super) const fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    /// Whether its value must not be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Password)
    }
}

/// A default as the documents show it.
pub(in crate::config) fn shown_default(text: Option<&str>) -> String {
    match text {
        None => "none".to_owned(),
        Some("") => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
    }
}
