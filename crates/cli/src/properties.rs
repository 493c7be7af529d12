//! The properties of a command: from a file, from `-X`, and those that its flags mean.

use std::{fs, path::Path};

use milena::{
    Admin,
    config::{AdminConfig, ClientKind, Properties, Warnings, find},
};

use crate::{arguments::Connection, failure::Failure, notice::say};

/// The default of `request.timeout.ms`.
const REQUEST_TIMEOUT_MS: u64 = 30_000;

/// Properties in the order in which they were given: of two with one name the later counts.
#[derive(Debug, Default)]
pub(crate) struct PropertyList(Vec<(String, String)>);

impl PropertyList {
    /// The properties of a file, or none.
    pub(crate) fn from_file(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let bytes = fs::read(path).map_err(|error| Failure::refused(path.display(), error))?;
        // It has no problem with one, and would take keys for names, which warnings show.
        if bytes.starts_with(b"-----BEGIN ") {
            let why = "this is a PEM file: expected properties, NAME=VALUE on each line";
            return Err(Failure::refused(path.display(), why));
        }
        let properties =
            Properties::parse(&bytes).map_err(|error| Failure::refused(path.display(), error))?;
        let entries = properties.entries().iter();
        Ok(Self(entries.map(|entry| (entry.key.clone(), entry.value.clone())).collect()))
    }

    /// What `-F`, `-X` and `-b` say.
    pub(crate) fn of(connection: &Connection) -> Result<Self, Failure> {
        let mut list = Self::read(connection.properties_file.as_deref(), &connection.properties)?;
        list.set("bootstrap.servers", &connection.brokers);
        Ok(list)
    }

    /// What `-F` and `-X` say.
    pub(crate) fn read(file: Option<&Path>, properties: &[String]) -> Result<Self, Failure> {
        let mut list = Self::from_file(file)?;
        for property in properties {
            let pair = property.split_once('=').map(|(name, value)| (name.trim(), value));
            let (name, value) = pair.filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                // What stands behind the name may be a secret.
                let name = property.split([' ', '\t', '=']).next().unwrap_or_default();
                Failure::Usage(format!("-X {name}: it must be NAME=VALUE"))
            })?;
            list.set(name, value);
        }
        Ok(list)
    }

    /// Sets a property, whatever was said of it before.
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// Sets a property that has not been set.
    pub(crate) fn set_default(&mut self, name: &str, value: impl ToString) {
        if !self.contains(name) {
            self.set(name, value);
        }
    }

    /// The number that a property was set to.
    fn number(&self, name: &str) -> Option<u64> {
        let (_, value) = self.0.iter().rev().find(|(known, _)| known == name)?;
        value.trim().parse().ok()
    }

    /// Whether the property was set.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// An admin client of the same cluster; properties that only the other client has are left out.
    pub(crate) fn admin(mut self, other: ClientKind) -> Result<Admin, Failure> {
        // Of the clients this one alone refuses a call that may take less time than its requests.
        if let Some(call_ms) = self.number("default.api.timeout.ms")
            && call_ms < self.number("request.timeout.ms").unwrap_or(REQUEST_TIMEOUT_MS)
        {
            self.set("request.timeout.ms", call_ms);
        }
        let entries = self.0.into_iter().filter(|(name, _)| {
            find(name, ClientKind::Admin).is_some() || find(name, other).is_none()
        });
        Ok(Admin::new(AdminConfig::from_properties(entries)?)?)
    }

    /// The properties with their values.
    pub(crate) fn into_entries(self) -> Vec<(String, String)> {
        self.0
    }
}

/// Says on standard error what is odd about a configuration.
pub(crate) fn warn(warnings: &Warnings) {
    for warning in warnings.iter() {
        say(format_args!("milena: warning: {warning}"));
    }
}
