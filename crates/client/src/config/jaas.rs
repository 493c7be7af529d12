//! The line of `sasl.jaas.config`: a login module, a control flag, options and a semicolon.
//!
//! The grammar is that of Kafka's own reader: words, texts in double or single quotes with Java's
//! escapes, comments of both kinds. Unlike there, a number needs no quotes.

use std::fmt;

use super::Secret;

/// A login module with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JaasConfig {
    /// The class that Java would run, such as `org.apache.kafka.common.security.plain.PlainLoginModule`.
    pub login_module: String,
    /// What a failure of the module means.
    pub control_flag: ControlFlag,
    /// The options in their order; values may be secrets.
    pub options: Vec<(String, Secret)>,
}

/// What a failure of a login module means to Java; it makes no difference here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlFlag {
    /// `required`.
    Required,
    /// `requisite`.
    Requisite,
    /// `sufficient`.
    Sufficient,
    /// `optional`.
    Optional,
}

/// Why a line cannot be read; secrets are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JaasError {
    /// What was expected.
    pub message: String,
    /// Where, as a column from 1.
    pub column: usize,
}

impl fmt::Display for JaasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for JaasError {}

impl JaasConfig {
    /// Reads a line, which must hold one login module.
    ///
    /// ```
    /// use milena::config::JaasConfig;
    ///
    /// let jaas = JaasConfig::parse(
    ///     "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"ada\" password='x\\'y';",
    /// )?;
    /// assert_eq!(jaas.option("username"), Some("ada"));
    /// assert_eq!(jaas.option("password"), Some("x'y"));
    /// # Ok::<(), milena::config::JaasError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What was expected, and at which column.
    pub fn parse(line: &str) -> Result<Self, JaasError> {
        let mut tokens = Tokens::new(line);
        let config = tokens.entry()?;
        match tokens.next()? {
            Token { kind: TokenKind::End, .. } => Ok(config),
            Token { column, .. } => {
                Err(tokens.error(column, "expected nothing after the semicolon: one login module"))
            }
        }
    }

    /// The value of an option; of two with one name the later counts, as in Java.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.reveal())
    }

    /// The login module without its package.
    #[must_use]
    pub fn module_name(&self) -> &str {
        self.login_module.rsplit('.').next().unwrap_or(&self.login_module)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum TokenKind {
    /// A word or a number.
    Word(String),
    /// A text in quotes.
    Quoted(String),
    /// Any other character.
    Symbol(char),
    End,
}

struct Token {
    kind: TokenKind,
    column: usize,
}

/// Cuts a line into tokens.
struct Tokens<'a> {
    characters: std::iter::Peekable<std::iter::Enumerate<std::str::Chars<'a>>>,
    end: usize,
}

