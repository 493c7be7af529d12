//! The fields of a configuration as data, and reading them.

use super::{
    nearest::nearest,
    node::{Content, Entry, Node},
    problem::{Place, Problems},
};

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
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// A text that is not blank.
    Text,
    /// One of these texts, in upper or lower case.
    Choice(&'static [&'static str]),
    /// A whole number in this range, ends included.
    Integer(i64, i64),
    /// A text, or a list of texts.
    TextOrList,
    /// A table of client properties by Kafka's names; `a.b = 1` is the same as `"a.b" = "1"`.
    Properties,
    /// A table with fields of its own.
    Table,
    /// A list of tables with fields of their own.
    Tables,
}

impl FieldKind {
    /// What was expected, in words.
    fn expected(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::Integer(least, most) => format!("a whole number from {least} to {most}"),
            Self::TextOrList => "a text or a list of texts".to_owned(),
            Self::Properties => "a table of names and texts, numbers or truth values".to_owned(),
            Self::Table => "a table".to_owned(),
            Self::Tables => "a list of tables".to_owned(),
        }
    }
}

impl Field {
    /// A text that must be there.
    pub(crate) const fn required(
        name: &'static str,
        label: &'static str,
        kind: FieldKind,
        doc: &'static str,
    ) -> Self {
        Self { name, label, kind, required: true, default: None, secret: false, doc }
    }

    /// A field that may be left out.
    pub(crate) const fn optional(
        name: &'static str,
        label: &'static str,
        kind: FieldKind,
        doc: &'static str,
    ) -> Self {
        Self { name, label, kind, required: false, default: None, secret: false, doc }
    }

    /// The same field, with what counts when it is not there.
    pub(crate) const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// The same field, whose value is never shown.
    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    fn expected(&self) -> String {
        format!("expected {}, {}", self.kind.expected(), self.doc)
    }
}

/// Reads the fields of one table; what is wrong is added to the problems.
///
/// Every field is asked for once; [`finish`](Self::finish) then names the entries that nobody asked for.
pub(crate) struct TableReader<'node, 'problems> {
    entries: &'node [Entry],
    place: Option<Place>,
    path: String,
    fields: &'static [Field],
    problems: &'problems mut Problems,
}

impl<'node, 'problems> TableReader<'node, 'problems> {
    /// A reader of the table that `node` should be; `path` is its name in messages, empty at the top.
    pub(crate) fn new(
        node: &'node Node,
        path: impl Into<String>,
        fields: &'static [Field],
        problems: &'problems mut Problems,
    ) -> Option<Self> {
        let path = path.into();
        let Content::Table(entries) = &node.content else {
            let found = node.describe();
            problems.push(node.place, format!("{path} is {found}: expected a table"));
            return None;
        };
        let reader = Self { entries, place: node.place, path, fields, problems };
        Some(reader)
    }

    /// The name of a field in messages.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The place of the table.
    pub(crate) fn place(&self) -> Option<Place> {
        self.place
    }

    /// Whether the table has an entry of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The value's place, or the table's where there is none.
    pub(crate) fn place_of(&self, name: &str) -> Option<Place> {
        self.entry(name).map_or(self.place, |entry| entry.node.place)
    }

    /// Adds a problem with a field.
    pub(crate) fn problem(&mut self, name: &str, message: impl std::fmt::Display) {
        let message = format!("{} {message}", self.path(name));
        self.problems.push(self.place_of(name), message);
    }

    /// Adds a problem that is not one field's.
    pub(crate) fn problem_at(&mut self, place: Option<Place>, message: impl Into<String>) {
        self.problems.push(place, message);
    }

    /// Adds a problem when a field is there that does not belong here.
    pub(crate) fn refuse(&mut self, name: &str, why: &str) {
        if let Some(entry) = self.entry(name) {
            let message = format!("{} does not belong here: {why}", self.path(name));
            self.problems.push(entry.place, message);
        }
    }

