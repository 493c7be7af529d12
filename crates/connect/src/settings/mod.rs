//! Typed configurations: fields as data, read from JSON or TOML, every problem in one error.

mod field;
mod nearest;
mod node;
mod problem;
mod property;

pub(crate) use field::TableReader;
pub use field::{Field, FieldKind};
pub(crate) use nearest::nearest;
pub(crate) use node::Node;
pub use problem::{Place, Problem, Problems};
pub use property::{ClientProperties, ClientProperty, Origin};
