//! What was asked for, as text or typed, and its reconciliation with the table.
//!
//! [`Options`] collects, later entries over earlier ones. [`Settled`] is the same after every entry was
//! looked up and checked: it answers with the value that holds, and keeps every problem and warning
//! until [`Settled::finish`] puts all problems into one error.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::Sasl;
use super::properties::Properties;
use super::property::{ClientKind, Property, Support};
use super::value::{self, Value};
use super::warnings::{Finding, Warnings, in_one_message};
use super::{nearest, table};
use crate::error::{Error, ErrorKind};

/// What was asked for.
#[derive(Clone)]
pub(super) struct Options {
    client: ClientKind,
    entries: Vec<Entry>,
    /// Credentials that were given typed; they win over properties.
    sasl: Option<Sasl>,
    /// Host names are not checked, although the property was not set: the builder's `dangerous()`.
    without_host_name_verification: bool,
}

#[derive(Clone)]
struct Entry {
    name: String,
    line: Option<usize>,
    input: Input,
}

#[derive(Clone)]
enum Input {
    Text(String),
    Typed(Value),
}

impl Options {
    pub(super) fn new(client: ClientKind) -> Self {
        Self { client, entries: Vec::new(), sasl: None, without_host_name_verification: false }
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.entries.push(Entry { name: name.to_owned(), line: None, input: Input::Typed(value) });
    }

    pub(super) fn set_text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        let input = Input::Text(text.into());
        self.entries.push(Entry { name: name.into(), line: None, input });
    }

    pub(super) fn set_properties(&mut self, properties: &Properties) {
        for entry in properties.entries() {
            self.entries.push(Entry {
                name: entry.key.clone(),
                line: Some(entry.line),
                input: Input::Text(entry.value.clone()),
            });
        }
    }

    pub(super) fn set_sasl(&mut self, sasl: Sasl) {
        self.sasl = Some(sasl);
    }

    pub(super) fn disable_host_name_verification(&mut self) {
        self.without_host_name_verification = true;
    }

    /// Looks every entry up and checks it.
    pub(super) fn settle(self) -> Settled {
        let mut settled = Settled {
            client: self.client,
            values: BTreeMap::new(),
            lines: BTreeMap::new(),
            refused: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            sasl: self.sasl,
            verify_host_name: !self.without_host_name_verification,
        };
        let mut last: BTreeMap<String, Entry> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for entry in self.entries {
            let name = entry.name.clone();
            let line = entry.line;
            match last.insert(name.clone(), entry) {
                Some(earlier) if earlier.line.is_some() && line.is_some() => {
                    settled.warn_at(&name, line, "it is there twice, and the later one counts");
                }
                Some(_) => {}
                None => order.push(name),
            }
        }
        for name in order {
            if let Some(entry) = last.remove(&name) {
                settled.take(entry);
            }
        }
        settled
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
        f.debug_struct("Options").field("client", &self.client).field("set", &names).finish()
    }
}

/// What was asked for, after it was checked.
pub(super) struct Settled {
    client: ClientKind,
    values: BTreeMap<&'static str, Value>,
    lines: BTreeMap<&'static str, usize>,
    /// Properties whose value was refused: no rule about combinations looks at them.
    refused: Vec<&'static str>,
    problems: Vec<Finding>,
    warnings: Vec<Finding>,
    sasl: Option<Sasl>,
    verify_host_name: bool,
}

impl Settled {
    fn take(&mut self, entry: Entry) {
        let Some(property) = table::find(&entry.name, self.client) else {
            let message = nearest::explain(&entry.name, self.client);
            self.warn_at(&entry.name, entry.line, message);
            return;
        };
        if let Some(line) = entry.line {
            self.lines.insert(property.name, line);
        }
        let checked = match entry.input {
            Input::Text(text) => value::parse(property, &text),
            Input::Typed(value) => value::check(property, value),
        };
        match checked.and_then(|value| supported(property, value)) {
            Ok(value) => {
                if let Support::Ignored(why) = property.support
                    && !is_default(property, &value)
                {
                    self.warn(property.name, format!("it has no effect: {why}"));
                }
                self.values.insert(property.name, value);
            }
            Err(message) => self.problem(property.name, message),
        }
    }

