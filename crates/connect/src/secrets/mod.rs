//! Secrets by name: `{{secrets.NAME}}` and `secrets.NAME` in the texts of a configuration.
//!
//! Invariants:
//! 1. A text is gone through once: a secret's value that looks like a placeholder stays what it is.
//! 2. Values are put into texts and not into JSON, so that no quote or backslash of theirs means
//!    anything.
//! 3. Every value that was put anywhere is known to the [`Masker`]; `Debug` and errors show names alone.

mod error;
mod file;
mod masker;
mod scan;
mod source;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, sync::Arc};

use milena::config::Secret;
use serde_json::{Map, Value};

pub use error::{SecretProblem, SecretsError};
pub use file::{FileAccess, SecretsFile, SecretsFileError};
pub use masker::Masker;
pub use source::{Environment, SecretSource};

use crate::settings::{Content, Node, Problems};
use scan::{Piece, pieces};

/// Where secrets are looked up, which may be, and what has been. Clones share the masker.
///
/// ```
/// use milena::config::Secret;
/// use milena_connect::secrets::Secrets;
/// use serde_json::json;
///
/// let secrets =
///     Secrets::new(|name: &str| (name == "PASSWORD").then(|| Secret::from("open \"sesame\"")));
/// let mut value = json!({ "password": "{{secrets.PASSWORD}}", "line": "user=ada,secrets.PASSWORD" });
/// secrets.resolve(&mut value, "config")?;
/// assert_eq!(value["password"], "open \"sesame\"");
/// assert_eq!(secrets.masker().mask(&value.to_string()), r#"{"password":"***","line":"user=ada,***"}"#);
///
/// let error = secrets.resolve(&mut json!({ "user": "secrets.USER" }), "config").unwrap_err();
/// assert_eq!(error.to_string(), "config.user: secret with name 'USER' is not available");
/// # Ok::<(), milena_connect::secrets::SecretsError>(())
/// ```
#[derive(Clone)]
pub struct Secrets {
    sources: Vec<Arc<dyn SecretSource>>,
    allowed: Option<Arc<BTreeSet<String>>>,
    masker: Masker,
}

impl Secrets {
    /// Secrets out of this source.
    #[must_use]
    pub fn new(source: impl SecretSource + 'static) -> Self {
        Self { sources: vec![Arc::new(source)], allowed: None, masker: Masker::default() }
    }

    /// No secrets: every placeholder is an error.
    #[must_use]
    pub fn none() -> Self {
        Self { sources: Vec::new(), allowed: None, masker: Masker::default() }
    }

    /// The same, with another source for names that the earlier ones have not.
    #[must_use]
    pub fn or(mut self, source: impl SecretSource + 'static) -> Self {
        self.sources.push(Arc::new(source));
        self
    }

    /// The same, for these names alone: the placeholder of any other name stays as it is.
    #[must_use]
    pub fn allow(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed = Some(Arc::new(names.into_iter().map(Into::into).collect()));
        self
    }

    /// What hides the values that have been looked up.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Replaces the placeholders in all texts of a value, names of fields included; `path` is its name
    /// in errors.
    ///
    /// # Errors
    ///
    /// Every secret that is not available, with the path of its text. The value is then to be thrown
    /// away: parts of it are replaced.
    pub fn resolve(&self, value: &mut Value, path: &str) -> Result<(), SecretsError> {
        let mut problems = Vec::new();
        self.resolve_in(value, &mut path.to_owned(), &mut problems);
        SecretsError::none_of(problems)
    }

    /// Replaces the placeholders of one text; `None` when it has none.
    ///
    /// # Errors
    ///
    /// Every secret that is not available.
    pub fn resolve_text(&self, text: &str, path: &str) -> Result<Option<String>, SecretsError> {
        let mut problems = Vec::new();
        let replaced = self.replaced(text, path, &mut problems);
        SecretsError::none_of(problems).map(|()| replaced)
    }

    /// What a reader makes of a JSON value that stands at this path, with the secrets put in.
    ///
    /// # Errors
    ///
    /// The problems, and secrets that are not available; no secret is in them.
    pub(crate) fn read_json<T>(
        &self,
        value: &Value,
        path: &str,
        read: impl FnOnce(&Node, &str, &mut Problems) -> Option<T>,
    ) -> Result<T, Problems> {
        let mut problems = Problems::default();
        let mut node = Node::from_json(value);
        self.resolve_node(&mut node, path, &mut problems);
        let value = read(&node, path, &mut problems);
        problems.or(value).map_err(|problems| problems.masked(self.masker()))
    }

    /// Replaces the placeholders in all texts of a configuration's tree. What a secret was put into
    /// shows nothing of itself in problems.
    pub fn resolve_node(&self, node: &mut Node, path: &str, problems: &mut Problems) {
        match &mut node.content {
            Content::Text(text) => {
                let mut missing = Vec::new();
                if let Some(replaced) = self.replaced(text, path, &mut missing) {
                    *text = replaced;
                    node.is_secret = true;
                }
                for problem in missing {
                    problems.push(node.place, problem.to_string());
                }
            }
            Content::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let path = format!("{path}[{}]", index + item.first_index());
                    self.resolve_node(item, &path, problems);
                }
            }
            Content::Table(entries) => {
                for entry in entries {
                    let path = joined(path, &entry.name);
                    self.resolve_node(&mut entry.node, &path, problems);
                }
            }
            Content::Null | Content::Boolean(_) | Content::Integer(_) | Content::Other(_) => {}
        }
    }

    fn resolve_in(&self, value: &mut Value, path: &mut String, problems: &mut Vec<SecretProblem>) {
        let length = path.len();
        match value {
            Value::String(text) => {
                if let Some(replaced) = self.replaced(text, path, problems) {
                    *text = replaced;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    path.push_str(&format!("[{index}]"));
                    self.resolve_in(item, path, problems);
                    path.truncate(length);
                }
            }
            Value::Object(map) => {
                self.resolve_names(map, path, problems);
                for (name, inner) in map.iter_mut() {
                    *path = joined(path, name);
                    self.resolve_in(inner, path, problems);
                    path.truncate(length);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn resolve_names(
        &self,
        map: &mut Map<String, Value>,
        path: &str,
        problems: &mut Vec<SecretProblem>,
    ) {
        if !map.keys().any(|name| name.contains(scan::WORD)) {
            return;
        }
        *map = std::mem::take(map)
            .into_iter()
            .map(|(name, value)| (self.replaced(&name, path, problems).unwrap_or(name), value))
            .collect();
    }

    fn replaced(
        &self,
        text: &str,
        path: &str,
        problems: &mut Vec<SecretProblem>,
    ) -> Option<String> {
        let pieces = pieces(text);
        let mut whole = String::new();
        let mut is_replaced = false;
        for piece in pieces {
            let (name, placeholder) = match piece {
                Piece::Text(text) => {
                    whole.push_str(text);
                    continue;
                }
                Piece::Secret { name, placeholder } => (name, placeholder),
            };
            if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(name)) {
                whole.push_str(placeholder);
                continue;
            }
            match self.look_up(name) {
                Some(secret) => {
                    whole.push_str(secret.reveal());
                    is_replaced = true;
                }
                None => problems.push(SecretProblem::new(path, name)),
            }
        }
        is_replaced.then_some(whole)
    }

    fn look_up(&self, name: &str) -> Option<Secret> {
        let secret = self.sources.iter().find_map(|source| source.secret(name))?;
        self.masker.remember(&secret);
        Some(secret)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("sources_count", &self.sources.len())
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
