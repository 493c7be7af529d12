//! Values from and to JSON texts, with every digit of their numbers.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use indexmap::IndexMap;

use super::{Context, Value};

/// How deep a JSON text may be.
const DEPTH_MAX: u32 = 128;

/// A text that is no JSON, or too deep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    problem: &'static str,
    at: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON: {} at byte {}", self.problem, self.at)
    }
}

impl std::error::Error for JsonError {}

impl Value {
    /// Reads a JSON text.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or has more than 128 levels.
    pub fn from_json_text(text: &str) -> Result<Self, JsonError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() {
            return Err(reader.error("something follows its value"));
        }
        Ok(value)
    }

    /// The value as a JSON text without spaces; as [`Value::to_json`], but with every digit.
    pub fn to_json_text(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    fn write_json(&self, text: &mut String) {
        match self {
            Self::Null | Self::Function(_) => text.push_str("null"),
            Self::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => {
                let _ = write!(text, "{number}");
            }
            Self::List(list) => {
                text.push('[');
                for (index, item) in list.items().iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    item.write_json(text);
                }
                text.push(']');
            }
            Self::Context(context) => {
                text.push('{');
                for (index, (name, value)) in context.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write_text(name, text);
                    text.push(':');
                    value.write_json(text);
                }
                text.push('}');
            }
            Self::String(value) => write_text(value, text),
            other => write_text(&other.to_text().unwrap_or_default(), text),
        }
    }
}

fn write_text(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            other if other < ' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(other));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

/// Reads a text from its beginning.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, problem: &'static str) -> JsonError {
        JsonError { problem, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, expected: u8) -> bool {
        self.space();
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: u32) -> Result<Value, JsonError> {
        self.space();
        match self.peek() {
            None => Err(self.error("it ends where a value is expected")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::from),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                let words = [("null", Value::Null), ("true", true.into()), ("false", false.into())];
                for (word, value) in words {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.error("a value is expected"))
            }
        }
    }

    fn array(&mut self, depth: u32) -> Result<Value, JsonError> {
        self.deeper(depth)?;
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(items.into());
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(items.into());
            }
            if !self.take(b',') {
                return Err(self.error("a comma or ] is expected"));
            }
        }
    }

    fn object(&mut self, depth: u32) -> Result<Value, JsonError> {
        self.deeper(depth)?;
        self.at += 1;
        let mut entries = IndexMap::<Arc<str>, Value>::new();
        if self.take(b'}') {
            return Ok(Context::from(entries).into());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in quotes is expected"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.error("a colon is expected"));
            }
            let value = self.value(depth + 1)?;
            entries.insert(key.into(), value);
            if self.take(b'}') {
                return Ok(Context::from(entries).into());
            }
            if !self.take(b',') {
                return Err(self.error("a comma or } is expected"));
            }
        }
    }

    fn deeper(&self, depth: u32) -> Result<(), JsonError> {
        if depth < DEPTH_MAX { Ok(()) } else { Err(self.error("it has more than 128 levels")) }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let rest = &self.text[self.at..];
        let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(|byte| part(byte)).count();
        let digits = rest[..length].trim_start_matches('-');
        let leading =
            digits.starts_with('0') && digits[1..].starts_with(|it: char| it.is_ascii_digit());
        if leading || digits.starts_with('.') {
            return Err(self.error("a number begins with its first digit"));
        }
        let number = rest[..length].parse::<crate::Number>();
        let number = number.map_err(|_| self.error("no number, or one that is too great"))?;
        self.at += length;
        Ok(number.into())
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(next) = self.text[self.at..].chars().next() else {
                return Err(self.error("a text has no end"));
            };
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(value),
                '\\' => value.push(self.escape()?),
                control if control < ' ' => {
                    return Err(self.error("a control character in a text needs an escape"));
                }
                other => value.push(other),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let code = self.peek();
        self.at += usize::from(code.is_some_and(|code| code.is_ascii()));
        Ok(match code {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(code @ (b'"' | b'\\' | b'/')) => char::from(code),
            Some(b'u') => {
                let high = self.unit()?;
                let low = if (0xD800..0xDC00).contains(&high) && self.take_escape() {
                    Some(self.unit()?)
                } else {
                    None
                };
                let units = [Some(high), low].into_iter().flatten();
                let mut characters = char::decode_utf16(units);
                match (characters.next(), characters.next()) {
                    (Some(Ok(character)), None) => character,
                    _ => return Err(self.error("half of a surrogate pair")),
                }
            }
            _ => return Err(self.error("an unknown escape")),
        })
    }

    fn take_escape(&mut self) -> bool {
        let found = self.text[self.at..].starts_with("\\u");
        self.at += if found { 2 } else { 0 };
        found
    }

    fn unit(&mut self) -> Result<u16, JsonError> {
        let digits = self.text.get(self.at..self.at + 4);
        let unit = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at += if unit.is_some() { 4 } else { 0 };
        unit.ok_or_else(|| self.error("four hexadecimal digits are expected"))
    }
}
