//! The values that a table's reader gives: texts, numbers, truth values, maps and JSON.

use serde_json::{Map, Value};

use super::{
    field::{Field, FieldKind},
    node::{Content, Node},
    problem::Problems,
    reader::TableReader,
};
use crate::decimal::Decimal;

impl TableReader<'_, '_> {
    /// The value of a text or a choice, in the choice's own spelling.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let field = self.field(name);
        let default = || field.default.filter(|_| !field.required).map(str::to_owned);
        let Some(node) = self.node(field) else { return default() };
        let Some(text) = self.text_of(node) else {
            self.ill_typed(field, node);
            return None;
        };
        if field.kind != FieldKind::AnyText && text.trim().is_empty() {
            // Forms send what was left out as a blank text.
            if field.required {
                let expected = field.expected();
                self.problem(name, format_args!("is blank: {expected}"));
            }
            return default();
        }
        let FieldKind::Choice(choices) = field.kind else { return Some(text) };
        let chosen = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text.trim()));
        if chosen.is_none() {
            self.ill_typed(field, node);
        }
        chosen.map(|choice| (*choice).to_owned())
    }

    /// The value of a whole number.
    pub fn integer(&mut self, name: &'static str) -> Option<i64> {
        self.scalar(name, |text| {
            // JSON has one kind of number: `5.0` is whole.
            let value = Decimal::parse(text)?.unscaled(0, 19).ok()?.parse().ok()?;
            Some((value, value, value))
        })
    }

    /// The value of a number with a fraction.
    pub fn decimal(&mut self, name: &'static str) -> Option<f64> {
        self.scalar(name, |text| {
            Decimal::parse(text)?;
            let value: f64 = text.parse().ok()?;
            value.is_finite().then(|| (value, clamped(value.floor()), clamped(value.ceil())))
        })
    }

    /// The milliseconds of a number of seconds, exact; what is finer is cut off.
    pub fn milliseconds(&mut self, name: &'static str) -> Option<i64> {
        self.scalar(name, |text| {
            let milliseconds = Decimal::parse(text)?.thousandths()?;
            let floor = milliseconds.div_euclid(1000);
            Some((milliseconds, floor, floor + i64::from(milliseconds.rem_euclid(1000) != 0)))
        })
    }

    /// A truth value.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let field = self.field(name);
        let Some(node) = self.node(field) else {
            return field.default.filter(|_| !field.required).map(|text| text == "true");
        };
        let flag = match &node.content {
            Content::Boolean(flag) => Some(*flag),
            Content::Text(text) if self.coerces && text.trim().eq_ignore_ascii_case("true") => {
                Some(true)
            }
            Content::Text(text) if self.coerces && text.trim().eq_ignore_ascii_case("false") => {
                Some(false)
            }
            Content::Text(text) if self.is_left_out(field, text) => {
                return field.default.map(|text| text == "true");
            }
            _ => None,
        };
        if flag.is_none() {
            self.ill_typed(field, node);
        }
        flag
    }

    /// The whole numbers of a list.
    pub fn integers(&mut self, name: &'static str) -> Option<Vec<i64>> {
        let field = self.field(name);
        let FieldKind::Integers(least, most) = field.kind else { mismatch(field) };
        let node = self.node(field)?;
        let integer = |item: &Node| match &item.content {
            Content::Integer(integer) => Some(*integer),
            Content::Text(text) if self.coerces => text.trim().parse().ok(),
            _ => None,
        };
        let in_range = |item: &Node| integer(item).filter(|value| (least..=most).contains(value));
        let integers = match &node.content {
            Content::List(items) => items.iter().map(in_range).collect(),
            _ => None,
        };
        if integers.is_none() {
            self.ill_typed(field, node);
        }
        integers
    }

    /// The text, or the texts of the list.
    pub fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let field = self.field(name);
        let node = self.node(field)?;
        let texts = match &node.content {
            Content::List(items) => items.iter().map(|item| self.text_of(item)).collect(),
            _ => self.text_of(node).map(|text| vec![text]),
        };
        if texts.is_none() {
            self.ill_typed(field, node);
        }
        texts
    }

    /// The names and texts of a table, in its order.
    pub fn text_table(&mut self, name: &'static str) -> Option<Vec<(String, String)>> {
        let node = self.table(name)?;
        let Content::Table(entries) = &node.content else { return None };
        let mut pairs = Vec::new();
        let mut is_whole = true;
        for entry in entries {
            match scalar_text(&entry.node) {
                Some(text) => pairs.push((entry.name.clone(), text)),
                None => {
                    // The value may be a secret, so only its kind is told.
                    let found = entry.node.describe_secret();
                    let message =
                        format!("{}.{} is {found}: expected a text", self.path(name), entry.name);
                    self.problem_at(entry.node.place, message);
                    is_whole = false;
                }
            }
        }
        is_whole.then_some(pairs)
    }

    /// Client properties in the order of the text; tables in the table are parts of names.
    pub fn properties(&mut self, name: &'static str) -> Vec<(String, String)> {
        let mut properties = Vec::new();
        if let Some(node) = self.table(name) {
            let path = self.path(name);
            flatten(node, "", &path, &mut properties, self.problems);
        }
        properties
    }

    /// Any value; a required one cannot be null.
    pub fn json(&mut self, name: &'static str) -> Option<Value> {
        let field = self.field(name);
        let node = self.node(field)?;
        if node.content == Content::Null {
            self.ill_typed(field, node);
            return None;
        }
        Some(node.to_json())
    }

    /// The names and values of a table, in its order.
    pub fn json_table(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        match self.table(name)?.to_json() {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// A number that `parse` reads, in the range of the field; it gives the value, and the whole
    /// numbers below and above it.
    fn scalar<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<(T, i64, i64)>,
    ) -> Option<T> {
        let field = self.field(name);
        let (FieldKind::Integer(least, most) | FieldKind::Decimal(least, most)) = field.kind else {
            mismatch(field)
        };
        let default = || field.default.and_then(&parse).map(|(value, ..)| value);
        let Some(node) = self.node(field) else {
            return if field.required { None } else { default() };
        };
        let value = match &node.content {
            Content::Integer(integer) => parse(&integer.to_string()),
            Content::Other(text) => parse(text),
            Content::Text(text) if self.is_left_out(field, text) => return default(),
            Content::Text(text) if self.coerces => parse(text.trim()),
            _ => None,
        };
        let value = value.filter(|(_, floor, ceiling)| least <= *floor && *ceiling <= most);
        if value.is_none() {
            self.ill_typed(field, node);
        }
        value.map(|(value, ..)| value)
    }

    /// Whether a form has left an optional field blank.
    fn is_left_out(&self, field: &Field, text: &str) -> bool {
        self.coerces && !field.required && text.trim().is_empty()
    }

    fn text_of(&self, node: &Node) -> Option<String> {
        match &node.content {
            Content::Text(text) => Some(text.clone()),
            _ if self.coerces => scalar_text(node),
            _ => None,
        }
    }
}