    /// The value of a text or a choice, in the choice's own spelling; `None` where there is none.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let field = self.field(name);
        let node = self.node(field)?;
        let Content::Text(text) = &node.content else {
            self.ill_typed(field, node);
            return None;
        };
        if text.trim().is_empty() {
            // Forms send what was left out as a blank text.
            if field.required {
                let expected = field.expected();
                self.problem(name, format_args!("is blank: {expected}"));
            }
            return field.default.filter(|_| !field.required).map(str::to_owned);
        }
        let FieldKind::Choice(choices) = field.kind else { return Some(text.clone()) };
        let chosen = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text.trim()));
        if chosen.is_none() {
            self.ill_typed(field, node);
        }
        chosen.map(|choice| (*choice).to_owned())
    }

    /// The value of a whole number.
    pub(crate) fn integer(&mut self, name: &'static str) -> Option<i64> {
        let field = self.field(name);
        let node = self.node(field)?;
        let FieldKind::Integer(least, most) = field.kind else {
            unreachable!("{name} is no whole number in its own table")
        };
        match node.content {
            Content::Integer(integer) if (least..=most).contains(&integer) => Some(integer),
            _ => {
                self.ill_typed(field, node);
                None
            }
        }
    }

    /// The text, or the texts of the list.
    pub(crate) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let field = self.field(name);
        let node = self.node(field)?;
        let texts = match &node.content {
            Content::Text(text) => Some(vec![text.clone()]),
            Content::List(items) => items.iter().map(as_text).collect(),
            _ => None,
        };
        if texts.is_none() {
            self.ill_typed(field, node);
        }
        texts
    }

    /// The table of this name.
    pub(crate) fn table(&mut self, name: &'static str) -> Option<&'node Node> {
        let field = self.field(name);
        let node = self.node(field)?;
        if matches!(node.content, Content::Table(_)) {
            return Some(node);
        }
        self.ill_typed(field, node);
        None
    }

    /// The tables of a list.
    pub(crate) fn tables(&mut self, name: &'static str) -> Option<&'node [Node]> {
        let field = self.field(name);
        let node = self.node(field)?;
        match &node.content {
            Content::List(items)
                if items.iter().all(|item| matches!(item.content, Content::Table(_))) =>
            {
                Some(items)
            }
            _ => {
                self.ill_typed(field, node);
                None
            }
        }
    }

    /// Client properties in the order of the text; tables in the table are parts of names.
    pub(crate) fn properties(&mut self, name: &'static str) -> Vec<(String, String)> {
        let mut properties = Vec::new();
        if let Some(node) = self.table(name) {
            let path = self.path(name);
            flatten(node, "", &path, &mut properties, self.problems);
        }
        properties
    }

    /// Names the entries that no field has.
    pub(crate) fn finish(self) {
        let fields = self.fields;
        let names = || fields.iter().map(|field| field.name);
        for entry in self.entries {
            if names().any(|name| name == entry.name) {
                continue;
            }
            let path = self.path(&entry.name);
            let hint = match nearest(&entry.name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected {}", names().collect::<Vec<_>>().join(", ")),
            };
            self.problems.push(entry.place, format!("{path} is not known here: {hint}"));
        }
        for field in fields {
            if !field.required || self.has(field.name) {
                continue;
            }
            let path = self.path(field.name);
            let expected = field.expected();
            self.problems.push(self.place, format!("{path} is missing: {expected}"));
        }
    }

    fn entry(&self, name: &str) -> Option<&'node Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    fn field(&self, name: &str) -> &'static Field {
        let field = self.fields.iter().find(|field| field.name == name);
        field.expect("only fields of the table are asked for")
    }

    /// The node of a field. A JSON null is the same as nothing, unless the field is required.
    fn node(&mut self, field: &Field) -> Option<&'node Node> {
        let node = &self.entry(field.name)?.node;
        (field.required || node.content != Content::Null).then_some(node)
    }

    fn ill_typed(&mut self, field: &Field, node: &Node) {
        let found = if field.secret { node.describe_secret().to_owned() } else { node.describe() };
        let expected = field.expected();
        self.problem(field.name, format_args!("is {found}: {expected}"));
    }
}

fn as_text(node: &Node) -> Option<String> {
    match &node.content {
        Content::Text(text) => Some(text.clone()),
        _ => None,
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
        let value = match &entry.node.content {
            Content::Table(_) => {
                flatten(&entry.node, &format!("{name}."), path, properties, problems);
                continue;
            }
            Content::Text(text) | Content::Other(text) => text.clone(),
            Content::Integer(integer) => integer.to_string(),
            Content::Boolean(flag) => flag.to_string(),
            Content::Null | Content::List(_) => {
                // The value may be a secret, so only its kind is told.
                let found = entry.node.describe_secret();
                let message =
                    format!("{path}.{name} is {found}: expected a text, a number or a truth value");
                problems.push(entry.node.place, message);
                continue;
            }
        };
        properties.push((name, value));
    }
}
