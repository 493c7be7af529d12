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
    /// Whether the client is given it. A system can set what its client has no use for: the list shows
    /// it all the same.
    pub is_used: bool,
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
                let words =
                    ["password", "secret", "token", "jaas", "credential", "key", "user.info"];
                // A URL can have a password in it.
                words.iter().any(|word| name.contains(word)) || self.value.contains('@')
            }
        }
    }
}

impl fmt::Display for ClientProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.is_secret() { Secret::MASK } else { &self.value };
        let unused = if self.is_used { "" } else { ", not used" };
        write!(f, "{} = {value} ({}{unused})", self.name, self.origin)
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
        let (name, value) = (name.to_owned(), value.into());
        self.0.push(ClientProperty { name, value, origin, is_used: true });
    }

    /// Sets a property that the system sets, and that this client is not to be given.
    pub(crate) fn set_unused(&mut self, origin: Origin, name: &str, value: impl Into<String>) {
        let (name, value) = (name.to_owned(), value.into());
        self.0.push(ClientProperty { name, value, origin, is_used: false });
    }

    /// Sets properties of the system's own, whether or not this kind of client has a use for them.
    pub(crate) fn set_all_of(&mut self, client: ClientKind, properties: &[(&str, &str)]) {
        for (name, value) in properties {
            if find(name, client).is_some() {
                self.set(Origin::Connector, name, *value);
            } else {
                self.set_unused(Origin::Connector, name, *value);
            }
        }
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

    /// Keeps from the client what is somebody else's, such as a registry's.
    pub(crate) fn set_aside(&mut self, is_of_others: impl Fn(&str) -> bool) {
        let others = self.0.iter_mut().filter(|property| is_of_others(&property.name));
        others.for_each(|property| property.is_used = false);
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

    /// Names and values of what counts, for whoever is not the client.
    pub(crate) fn all_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.effective().map(|property| (property.name.as_str(), property.value.as_str()))
    }

    /// Names and values of what counts, for `from_properties`.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let used = self.effective().filter(|property| property.is_used);
        used.map(|property| (property.name.as_str(), property.value.as_str()))
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
    fn what_the_client_has_no_use_for_is_shown_and_not_given_to_it() {
        let mut properties = ClientProperties::default();
        let given = [("session.timeout.ms", "45000"), ("acks", "all")];
        properties.set_all_of(ClientKind::Producer, &given);
        assert_eq!(
            properties.to_string(),
            "session.timeout.ms = 45000 (connector, not used)\nacks = all (connector)\n"
        );
        assert_eq!(properties.pairs().collect::<Vec<_>>(), [("acks", "all")]);
        properties.set(Origin::AdditionalProperties, "session.timeout.ms", "1");
        assert_eq!(properties.pairs().count(), 2, "what the user sets is the user's business");
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