/// A field is read by the method of its kind: which one is written where the fields are.
fn mismatch(field: &Field) -> ! {
    unreachable!("{} is of another kind in its own table", field.name)
}

/// A whole float, as the end of 64 bits for what is beyond them.
#[expect(clippy::cast_possible_truncation, reason = "the cast goes to the nearest end")]
fn clamped(value: f64) -> i64 {
    value as i64
}

fn scalar_text(node: &Node) -> Option<String> {
    match &node.content {
        Content::Text(text) | Content::Other(text) => Some(text.clone()),
        Content::Integer(integer) => Some(integer.to_string()),
        Content::Boolean(flag) => Some(flag.to_string()),
        Content::Null | Content::List(_) | Content::Table(_) => None,
    }
}

/// Client properties out of a table; the names of tables in tables are joined with full stops.
fn flatten(
    node: &Node,
    prefix: &str,
    path: &str,
    properties: &mut Vec<(String, String)>,
    problems: &mut Problems,
) {
    let Content::Table(entries) = &node.content else { return };
    for entry in entries {
        let name = format!("{prefix}{}", entry.name);
        if matches!(entry.node.content, Content::Table(_)) {
            flatten(&entry.node, &format!("{name}."), path, properties, problems);
            continue;
        }
        match scalar_text(&entry.node) {
            Some(value) => properties.push((name, value)),
            None => {
                // The value may be a secret, so only its kind is told.
                let found = entry.node.describe_secret();
                let message =
                    format!("{path}.{name} is {found}: expected a text, a number or a truth value");
                problems.push(entry.node.place, message);
            }
        }
    }
}
