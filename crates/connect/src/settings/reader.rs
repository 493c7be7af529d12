//! Reading a table by its fields: every problem is kept, none is the last.

use super::{
    field::Field,
    nearest::nearest,
    node::{Content, Entry, Node},
    problem::{Place, Problems},
};

/// Reads the fields of one table; what is wrong is added to the problems.
///
/// Each field is asked for once, by the method that goes with its kind; a field that is absent, null or
/// (where a blank text is no value) blank gives its default. [`finish`](Self::finish) then names the
/// entries that no field has, and the required fields that are missing.
///
/// # Panics
///
/// When it is asked for a field that its table has not, or by a method that is not its kind's: which
/// fields there are is written beside the code that asks.
///
/// ```
/// use milena_connect::settings::{Field, FieldKind, Node, Problems, TableReader};
///
/// const FIELDS: &[Field] = &[
///     Field::required("topic", "Topic", FieldKind::Text, "where to send"),
///     Field::optional("retries", "Retries", FieldKind::Integer(0, 100), "how often").default("3"),
/// ];
/// let node = Node::from_json(&serde_json::json!({ "topic": "cars", "retires": 5 }));
/// let mut problems = Problems::default();
/// let mut reader = TableReader::new(&node, "config", FIELDS, &mut problems).expect("a table");
/// assert_eq!(reader.text("topic").as_deref(), Some("cars"));
/// assert_eq!(reader.integer("retries"), Some(3));
/// reader.finish();
/// assert_eq!(
///     problems.to_string(),
///     "config.retires is not known here: did you mean `retries`?"
/// );
/// ```
pub struct TableReader<'node, 'problems> {
    pub(super) entries: &'node [Entry],
    pub(super) place: Option<Place>,
    pub(super) path: String,
    pub(super) fields: &'static [Field],
    pub(super) problems: &'problems mut Problems,
    pub(super) coerces: bool,
}

impl<'node, 'problems> TableReader<'node, 'problems> {
    /// A reader of the table that `node` should be; `path` is its name in messages, empty at the top.
    pub fn new(
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
        let place = node.place;
        Some(Self { entries, place, path, fields, problems, coerces: false })
    }

    /// Lets a number or a truth value be written as a text, and a text as a number or a truth value:
    /// Java's binders do, and forms send texts alone. Holds for the tables inside too.
    #[must_use]
    pub fn coercing(mut self) -> Self {
        self.coerces = true;
        self
    }

    /// The name of a field in messages.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The place of the table.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Whether the table has an entry of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The value's place, or the table's where there is none.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Option<Place> {
        self.entry(name).map_or(self.place, |entry| entry.node.place)
    }

    /// Adds a problem with a field.
    pub fn problem(&mut self, name: &str, message: impl std::fmt::Display) {
        let message = format!("{} {message}", self.path(name));
        self.problems.push(self.place_of(name), message);
    }

    /// Adds a problem that is not one field's.
    pub fn problem_at(&mut self, place: Option<Place>, message: impl Into<String>) {
        self.problems.push(place, message);
    }

    /// Adds a problem when a field is there that does not belong here.
    pub fn refuse(&mut self, name: &str, why: &str) {
        if let Some(entry) = self.entry(name) {
            let message = format!("{} does not belong here: {why}", self.path(name));
            self.problems.push(entry.place, message);
        }
    }

    /// The table of this name, for a reader of its own.
    pub fn table(&mut self, name: &'static str) -> Option<&'node Node> {
        let field = self.field(name);
        let node = self.node(field)?;
        if matches!(node.content, Content::Table(_)) {
            return Some(node);
        }
        self.ill_typed(field, node);
        None
    }

    /// The tables of a list, for readers of their own.
    pub fn tables(&mut self, name: &'static str) -> Option<&'node [Node]> {
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

    /// What `read` makes of the table of this name, which has the fields of a [record](super::FieldKind::Record).
    ///
    /// `read` need not finish the reader that it is given.
    pub fn record<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut TableReader<'node, '_>) -> Option<T>,
    ) -> Option<T> {
        let fields = self.field(name).kind.fields();
        let node = self.table(name)?;
        let path = self.path(name);
        self.read_inner(node, path, fields, read)
    }

    /// What `read` makes of each table of a list, which have the fields of [records](super::FieldKind::Records).
    ///
    /// `None` when one of them has a problem, or there is no list.
    pub fn records<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut TableReader<'node, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let fields = self.field(name).kind.fields();
        let nodes = self.tables(name)?;
        let mut values = Some(Vec::new());
        for (index, node) in nodes.iter().enumerate() {
            let path = format!("{}[{}]", self.path(name), index + node.first_index());
            let value = self.read_inner(node, path, fields, &mut read);
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
        }
        values
    }

    fn read_inner<T>(
        &mut self,
        node: &'node Node,
        path: String,
        fields: &'static [Field],
        read: impl FnOnce(&mut TableReader<'node, '_>) -> Option<T>,
    ) -> Option<T> {
        let mut inner = TableReader::new(node, path, fields, self.problems)?;
        inner.coerces = self.coerces;
        let value = read(&mut inner);
        inner.finish();
        value
    }

    /// Names the entries that no field has, and the fields that are missing.
    pub fn finish(self) {
        let fields = self.fields;
        let names = || fields.iter().map(|field| field.name);
        for entry in self.entries {
            if names().any(|name| name == entry.name) {
                continue;
            }
            let path = self.path(&entry.name);
            let hint = match nearest(&entry.name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if fields.is_empty() => "expected an empty table".to_owned(),
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

    pub(super) fn field(&self, name: &str) -> &'static Field {
        let field = self.fields.iter().find(|field| field.name == name);
        field.expect("only fields of the table are asked for")
    }

    /// The node of a field. A JSON null is the same as nothing, unless the field is required.
    pub(super) fn node(&self, field: &Field) -> Option<&'node Node> {
        let node = &self.entry(field.name)?.node;
        (field.required || node.content != Content::Null).then_some(node)
    }

    pub(super) fn ill_typed(&mut self, field: &Field, node: &Node) {
        let found = if field.secret { node.describe_secret().to_owned() } else { node.describe() };
        let expected = field.expected();
        self.problem(field.name, format_args!("is {found}: {expected}"));
    }
}
