//! Java's `.properties` files, as Kafka's tools read them.
//!
//! The format is that of `java.util.Properties`: a key ends at the first `=`, `:` or white space that no
//! backslash precedes; lines that start with `#` or `!` are comments; a line that ends in an odd number of
//! backslashes goes on in the next one; `\t`, `\n`, `\r`, `\f` and `\uXXXX` are escapes, and any other
//! character after a backslash is itself. Bytes are UTF-8 when they can be, and Latin-1 otherwise.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// The entries of a `.properties` file in the file's order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    entries: Vec<PropertyEntry>,
}

/// One entry of a `.properties` file.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PropertyEntry {
    /// The key, escapes resolved.
    pub key: String,
    /// The value, escapes resolved. It can be a secret, so `Debug` leaves it out.
    pub value: String,
    /// The line in which the entry starts, from 1.
    pub line: usize,
}

impl fmt::Debug for PropertyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PropertyEntry")
            .field("key", &self.key)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.entries).finish()
    }
}

impl Properties {
    /// Reads a file's bytes.
    ///
    /// ```
    /// use milena::config::Properties;
    ///
    /// let properties = Properties::parse(b"# where\nbootstrap.servers = a:9092,\\\n    b:9092\n")?;
    /// assert_eq!(properties.entries()[0].value, "a:9092,b:9092");
    /// assert_eq!(properties.entries()[0].line, 2);
    /// # Ok::<(), milena::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] names every line with a `\u` that four hexadecimal digits do not follow, or
    /// with half of a surrogate pair.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        };
        let mut problems = Vec::new();
        let mut entries = Vec::new();
        for line in LogicalLines::new(&text) {
            match line.entry() {
                Ok(entry) => entries.push(entry),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self { entries })
        } else {
            Err(Error::new(ErrorKind::Config, problems.join("; ")))
        }
    }

    /// The entries in the file's order; when a key is there twice, the later entry counts.
    #[must_use]
    pub fn entries(&self) -> &[PropertyEntry] {
        &self.entries
    }
}

/// A character of a logical line and the line of the file that it is in.
#[derive(Clone, Copy)]
struct Place {
    character: char,
    line: usize,
}

/// A line after continuation lines are joined: not blank, and no comment.
struct LogicalLine {
    places: Vec<Place>,
    /// The line of the file that it starts in.
    number: usize,
}

/// Splits a text into logical lines.
struct LogicalLines<'a> {
    lines: std::iter::Peekable<NaturalLines<'a>>,
}

impl<'a> LogicalLines<'a> {
    fn new(text: &'a str) -> Self {
        Self { lines: NaturalLines { rest: Some(text), number: 0 }.peekable() }
    }
}

impl Iterator for LogicalLines<'_> {
    type Item = LogicalLine;

    fn next(&mut self) -> Option<LogicalLine> {
        let mut places: Vec<Place> = Vec::new();
        // Where nothing was read yet, a line can be a comment; a blank line ends a continued one.
        let mut is_start = true;
        let mut start = 0;
        loop {
            let Some((number, line)) = self.lines.next() else {
                // As in Java, a backslash alone in the last line is an entry with an empty key.
                return (!is_start).then_some(LogicalLine { places, number: start });
            };
            if is_start {
                start = number;
            }
            let line = line.trim_start_matches(is_white_space);
            if places.is_empty() && line.starts_with(['#', '!']) {
                is_start = true;
                continue;
            }
            let backslashes = line.chars().rev().take_while(|c| *c == '\\').count();
            let goes_on = backslashes % 2 == 1;
            let kept = if goes_on { &line[..line.len() - 1] } else { line };
            places.extend(kept.chars().map(|character| Place { character, line: number }));
            if !goes_on && !places.is_empty() {
                return Some(LogicalLine { places, number: start });
            }
            is_start = !goes_on;
        }
    }
}

/// Splits a text at `\n`, `\r` and `\r\n`, and counts.
struct NaturalLines<'a> {
    rest: Option<&'a str>,
    number: usize,
}

impl<'a> Iterator for NaturalLines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        self.number += 1;
        let Some(end) = rest.find(['\n', '\r']) else {
            return Some((self.number, rest));
        };
        let (line, after) = rest.split_at(end);
        self.rest = match after.strip_prefix("\r\n") {
            // As in Java, where this matters after a backslash alone: \r ends the line, and what
            // follows it is a line too, even if it is only the \n that belongs to it.
            Some(rest) => Some(rest),
            None => Some(&after[1..]).filter(|rest| !rest.is_empty()),
        };
        Some((self.number, line))
    }
}

fn is_white_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

impl LogicalLine {
    /// Splits the line into key and value.
    fn entry(&self) -> Result<PropertyEntry, String> {
        let mut escaped = false;
        let end = self
            .places
            .iter()
            .position(|place| {
                let ends = !escaped
                    && (is_white_space(place.character) || matches!(place.character, '=' | ':'));
                escaped = place.character == '\\' && !escaped;
                ends
            })
            .unwrap_or(self.places.len());
        let (key, rest) = self.places.split_at(end);
        let mut value = skip_white_space(rest);
        if let Some((first, after)) = value.split_first()
            && matches!(first.character, '=' | ':')
        {
            value = skip_white_space(after);
        }
        Ok(PropertyEntry { key: unescape(key)?, value: unescape(value)?, line: self.number })
    }
}

