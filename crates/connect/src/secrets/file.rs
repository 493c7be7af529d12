//! A file of secrets: `NAME=value` lines, or one JSON object.

use std::{collections::BTreeMap, fmt, fs, io, io::Read as _, path::Path};

use milena::config::Secret;
use serde_json::Value;

use super::source::SecretSource;

/// How large a file of secrets may be.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Who else may read the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileAccess {
    /// Nobody: a file that its group or others may read is refused. Where a system has no such
    /// permissions, nothing is checked.
    #[default]
    OwnerOnly,
    /// Anybody, as where a cluster mounts its secrets into a container.
    Any,
}

/// Secrets out of a file, read once.
///
/// A file that begins with `{` is a JSON object: texts, numbers and truth values by name, objects inside
/// it with a full stop between the names. Any other file has a line for each secret, `NAME=value`:
/// `export` before the name is left out, `#` begins a comment at the beginning of a line and behind a
/// space, `'...'` is taken as it is and `"..."` with `\n`, `\r`, `\t`, `\"` and `\\`.
#[derive(Clone)]
pub struct SecretsFile {
    secrets: BTreeMap<String, Secret>,
}

/// Why a file of secrets cannot be used. Nothing of its content is in it but names.
#[derive(Debug)]
pub struct SecretsFileError {
    message: String,
    source: Option<io::Error>,
}

impl SecretsFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, that others may read, or whose text is of neither form; with its line.
    pub fn read(path: impl AsRef<Path>, access: FileAccess) -> Result<Self, SecretsFileError> {
        let path = path.as_ref();
        let shown = path.display();
        let in_file = |error: io::Error| SecretsFileError {
            message: format!("secrets cannot be read from {shown}"),
            source: Some(error),
        };
        let file = fs::File::open(path).map_err(in_file)?;
        let metadata = file.metadata().map_err(in_file)?;
        if access == FileAccess::OwnerOnly {
            check_owner_only(&metadata)
                .map_err(|message| SecretsFileError::new(format!("{shown} {message}")))?;
        }
        let mut text = String::new();
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(in_file)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            let message = format!("{shown} is larger than {FILE_BYTES_MAX} bytes");
            return Err(SecretsFileError::new(message));
        }
        Self::parse(&text).map_err(|message| SecretsFileError::new(format!("{shown}: {message}")))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// What is of neither form, by its line or name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut secrets = BTreeMap::new();
        if text.trim_start().starts_with('{') {
            let json: Value = serde_json::from_str(text).map_err(|error| {
                // Its own message can quote the text.
                format!("line {}, column {}: this is no JSON", error.line(), error.column())
            })?;
            add_json("", json, &mut secrets)?;
        } else {
            for (index, line) in text.lines().enumerate() {
                let pair =
                    parse_line(line).map_err(|message| format!("line {}: {message}", index + 1))?;
                secrets.extend(pair.map(|(name, value)| (name, Secret::from(value))));
            }
        }
        Ok(Self { secrets })
    }

    /// The names of its secrets, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }
}

impl SecretSource for SecretsFile {
    fn secret(&self, name: &str) -> Option<Secret> {
        self.secrets.get(name).cloned()
    }
}

impl fmt::Debug for SecretsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

impl SecretsFileError {
    fn new(message: String) -> Self {
        Self { message, source: None }
    }
}

impl fmt::Display for SecretsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SecretsFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(unix)]
fn check_owner_only(metadata: &fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "has the permissions {mode:03o}, with which others than its owner may use it: expected 600 \
         (chmod 600), or that any access be allowed"
    ))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "other systems have something to check")]
fn check_owner_only(_metadata: &fs::Metadata) -> Result<(), String> {
    Ok(())
}

fn add_json(
    prefix: &str,
    value: Value,
    secrets: &mut BTreeMap<String, Secret>,
) -> Result<(), String> {
    let text = match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                add_json(&name, inner, secrets)?;
            }
            return Ok(());
        }
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => return Err(format!("{prefix} is null: expected a text")),
        Value::Array(_) => return Err(format!("{prefix} is a list: expected a text")),
    };
    secrets.insert(prefix.to_owned(), Secret::from(text));
    Ok(())
}

/// The name and value of a line; none of a blank one.
fn parse_line(line: &str) -> Result<Option<(String, String)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=').ok_or("expected NAME=value")?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err("expected a name without spaces before =");
    }
    let value = value.trim_start();
    let value = match value.chars().next() {
        Some('\'') => {
            let (inner, rest) = value[1..].split_once('\'').ok_or("the quote has no end")?;
            only_comment(rest)?;
            inner.to_owned()
        }
        Some('"') => {
            let (inner, rest) = unescape(&value[1..])?;
            only_comment(rest)?;
            inner
        }
        _ => value.split(" #").next().unwrap_or_default().trim_end().to_owned(),
    };
    Ok(Some((name.to_owned(), value)))
}

fn only_comment(rest: &str) -> Result<(), &'static str> {
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(());
    }
    Err("there is more behind the closing quote")
}

/// What is before the closing quote, and what is behind it.
fn unescape(text: &str) -> Result<(String, &str), &'static str> {
    let mut inner = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((inner, &text[at + 1..])),
            '\\' => inner.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, 'r')) => '\r',
                Some((_, 't')) => '\t',
                Some((_, escaped @ ('"' | '\\' | '$'))) => escaped,
                _ => return Err("there is no such escape: expected \\n, \\r, \\t, \\\" or \\\\"),
            }),
            other => inner.push(other),
        }
    }
    Err("the quote has no end")
}
