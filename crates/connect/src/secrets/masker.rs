//! Hides values that must not be seen in texts that are made of anything.

use std::{fmt, fmt::Write as _, sync::Arc};

use milena::config::Secret;
use parking_lot::RwLock;

/// What stands in place of a secret.
const MASK: &str = "***";

/// A line of a secret of many lines is hidden by itself when it has so many bytes.
const LINE_BYTES_MIN: usize = 8;

/// Knows secrets, and replaces them in any text by `***`. Clones know the same.
///
/// A value is found as it is, and as it stands inside JSON, in `Debug` of a text, and in a URL; the lines
/// of a value of many lines are found by themselves too. A part of a value is not.
#[derive(Clone, Default)]
pub struct Masker {
    forms: Arc<RwLock<Vec<Secret>>>,
}

impl Masker {
    /// Adds a value to what is hidden. An empty one hides nothing.
    pub fn remember(&self, secret: &Secret) {
        let value = secret.reveal();
        let is_known = |form: &str| self.forms.read().iter().any(|known| known.reveal() == form);
        if value.is_empty() || is_known(value) {
            return;
        }
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= LINE_BYTES_MIN);
        let mut forms: Vec<String> = Vec::new();
        for part in std::iter::once(value).chain(lines) {
            let json = serde_json::Value::from(part).to_string();
            let debug = format!("{part:?}");
            forms.push(part.to_owned());
            forms.push(unquoted(&json).to_owned());
            forms.push(unquoted(&debug).to_owned());
            forms.push(percent_encoded(part));
        }
        forms.sort_unstable();
        forms.dedup();
        let mut known = self.forms.write();
        for form in forms {
            if !known.iter().any(|known| known.reveal() == form) {
                known.push(Secret::from(form));
            }
        }
    }

    /// The text with `***` for every secret in it.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let forms = self.forms.read();
        let mut hidden: Vec<(usize, usize)> =
            forms.iter().flat_map(|form| occurrences(text, form.reveal())).collect();
        // Of two that overlap, nothing may be left.
        hidden.sort_unstable();
        let mut masked = String::with_capacity(text.len());
        let mut shown_to = 0;
        let mut hidden_to = 0;
        for (start, end) in hidden {
            if start >= hidden_to {
                masked.push_str(&text[shown_to..start]);
                masked.push_str(MASK);
            }
            hidden_to = hidden_to.max(end);
            shown_to = hidden_to;
        }
        masked.push_str(&text[shown_to..]);
        masked
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("forms_count", &self.forms.read().len()).finish()
    }
}

/// Where a form stands, also where it overlaps itself.
fn occurrences<'a>(text: &'a str, form: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    let step = form.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.get(from..)?.find(form)?;
        from = start + step;
        Some((start, start + form.len()))
    })
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