fn skip_white_space(places: &[Place]) -> &[Place] {
    let start =
        places.iter().position(|place| !is_white_space(place.character)).unwrap_or(places.len());
    places.split_at(start).1
}

/// Resolves the escapes; Java's characters are UTF-16, so that two `\u` can make one character.
fn unescape(places: &[Place]) -> Result<String, String> {
    let mut units: Vec<u16> = Vec::with_capacity(places.len());
    let mut rest = places.iter();
    while let Some(place) = rest.next() {
        let mut character = place.character;
        if character == '\\' {
            let Some(next) = rest.next() else { break };
            if next.character == 'u' {
                units.push(code_unit(&mut rest, next.line)?);
                continue;
            }
            character = match next.character {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'f' => '\u{c}',
                other => other,
            };
        }
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).map_err(|_| {
        let line = places.first().map_or(0, |place| place.line);
        format!("line {line}: \\u escapes half of a surrogate pair; write both halves")
    })
}

/// The number of four hexadecimal digits.
fn code_unit(rest: &mut std::slice::Iter<'_, Place>, line: usize) -> Result<u16, String> {
    let mut unit = 0_u16;
    for _ in 0..4 {
        let digit = rest.next().and_then(|place| place.character.to_digit(16));
        let digit = digit
            .and_then(|digit| u16::try_from(digit).ok())
            .ok_or_else(|| format!("line {line}: \\u needs four hexadecimal digits"))?;
        unit = (unit << 4) | digit;
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(String, String, usize)> {
        let properties = Properties::parse(text.as_bytes()).unwrap();
        properties.entries.into_iter().map(|e| (e.key, e.value, e.line)).collect()
    }

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).into_iter().map(|(key, value, _)| (key, value)).collect()
    }

    fn one(text: &str) -> (String, String) {
        let mut all = pairs(text);
        assert_eq!(all.len(), 1, "{text:?}: {all:?}");
        all.remove(0)
    }

    #[test]
    fn splits_key_and_value_as_java_does() {
        for (text, key, value) in [
            ("a=b", "a", "b"),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("  a \t=\t b ", "a", "b "),
            ("a = = b", "a", "= b"),
            ("a=:b", "a", ":b"),
            ("a : = b", "a", "= b"),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("=b", "", "b"),
            (r"a\=b\:c\ d=e", "a=b:c d", "e"),
            (r"a\\=b", r"a\", "b"),
            (r"a=b\\", "a", r"b\"),
            (r"a=\b\z\'", "a", "bz'"),
            (r"a=\t\n\r\f", "a", "\t\n\r\u{c}"),
            ("a=b#c!d", "a", "b#c!d"),
            ("a=b\\", "a", "b"),
            ("\u{c}a\u{c}b", "a", "b"),
        ] {
            assert_eq!(one(text), (key.to_owned(), value.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn leaves_out_comments_and_blank_lines() {
        assert_eq!(pairs("# a=b\n ! c=d\n\n \t\u{c}\n"), []);
        assert_eq!(one("#comment \\\na=b"), ("a".into(), "b".into()));
    }

    #[test]
    fn joins_continued_lines_without_their_indent() {
        assert_eq!(one("a=b,\\\n   c,\\\r\n\td"), ("a".into(), "b,c,d".into()));
        assert_eq!(one("a=b\\\n# no comment"), ("a".into(), "b# no comment".into()));
        assert_eq!(pairs("a=b\\\n\nc=d"), [("a".into(), "b".into()), ("c".into(), "d".into())]);
        assert_eq!(pairs("a=b\\\\\nc=d"), [("a".into(), r"b\".into()), ("c".into(), "d".into())]);
        assert_eq!(pairs("\\\n#a=b"), []);
        assert_eq!(one("a\\\n  b=c"), ("ab".into(), "c".into()));
    }

    #[test]
    fn counts_lines_of_every_line_end() {
        let lines: Vec<usize> =
            parse("a=1\r\nb=2\rc=3\n\n# x\nd=4\\\n5\ne=6").into_iter().map(|e| e.2).collect();
        assert_eq!(lines, [1, 2, 3, 6, 8]);
    }

    #[test]
    fn resolves_unicode_escapes_and_surrogate_pairs() {
        assert_eq!(one(r"a=\u00e9\uD83D\uDE00\u0041"), ("a".into(), "é😀A".into()));
    }

    #[test]
    fn names_the_line_of_every_bad_escape() {
        let error = Properties::parse(b"a=1\nb=\\u12\nc=\\uD83D x\nd=\\u00zz").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("line 2: \\u needs four hexadecimal digits"), "{text}");
        assert!(text.contains("line 3: \\u escapes half of a surrogate pair"), "{text}");
        assert!(text.contains("line 4"), "{text}");
    }

    #[test]
    fn reads_utf_8_and_otherwise_latin_1() {
        assert_eq!(one("a=é"), ("a".into(), "é".into()));
        let latin = Properties::parse(b"a=\xe9").unwrap();
        assert_eq!(latin.entries()[0].value, "é");
    }

    #[test]
    fn debug_hides_values() {
        let properties = Properties::parse(b"ssl.key.password=geheim").unwrap();
        assert!(!format!("{properties:?}").contains("geheim"));
    }
}