    /// A property that this client's table must have.
    fn property(&self, name: &str) -> &'static Property {
        table::find(name, self.client)
            .expect("configurations ask for properties of their own table")
    }

    /// Whether the property was set, to a value that is valid.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether none of these was set to a value that was refused, so that they can be compared.
    pub(super) fn are_sound(&self, names: &[&str]) -> bool {
        names.iter().all(|name| !self.refused.contains(name))
    }

    /// The value that holds: the one that was set, or our default.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        self.values.get(name).cloned().or_else(|| {
            let property = self.property(name);
            property.default.map(|text| {
                value::parse(property, text).expect("a test reads every default of the table")
            })
        })
    }

    /// Replaces a value that follows from another one.
    pub(super) fn replace(&mut self, name: &'static str, value: Value) {
        self.values.insert(name, value);
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Boolean(true)))
    }

    pub(super) fn integer(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(Value::Integer(number)) => number,
            _ => 0,
        }
    }

    #[cfg(feature = "oauth")]
    pub(super) fn double(&self, name: &str) -> f64 {
        match self.value(name) {
            Some(Value::Double(number)) => number,
            _ => 0.0,
        }
    }

    /// A number whose range lies within `i32`.
    pub(super) fn int(&self, name: &str) -> i32 {
        i32::try_from(self.integer(name)).unwrap_or(i32::MAX)
    }

    /// A number that is not negative.
    pub(super) fn size(&self, name: &str) -> usize {
        usize::try_from(self.integer(name)).unwrap_or(usize::MAX)
    }

    /// Milliseconds; a negative number is none.
    pub(super) fn millis(&self, name: &str) -> Duration {
        Duration::from_millis(u64::try_from(self.integer(name)).unwrap_or_default())
    }

    /// A text, or nothing when it is empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            Some(Value::Password(secret)) => Some(secret.reveal().to_owned()),
            _ => None,
        }
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(values)) => values,
            _ => Vec::new(),
        }
    }

    pub(super) fn client(&self) -> ClientKind {
        self.client
    }

    pub(super) fn take_sasl(&mut self) -> Option<Sasl> {
        self.sasl.take()
    }

    pub(super) fn has_sasl(&self) -> bool {
        self.sasl.is_some()
    }

    pub(super) fn verify_host_name(&self) -> bool {
        self.verify_host_name
    }

    /// Refuses the value of a property.
    pub(super) fn problem(&mut self, name: &str, message: impl Into<String>) {
        if let Some(property) = table::find(name, self.client) {
            self.refused.push(property.name);
        }
        let line = self.lines.get(name).copied();
        self.problems.push(Finding { property: name.to_owned(), line, message: message.into() });
    }

    /// Refuses the value of a property, and shows it.
    pub(super) fn problem_with_value(&mut self, name: &str, given: &str, message: &str) {
        let shown = value::shown(self.property(name), given);
        self.problem(name, format!("{shown}: {message}"));
    }

    pub(super) fn warn(&mut self, name: &str, message: impl Into<String>) {
        let line = self.lines.get(name).copied();
        self.warn_at(name, line, message);
    }

    fn warn_at(&mut self, name: &str, line: Option<usize>, message: impl Into<String>) {
        self.warnings.push(Finding { property: name.to_owned(), line, message: message.into() });
    }

    /// The names that were set and begin so.
    pub(super) fn set_names(&self, prefix: &str) -> Vec<&'static str> {
        self.values.keys().filter(|name| name.starts_with(prefix)).copied().collect()
    }

    /// All warnings, which are logged too, if there is no problem.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with every problem in one message, and with the warnings that may tell where
    /// it comes from: a name that is misspelled makes another one missing. What is for another client is
    /// no such thing.
    pub(super) fn finish(self) -> Result<Warnings, Error> {
        if !self.problems.is_empty() {
            let mut message = format!("{}: {}", self.client, in_one_message(&self.problems));
            let is_of_others = |name: &str| {
                table::find(name, self.client).is_none()
                    && ClientKind::ALL.iter().any(|client| table::find(name, *client).is_some())
            };
            for warning in self.warnings.iter().filter(|one| !is_of_others(&one.property)) {
                let _ = write!(message, "; warning: {warning}");
            }
            return Err(Error::new(ErrorKind::Config, message));
        }
        for warning in &self.warnings {
            tracing::warn!(client = %self.client, property = warning.property, "{warning}");
        }
        Ok(Warnings(self.warnings))
    }
}

/// Refuses what this client does not do.
fn supported(property: &Property, value: Value) -> Result<Value, String> {
    let given = value.to_string();
    if let Support::Unsupported(why) = property.support {
        let harmless = is_default(property, &value)
            || given.is_empty()
            || property.harmless_values.contains(&given.as_str());
        if !harmless {
            let shown = value::shown(property, &given);
            return Err(format!(
                "{shown}: Kafka has this property, but it is not supported: {why}"
            ));
        }
    }
    let refused =
        property.unsupported_values.iter().find(|(name, _)| name.eq_ignore_ascii_case(&given));
    match refused {
        Some((_, why)) => {
            Err(format!("{given:?}: Kafka has this value, but it is not supported: {why}"))
        }
        None => Ok(value),
    }
}

/// Whether the value is Kafka's default or ours.
fn is_default(property: &Property, value: &Value) -> bool {
    [property.kafka_default, property.default]
        .into_iter()
        .flatten()
        .any(|text| value::parse(property, text).as_ref() == Ok(value))
}
