//! Placeholders in a text.
//!
//! Two forms, as Camunda's runtime finds them: `{{ secrets.NAME }}`, where NAME is anything without
//! white space, and `secrets.NAME`, where NAME is letters and digits, joined by one `/`, `.`, `_` or
//! `-` each.

/// What every placeholder has in it.
pub(super) const WORD: &str = "secrets.";

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// As it stands.
    Text(&'t str),
    /// A placeholder.
    Secret {
        /// The secret's name.
        name: &'t str,
        /// The whole of it.
        placeholder: &'t str,
    },
}

/// The parts of a text, in order; together they are the text.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(found) = rest.get(from..).and_then(|tail| tail.find(WORD)) {
        let at = from + found;
        let behind = &rest[at + WORD.len()..];
        let Some((start, length, name)) = in_braces(rest, at, behind).or_else(|| bare(at, behind))
        else {
            from = at + WORD.len();
            continue;
        };
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        let end = at + WORD.len() + length;
        pieces.push(Piece::Secret { name, placeholder: &rest[start..end] });
        rest = &rest[end..];
        from = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Where the braces begin, how long name and closing braces are, and the name.
fn in_braces<'t>(text: &str, at: usize, behind: &'t str) -> Option<(usize, usize, &'t str)> {
    let before = text[..at].trim_end();
    let start = before.strip_suffix("{{")?.len();
    let close = behind.find("}}")?;
    let name = behind[..close].trim_end();
    let is_name = !name.is_empty() && !name.chars().any(char::is_whitespace);
    is_name.then_some((start, close + 2, name))
}

/// The longest name that the bare form can have.
fn bare(at: usize, behind: &str) -> Option<(usize, usize, &str)> {
    let mut length = 0;
    let bytes = behind.as_bytes();
    let is_name = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_alphanumeric);
    loop {
        while is_name(length) {
            length += 1;
        }
        let is_joined = length > 0
            && bytes.get(length).is_some_and(|byte| b"/._-".contains(byte))
            && is_name(length + 1);
        if !is_joined {
            break;
        }
        length += 1;
    }
    (length > 0).then(|| (at, length, &behind[..length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        let pieces = pieces(text);
        let whole: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => *text,
                Piece::Secret { placeholder, .. } => placeholder,
            })
            .collect();
        assert_eq!(whole, text);
        pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Secret { name, .. } => Some(*name),
                Piece::Text(_) => None,
            })
            .collect()
    }

    #[test]
    fn finds_what_is_a_placeholder_and_nothing_else() {
        for (text, expected) in [
            ("secrets.A/B", &["A/B"][..]),
            ("secrets.A.B", &["A.B"]),
            ("{secrets.T}", &["T"]),
            ("secrets.TEST TEST", &["TEST"]),
            ("secrets.MY_KAFKA_USERNAME", &["MY_KAFKA_USERNAME"]),
            ("a secrets.A-b_ secrets.C.", &["A-b", "C"]),
            ("secrets.A__B", &["A"]),
            ("secrets._T", &[]),
            ("secrets./T", &[]),
            ("secrets.-T", &[]),
            ("secrets..T", &[]),
            ("secrets.", &[]),
            ("secret.A", &[]),
            ("secrets.é", &[]),
            ("{{secrets.A}}", &["A"]),
            ("{{ secrets.A }}", &["A"]),
            ("{{\tsecrets.A-é:*\n}}!", &["A-é:*"]),
            ("{{secrets._T}}", &["_T"]),
            ("{{secrets.A}}{{secrets.B}}", &["A", "B"]),
            ("{{secrets.A B}}", &["A"]),
            ("{{secrets.A}", &["A"]),
            ("{{secrets.}}", &[]),
            ("secrets.secrets.A", &["secrets.A"]),
            ("secrets..secrets.A", &["A"]),
            ("", &[]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
        let piece = Piece::Secret { name: "A", placeholder: "{{ secrets.A }}" };
        assert_eq!(pieces("x{{ secrets.A }}y"), [Piece::Text("x"), piece, Piece::Text("y")]);
    }
}