impl<'a> Tokens<'a> {
    fn new(line: &'a str) -> Self {
        Self {
            characters: line.chars().enumerate().peekable(),
            end: line.chars().count().saturating_add(1),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a sentence where it is called")]
    fn error(&self, column: usize, message: impl Into<String>) -> JaasError {
        JaasError { message: message.into(), column }
    }

    /// Module, flag, options, semicolon.
    fn entry(&mut self) -> Result<JaasConfig, JaasError> {
        let login_module = match self.next()? {
            Token { kind: TokenKind::Word(text) | TokenKind::Quoted(text), .. } => text,
            Token { column, .. } => return Err(self.error(column, "expected a login module")),
        };
        let control_flag = self.control_flag()?;
        let mut options = Vec::new();
        loop {
            let Token { kind, column } = self.next()?;
            let name = match kind {
                TokenKind::Symbol(';') => {
                    return Ok(JaasConfig { login_module, control_flag, options });
                }
                TokenKind::Word(name) | TokenKind::Quoted(name) => name,
                TokenKind::End => return Err(self.error(column, "expected a semicolon at the end")),
                TokenKind::Symbol(_) => {
                    return Err(self.error(column, "expected an option or a semicolon"));
                }
            };
            let value = self.option_value(&name)?;
            options.push((name, value));
        }
    }

    fn control_flag(&mut self) -> Result<ControlFlag, JaasError> {
        const EXPECTED: &str = "expected required, requisite, sufficient or optional";
        let Token { kind, column } = self.next()?;
        let TokenKind::Word(word) = kind else { return Err(self.error(column, EXPECTED)) };
        match word.to_ascii_lowercase().as_str() {
            "required" => Ok(ControlFlag::Required),
            "requisite" => Ok(ControlFlag::Requisite),
            "sufficient" => Ok(ControlFlag::Sufficient),
            "optional" => Ok(ControlFlag::Optional),
            _ => Err(self.error(column, EXPECTED)),
        }
    }

    fn option_value(&mut self, name: &str) -> Result<Secret, JaasError> {
        let equals = self.next()?;
        if equals.kind != TokenKind::Symbol('=') {
            return Err(self.error(equals.column, format!("expected = after the option {name}")));
        }
        let Token { kind, column } = self.next()?;
        match kind {
            TokenKind::Word(text) | TokenKind::Quoted(text) => Ok(Secret::from(text)),
            _ => Err(self.error(
                column,
                format!("expected a value for the option {name}; put it in quotes"),
            )),
        }
    }

    fn next(&mut self) -> Result<Token, JaasError> {
        self.skip_space_and_comments()?;
        let Some((index, character)) = self.characters.next() else {
            return Ok(Token { kind: TokenKind::End, column: self.end });
        };
        let column = index.saturating_add(1);
        let kind = match character {
            '"' | '\'' => TokenKind::Quoted(self.quoted(character, column)?),
            character if is_word(character) => TokenKind::Word(self.word(character)),
            character => TokenKind::Symbol(character),
        };
        Ok(Token { kind, column })
    }

    fn skip_space_and_comments(&mut self) -> Result<(), JaasError> {
        while let Some(&(index, character)) = self.characters.peek() {
            if character == '/' {
                let mut ahead = self.characters.clone();
                ahead.next();
                if matches!(ahead.next(), Some((_, '*'))) {
                    self.characters = ahead;
                    self.skip_comment(index.saturating_add(1))?;
                } else {
                    // One slash is enough, as in Java.
                    while self.characters.next_if(|(_, c)| !matches!(c, '\n' | '\r')).is_some() {}
                }
                continue;
            }
            if character > ' ' {
                return Ok(());
            }
            self.characters.next();
        }
        Ok(())
    }

    /// Skips to the end of a comment whose start was read.
    fn skip_comment(&mut self, column: usize) -> Result<(), JaasError> {
        while let Some((_, character)) = self.characters.next() {
            if character == '*' && self.characters.next_if(|(_, c)| *c == '/').is_some() {
                return Ok(());
            }
        }
        Err(self.error(column, "the comment has no end"))
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::from(first);
        while let Some((_, character)) = self.characters.next_if(|(_, c)| is_word(*c)) {
            word.push(character);
        }
        word
    }

    /// The text up to the closing quote.
    fn quoted(&mut self, quote: char, column: usize) -> Result<String, JaasError> {
        let mut text = String::new();
        while let Some((_, character)) = self.characters.next() {
            match character {
                character if character == quote => return Ok(text),
                '\n' | '\r' => break,
                '\\' => match self.characters.next() {
                    Some((_, escaped)) => text.push(self.escaped(escaped)),
                    None => break,
                },
                character => text.push(character),
            }
        }
        Err(self.error(column, "the quote is not closed in its line"))
    }

    /// The character that a backslash and `first` stand for: Java's letters, or up to three octal digits.
    fn escaped(&mut self, first: char) -> char {
        let Some(digit) = first.to_digit(8) else {
            return match first {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                other => other,
            };
        };
        let mut number = digit;
        // Only a first digit up to 3 leaves room for a third one in 8 bits.
        let more = if digit <= 3 { 2 } else { 1 };
        for _ in 0..more {
            let Some((_, next)) = self.characters.next_if(|(_, c)| c.is_digit(8)) else { break };
            number = number * 8 + next.to_digit(8).unwrap_or_default();
        }
        char::from_u32(number).unwrap_or('\u{fffd}')
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '-' | '_' | '$' | '.')
        || u32::from(character) >= 0xa0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";

    fn options(line: &str) -> Vec<(String, String)> {
        let config = JaasConfig::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        config.options.into_iter().map(|(key, value)| (key, value.reveal().to_owned())).collect()
    }

    fn error(line: &str) -> String {
        JaasConfig::parse(line).unwrap_err().to_string()
    }

    #[test]
    fn reads_module_flag_and_options() {
        let config = JaasConfig::parse(&format!(
            "{PLAIN} required username=\"ada\" password=\"love lace\";"
        ))
        .unwrap();
        assert_eq!(config.login_module, PLAIN);
        assert_eq!(config.module_name(), "PlainLoginModule");
        assert_eq!(config.control_flag, ControlFlag::Required);
        assert_eq!(config.option("username"), Some("ada"));
        assert_eq!(config.option("password"), Some("love lace"));
        assert_eq!(config.option("other"), None);
    }

    #[test]
    fn reads_every_control_flag_in_any_case() {
        for (word, flag) in [
            ("required", ControlFlag::Required),
            ("REQUISITE", ControlFlag::Requisite),
            ("Sufficient", ControlFlag::Sufficient),
            ("optional", ControlFlag::Optional),
        ] {
            assert_eq!(JaasConfig::parse(&format!("M {word};")).unwrap().control_flag, flag);
        }
    }

    #[test]
    fn reads_quotes_and_escapes_as_java_does() {
        for (written, value) in [
            (r#""a b""#, "a b"),
            ("'a b'", "a b"),
            (r#"'say "x"'"#, r#"say "x""#),
            (r#""it's""#, "it's"),
            (r#""a\"b""#, r#"a"b"#),
            (r"'a\'b'", "a'b"),
            (r#""a\\b""#, r"a\b"),
            (r#""\t\n\r\f\a\b\v""#, "\t\n\r\u{c}\u{7}\u{8}\u{b}"),
            (r#""\101\60\7z""#, "A0\u{7}z"),
            (r#""\q\;""#, "q;"),
            (r#""a;b=c//d/*e*/""#, "a;b=c//d/*e*/"),
            (r#""""#, ""),
            ("word-with_more$1", "word-with_more$1"),
            ("true", "true"),
            ("3600", "3600"),
            ("\"pässword€\"", "pässword€"),
        ] {
            let line = format!("{PLAIN} required password={written};");
            assert_eq!(options(&line), [("password".to_owned(), value.to_owned())], "{line}");
        }
    }

    #[test]
    fn spaces_and_comments_may_be_anywhere() {
        let line = "/* c */ M // to the end\n required\n  a = 1 /* ; */ b=2 ; // end";
        assert_eq!(options(line), [("a".into(), "1".into()), ("b".into(), "2".into())]);
    }

    #[test]
    fn of_two_options_with_one_name_the_later_counts() {
        assert_eq!(JaasConfig::parse("M required a=1 a=2;").unwrap().option("a"), Some("2"));
    }

    #[test]
    fn says_what_is_missing_and_where() {
        for (line, expected) in [
            ("", "column 1: expected a login module"),
            (";", "column 1: expected a login module"),
            ("M", "column 2: expected required, requisite, sufficient or optional"),
            ("M needed;", "column 3: expected required"),
            ("M username=\"x\";", "column 3: expected required"),
            ("M required", "column 11: expected a semicolon at the end"),
            ("M required a=1", "column 15: expected a semicolon at the end"),
            ("M required a;", "column 13: expected = after the option a"),
            ("M required a=;", "column 14: expected a value for the option a"),
            ("M required a=1; N required;", "column 17: expected nothing after the semicolon"),
            ("M required a=\"x", "column 14: the quote is not closed"),
            ("M required a='x\n';", "column 14: the quote is not closed"),
            ("M required /* a=1;", "column 12: the comment has no end"),
            ("M required =1;", "column 12: expected an option or a semicolon"),
        ] {
            let error = error(line);
            assert!(error.starts_with(expected), "{line:?}: {error}");
        }
    }

    #[test]
    fn neither_debug_nor_errors_show_values() {
        let config = JaasConfig::parse("M required password=geheim;").unwrap();
        assert!(!format!("{config:?}").contains("geheim"));
        assert!(!error("M required password=\"geheim\"").contains("geheim"));
    }
}
