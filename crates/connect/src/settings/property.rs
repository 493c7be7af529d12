//! The client properties that a connector sets, in the order in which it sets them.

use std::fmt;

use milena::config::{ClientKind, Secret, find};

/// Who set a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// The connector itself: its own defaults.
    Connector,
    /// The credentials of the configuration.
    Credentials,
    /// Any other field of the configuration.
    Configuration,
    /// The properties of the flow file.
    Flow,
    /// `additionalProperties` of the configuration.
    AdditionalProperties,
    /// `-F` and `-X` on the command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connector => "connector",
            Self::Credentials => "credentials",
            Self::Configuration => "configuration",
            Self::Flow => "flow",
            Self::AdditionalProperties => "additional properties",
            Self::CommandLine => "command line",
        })
    }
}

/// One client property. Its value can be a secret: `Debug` and `Display` mask those.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientProperty {
    /// Kafka's name.
    pub name: String,
    /// The value as a text.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
}

impl ClientProperty {
    /// Whether the value must not be shown: a password of Kafka's table, or a name that sounds like one.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        let known = ClientKind::ALL.into_iter().find_map(|client| find(&self.name, client));
        match known {
            Some(property) => property.is_secret(),
            None => {
                let name = self.name.to_lowercase();
                ["password", "secret", "token", "jaas", "credential", "key"]
                    .iter()
                    .any(|word| name.contains(word))
            }
        }
    }
}

impl fmt::Display for ClientProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.is_secret() { Secret::MASK } else { &self.value };
        write!(f, "{} = {value} ({})", self.name, self.origin)
    }
}

impl fmt::Debug for ClientProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Client properties in the order in which they are set: of two with one name, the later counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientProperties(Vec<ClientProperty>);

impl ClientProperties {
    /// Sets a property.
    pub(crate) fn set(&mut self, origin: Origin, name: &str, value: impl Into<String>) {
        self.0.push(ClientProperty { name: name.to_owned(), value: value.into(), origin });
    }

    /// Sets properties of the connector's own.
    pub(crate) fn set_all(&mut self, origin: Origin, properties: &[(&str, &str)]) {
        for (name, value) in properties {
            self.set(origin, name, *value);
        }
    }

    /// Sets those of the properties that are for this kind of client, or for none that Kafka has.
    ///
    /// One table of properties serves a whole flow, so that what only the other side knows is no mistake.
    pub(crate) fn set_for(
        &mut self,
        client: ClientKind,
        origin: Origin,
        properties: &[(String, String)],
    ) {
        for (name, value) in properties {
            let is_for = |kind| find(name, kind).is_some();
            if is_for(client) || !ClientKind::ALL.into_iter().any(is_for) {
                self.set(origin, name, value.as_str());
            }
        }
    }

    /// Each in turn, those that a later one replaces among them.
    pub fn iter(&self) -> impl Iterator<Item = &ClientProperty> {
        self.0.iter()
    }

    /// What counts: the last value of each name, in the order in which the names were set first.
    pub fn effective(&self) -> impl Iterator<Item = &ClientProperty> {
        self.0.iter().enumerate().filter_map(|(at, property)| {
            let is_first = self.0[..at].iter().all(|earlier| earlier.name != property.name);
            is_first.then(|| self.0.iter().rev().find(|last| last.name == property.name)).flatten()
        })
    }

    /// The last value of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|property| property.name == name).map(|last| last.value.as_str())
    }

    /// Names and values of what counts, for `from_properties`.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.effective().map(|property| (property.name.as_str(), property.value.as_str()))
    }
}

impl fmt::Display for ClientProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|property| writeln!(f, "{property}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_counts_and_keeps_the_place_of_the_first() {
        let mut properties = ClientProperties::default();
        properties.set_all(Origin::Connector, &[("acks", "all"), ("retries", "5")]);
        properties.set(Origin::CommandLine, "acks", "1");
        assert_eq!(properties.pairs().collect::<Vec<_>>(), [("acks", "1"), ("retries", "5")]);
        assert_eq!(properties.iter().count(), 3);
    }

    #[test]
    fn leaves_out_what_only_the_other_client_knows() {
        let mut properties = ClientProperties::default();
        let given = [("linger.ms", "5"), ("lingr.ms", "5"), ("client.id", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        properties.set_for(ClientKind::Consumer, Origin::Flow, &given);
        assert_eq!(properties.pairs().collect::<Vec<_>>(), [("lingr.ms", "5"), ("client.id", "x")]);
    }

    #[test]
    fn masks_secrets() {
        let mut properties = ClientProperties::default();
        properties.set(Origin::Credentials, "sasl.jaas.config", "x password=\"hush\";");
        properties.set(Origin::Flow, "my.password", "hush");
        let shown = format!("{properties:?} {properties}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}
