//! A configuration as a tree of values that know where they stand: from JSON or from TOML.

use std::fmt;

use milena::config::Secret;
use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Place, Problems};

/// A value and its place.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub content: Content,
    /// Where it stands, in a text with lines.
    pub place: Option<Place>,
    /// Whether a secret has been put into it: then nothing shows it.
    pub is_secret: bool,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_secret { f.write_str(Secret::MASK) } else { self.content.fmt(f) }
    }
}

/// A value of either language.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// JSON's null.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, or a date, as it is written.
    Other(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A table, in its own order.
    Table(Vec<Entry>),
}

/// One entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// Where the name stands.
    pub place: Option<Place>,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The tree of a JSON value.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(flag) => Content::Boolean(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Content::Integer(integer),
                None => Content::Other(number.to_string()),
            },
            Value::String(text) => Content::Text(text.clone()),
            Value::Array(items) => Content::List(items.iter().map(Self::from_json).collect()),
            Value::Object(entries) => {
                let entry = |(name, value): (&String, &Value)| Entry {
                    name: name.clone(),
                    place: None,
                    node: Self::from_json(value),
                };
                Content::Table(entries.iter().map(entry).collect())
            }
        };
        Self { content, place: None, is_secret: false }
    }

    /// The same value as JSON: a number keeps its digits as far as JSON's numbers go, a date is a text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Boolean(flag) => Value::Bool(*flag),
            Content::Integer(integer) => Value::from(*integer),
            Content::Other(text) => match text.parse::<Number>() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::String(text.clone()),
            },
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Table(entries) => {
                let entry = |entry: &Entry| (entry.name.clone(), entry.node.to_json());
                Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
            }
        }
    }

    /// Reads a TOML text; the tree is a table.
    ///
    /// # Errors
    ///
    /// The first place that is no TOML.
    pub fn from_toml(text: &str) -> Result<Self, Problems> {
        match DeTable::parse(text) {
            Ok(table) => {
                let places = Places { text };
                Ok(Self {
                    content: places.table(table.get_ref()),
                    place: places.of(0),
                    is_secret: false,
                })
            }
            Err(error) => {
                let mut problems = Problems::default();
                let place = places_of_error(text, &error);
                problems.push(place, format!("this is no TOML: {}", error.message()));
                Err(problems)
            }
        }
    }

    /// What a table has under this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Self> {
        let Content::Table(entries) = &self.content else { return None };
        entries.iter().find(|entry| entry.name == name).map(|entry| &entry.node)
    }

    /// The number of a list's first item in messages: texts for people count from 1, as lines do, and
    /// JSON from 0.
    #[must_use]
    pub fn first_index(&self) -> usize {
        usize::from(self.place.is_some())
    }

    /// What is there, for an error.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.is_secret {
            return self.describe_secret().to_owned();
        }
        match &self.content {
            Content::Null => "null".to_owned(),
            Content::Boolean(flag) => flag.to_string(),
            Content::Integer(integer) => format!("the number {integer}"),
            Content::Other(text) => text.clone(),
            Content::Text(text) => format!("the text {text:?}"),
            Content::List(_) => "a list".to_owned(),
            Content::Table(_) => "a table".to_owned(),
        }
    }

    /// As [`describe`](Self::describe), of something that nobody may see.
    #[must_use]
    pub fn describe_secret(&self) -> &'static str {
        match &self.content {
            Content::Null => "null",
            Content::Boolean(_) => "a truth value",
            Content::Integer(_) | Content::Other(_) => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
        }
    }
}

fn places_of_error(text: &str, error: &toml::de::Error) -> Option<Place> {
    error.span().map(|span| Place::of(text, span.start))
}

/// Turns TOML's spans into places.
struct Places<'a> {
    text: &'a str,
}

impl Places<'_> {
    #[expect(clippy::unnecessary_wraps, reason = "a node of JSON has no place")]
    fn of(&self, byte: usize) -> Option<Place> {
        Some(Place::of(self.text, byte))
    }

    fn table(&self, table: &DeTable<'_>) -> Content {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(name, value)| Entry {
                name: name.get_ref().to_string(),
                place: self.of(name.span().start),
                node: self.node(value),
            })
            .collect();
        // The parser's table is sorted by name; the text's own order is the one that readers know.
        entries.sort_by_key(|entry| entry.place);
        Content::Table(entries)
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        Node {
            content: self.content(value.get_ref()),
            place: self.of(value.span().start),
            is_secret: false,
        }
    }

    fn content(&self, value: &DeValue<'_>) -> Content {
        match value {
            DeValue::String(text) => Content::Text(text.to_string()),
            DeValue::Integer(integer) => {
                let digits = integer.as_str();
                match i64::from_str_radix(digits, integer.radix()) {
                    Ok(integer) => Content::Integer(integer),
                    Err(_) => Content::Other(digits.to_owned()),
                }
            }
            DeValue::Float(float) => Content::Other(float.as_str().to_owned()),
            DeValue::Boolean(flag) => Content::Boolean(*flag),
            DeValue::Datetime(date) => Content::Other(date.to_string()),
            DeValue::Array(items) => {
                Content::List(items.iter().map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => self.table(table),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_and_the_places_of_a_toml_text() {
        let node = Node::from_toml("b = 1\na = [\"x\",\n  true]\n[c]\nd.e = 0x10\n").unwrap();
        let Content::Table(entries) = &node.content else { panic!("a table") };
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
        assert_eq!(entries[0].node.place, Some(Place { line: 1, column: 5 }));
        let Content::List(items) = &entries[1].node.content else { panic!("a list") };
        assert_eq!(items[1].place, Some(Place { line: 3, column: 3 }));
        let Content::Table(inner) = &entries[2].node.content else { panic!("a table") };
        let Content::Table(innermost) = &inner[0].node.content else { panic!("a table") };
        assert_eq!(innermost[0].node.content, Content::Integer(16));
    }

    #[test]
    fn names_the_place_that_is_no_toml() {
        let problems = Node::from_toml("name = \"x\"\nbrokers = embedded\n").unwrap_err();
        assert!(
            problems.to_string().starts_with("line 2, column 11: this is no TOML: "),
            "{problems}"
        );
    }
}
