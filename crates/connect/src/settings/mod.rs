//! Typed configurations: fields as data, read from JSON or TOML, every problem in one error.
//!
//! A connector writes its fields as a `const` list of [`Field`]s, makes a [`Node`] of what it is given
//! ([`Node::from_json`], or the flow file's own), and asks a [`TableReader`] for each field.

mod field;
mod nearest;
mod node;
mod problem;
mod property;
mod reader;
mod values;

#[cfg(test)]
mod tests;

pub use field::{Field, FieldKind};
pub(crate) use nearest::nearest;
pub use node::{Content, Entry, Node};
pub use problem::{Place, Problem, Problems};
pub use property::{ClientProperties, ClientProperty, Origin};
pub use reader::TableReader;
