//! Lists and contexts, and how large and how deep they are.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Value;

/// How large a value is, and how deep its parts lie.
///
/// A part counts as often as it is reached: a list that holds one list twice is twice as large.
/// Evaluation bounds both, so that walking over any value is bounded, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// About the bytes that a copy without sharing would take.
    pub(crate) bytes: u64,
    /// The levels of lists, contexts, ranges and functions.
    pub(crate) depth: u32,
}

impl Shape {
    /// A value without parts.
    pub(crate) const LEAF: Self = Self { bytes: 16, depth: 0 };

    /// A string.
    pub(crate) const fn of_text(text: &str) -> Self {
        Self { bytes: 16 + text.len() as u64, depth: 0 }
    }

    /// What has these parts.
    pub(crate) fn around(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut shape = Self { bytes: 32, depth: 1 };
        for part in parts {
            shape.bytes = shape.bytes.saturating_add(part.bytes);
            shape.depth = shape.depth.max(part.depth.saturating_add(1));
        }
        shape
    }
}

/// A list of values.
#[derive(Clone, Debug)]
pub struct List(Arc<Items>);

#[derive(Debug)]
struct Items {
    items: Vec<Value>,
    shape: Shape,
}

impl List {
    /// The items in their order.
    pub fn items(&self) -> &[Value] {
        &self.0.items
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    pub(crate) fn shape(&self) -> Shape {
        self.0.shape
    }

    /// Adds an item; the list is copied where somebody else has it, too. Returns whether it was.
    pub(crate) fn push(&mut self, item: Value) -> bool {
        let added = item.shape();
        let shape = Shape {
            bytes: self.0.shape.bytes.saturating_add(added.bytes),
            depth: self.0.shape.depth.max(added.depth.saturating_add(1)),
        };
        if let Some(own) = Arc::get_mut(&mut self.0) {
            own.items.push(item);
            own.shape = shape;
            return false;
        }
        let mut items = self.0.items.clone();
        items.push(item);
        self.0 = Arc::new(Items { items, shape });
        true
    }
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> Self {
        let shape = Shape::around(items.iter().map(Value::shape));
        Self(Arc::new(Items { items, shape }))
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<Vec<_>>())
    }
}

/// Names with values, in the order in which they were given.
///
/// ```
/// use milena_feel::{Context, Value};
///
/// let context: Context = [("name", Value::from("Ada")), ("born", Value::from(1815))].into();
/// assert_eq!(context.get("born"), Some(&Value::from(1815)));
/// ```
#[derive(Clone, Debug)]
pub struct Context(Arc<Entries>);

#[derive(Debug)]
struct Entries {
    entries: IndexMap<Arc<str>, Value>,
    shape: Shape,
}

impl Context {
    /// A context without entries.
    pub fn new() -> Self {
        Self::from(IndexMap::new())
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.entries.get(name)
    }

    /// The names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The context with a name set to a value: in its place where the name was there, else last.
    #[must_use]
    pub fn with(&self, name: &str, value: Value) -> Self {
        let mut entries = self.0.entries.clone();
        entries.insert(name.into(), value);
        Self::from(entries)
    }

    pub(crate) fn entries(&self) -> &IndexMap<Arc<str>, Value> {
        &self.0.entries
    }

    pub(crate) fn shape(&self) -> Shape {
        self.0.shape
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl From<IndexMap<Arc<str>, Value>> for Context {
    fn from(entries: IndexMap<Arc<str>, Value>) -> Self {
        let parts = entries.iter().flat_map(|(name, value)| [Shape::of_text(name), value.shape()]);
        let shape = Shape::around(parts);
        Self(Arc::new(Entries { entries, shape }))
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Context {
    fn from(entries: [(&str, Value); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, Value)> for Context {
    fn from_iter<I: IntoIterator<Item = (&'a str, Value)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(name, value)| (name.into(), value));
        Self::from(entries.collect::<IndexMap<_, _>>())
    }
}
