//! From a text to tokens.
//!
//! A name's word is a token; names of several words are put together by the parser, which knows
//! where a keyword ends one. A character that begins no token is one of its own, since a name that
//! the scope knows may contain it.

use crate::error::{ParseError, Position};

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// The byte that it begins at.
    pub(crate) start: usize,
    /// The byte after it.
    pub(crate) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A word: a name, a part of one, or a keyword.
    Word,
    /// A name in backticks: it is taken as it is.
    Quoted,
    /// A number's literal.
    Number,
    /// A string's literal, decoded.
    String(String),
    /// An operator, a bracket or another sign.
    Sign(&'static str),
    /// A character that means nothing outside of names.
    Other(char),
    /// After the last token.
    End,
}

/// The signs, longer ones before those that they begin with.
const SIGNS: [&str; 24] = [
    "..", "**", "<=", ">=", "!=", "->", "(", ")", "[", "]", "{", "}", "<", ">", "=", "+", "-", "*",
    "/", ",", ":", ".", "@", "'",
];

/// Whether a name can begin with the character.
pub(crate) fn starts_name(character: char) -> bool {
    character == '?' || character == '_' || character.is_alphabetic() || is_symbol(character)
}

/// Whether a word can go on with the character.
pub(crate) fn continues_name(character: char) -> bool {
    starts_name(character)
        || character.is_numeric()
        || matches!(character, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}

/// The blocks beyond letters that FEEL's names may take: signs, pictographs and private characters.
fn is_symbol(character: char) -> bool {
    matches!(
        character,
        '\u{200C}'..='\u{200D}'
            | '\u{2070}'..='\u{218F}'
            | '\u{2C00}'..='\u{2FEF}'
            | '\u{3001}'..='\u{D7FF}'
            | '\u{F900}'..='\u{FDCF}'
            | '\u{FDF0}'..='\u{FFFD}'
            | '\u{10000}'..='\u{EFFFF}'
    )
}

/// Whether the text is one word that no keyword is.
pub(crate) fn is_plain_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(starts_name)
        && characters.all(continues_name)
        && !crate::parser::is_keyword(text)
}

/// The tokens of the text, the last of which is the end.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space()?;
        let start = lexer.at;
        let kind = lexer.next()?;
        let done = kind == TokenKind::End;
        tokens.push(Token { kind, start, end: lexer.at });
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, at: usize, message: &str) -> ParseError {
        ParseError { position: Position::of(self.text, at), message: message.to_owned() }
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        let length = self.rest().find(|it| !wanted(it)).unwrap_or_else(|| self.rest().len());
        self.at += length;
    }

    fn skip_space(&mut self) -> Result<(), ParseError> {
        loop {
            self.skip_while(|it| it.is_whitespace() || it == '\u{FEFF}');
            if self.rest().starts_with("//") {
                self.skip_while(|it| it != '\n');
            } else if self.rest().starts_with("/*") {
                let Some(length) = self.rest().find("*/") else {
                    return Err(self.error(self.at, "a comment begins here and has no */"));
                };
                self.at += length + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<TokenKind, ParseError> {
        let Some(first) = self.peek() else { return Ok(TokenKind::End) };
        let second = self.rest().chars().nth(1);
        if first.is_ascii_digit()
            || (first == '.' && second.is_some_and(|digit| digit.is_ascii_digit()))
        {
            self.number();
            return Ok(TokenKind::Number);
        }
        if first == '"' {
            return self.string().map(TokenKind::String);
        }
        if first == '`' {
            return self.quoted();
        }
        if starts_name(first) {
            self.skip_while(continues_name);
            return Ok(TokenKind::Word);
        }
        if let Some(sign) = SIGNS.into_iter().find(|sign| self.rest().starts_with(sign)) {
            self.at += sign.len();
            return Ok(TokenKind::Sign(sign));
        }
        self.at += first.len_utf8();
        Ok(TokenKind::Other(first))
    }

    /// Digits, a point with digits, an exponent; the points of `1..2` are no part of it.
    fn number(&mut self) {
        let digit = |it: char| it.is_ascii_digit();
        self.skip_while(digit);
        let rest = self.rest();
        if rest.starts_with('.') && rest[1..].starts_with(digit) {
            self.at += 1;
            self.skip_while(digit);
        }
        let rest = self.rest();
        if rest.starts_with(['e', 'E']) {
            let unsigned = &rest[1..];
            let after = unsigned.strip_prefix(['+', '-']).unwrap_or(unsigned);
            if after.starts_with(digit) {
                self.at += rest.len() - after.len();
                self.skip_while(digit);
            }
        }
    }

    fn quoted(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        self.at += 1;
        self.skip_while(|it| it != '`');
        if self.peek().is_none() {
            return Err(self.error(start, "a name begins here and has no closing `"));
        }
        self.at += 1;
        Ok(TokenKind::Quoted)
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(next) = self.peek() else {
                return Err(self.error(start, "a string begins here and has no closing \""));
            };
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(value),
                '\\' => self.escape(&mut value)?,
                other => value.push(other),
            }
        }
    }

    /// What a backslash and the next characters stand for. A pair that is no escape stays both, as
    /// regular expressions want it.
    fn escape(&mut self, value: &mut String) -> Result<(), ParseError> {
        let start = self.at - 1;
        let Some(code) = self.peek() else { return Ok(()) };
        self.at += code.len_utf8();
        match code {
            'n' => value.push('\n'),
            't' => value.push('\t'),
            'r' => value.push('\r'),
            '"' | '\'' | '\\' => value.push(code),
            'u' => {
                let high = self.hex(start, 4)?;
                value.push(self.character(start, high)?);
            }
            'U' => {
                let code = self.hex(start, 6)?;
                value.push(self.character(start, code)?);
            }
            other => value.extend(['\\', other]),
        }
        Ok(())
    }

    /// The character of a code point; half of a surrogate pair takes the other half.
    fn character(&mut self, start: usize, code: u32) -> Result<char, ParseError> {
        let mut code = code;
        if (0xD800..0xDC00).contains(&code) && self.rest().starts_with("\\u") {
            self.at += 2;
            let low = self.hex(start, 4)?;
            if (0xDC00..0xE000).contains(&low) {
                code = 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            }
        }
        char::from_u32(code)
            .ok_or_else(|| self.error(start, "expected an escape that is a Unicode character"))
    }

    fn hex(&mut self, start: usize, digits: usize) -> Result<u32, ParseError> {
        let found = self
            .rest()
            .get(..digits)
            .filter(|found| found.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|found| u32::from_str_radix(found, 16).ok());
        let expected = "expected four hexadecimal digits after \\u, or six after \\U";
        let code = found.ok_or_else(|| self.error(start, expected))?;
        self.at += digits;
        Ok(code)
    }
}
