//! From tokens to a tree.
//!
//! The grammar is that of DMN 1.5, 10.3.1. What it leaves open is decided so: `-` before a number's
//! digits belongs to the number, so that `-3 ** 2` is 9; operators of one precedence group from the
//! left, `**` included; and a name goes on over words until a keyword ends it.

mod expression;
mod names;
mod primary;
mod tests;
mod types;

pub(crate) use self::names::Names;
use crate::{
    ast::{Expr, Test},
    error::{ParseError, Position},
    lexer::{self, Token, TokenKind},
};

/// How deep an expression may nest.
const DEPTH_MAX: u32 = 128;

/// The words that end a name.
const KEYWORDS: [&str; 17] = [
    "if",
    "then",
    "else",
    "for",
    "in",
    "return",
    "some",
    "every",
    "satisfies",
    "and",
    "or",
    "between",
    "instance",
    "function",
    "true",
    "false",
    "null",
];

/// Whether the word is a keyword.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// Parses an expression. A `=` before it, as Camunda writes it, is left out.
pub(crate) fn expression(text: &str, names: &Names) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text, names)?;
    if parser.is_sign("=") {
        parser.at += 1;
    }
    let tree = parser.expression()?;
    parser.finish(tree)
}

/// Parses unary tests: what a cell of a decision table may have.
pub(crate) fn unary_tests(text: &str, names: &Names) -> Result<Vec<Test>, ParseError> {
    let mut parser = Parser::new(text, names)?;
    let tree = parser.unary_tests()?;
    parser.finish(tree)
}

/// A place among the tokens of a text.
struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// The names that words alone do not make, longest first; those of the text's own definitions
    /// come and go.
    names: Names,
    /// How many filters' brackets are open.
    filters: u32,
    /// Whether a `[` may end a range.
    ends_range: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, names: &Names) -> Result<Self, ParseError> {
        Ok(Self {
            text,
            tokens: lexer::tokens(text)?,
            at: 0,
            depth: 0,
            names: names.clone(),
            filters: 0,
            ends_range: false,
        })
    }

    fn finish<T>(&self, tree: T) -> Result<T, ParseError> {
        match self.peek() {
            TokenKind::End => Ok(tree),
            _ => Err(self.expected("an operator or the end")),
        }
    }

    fn token(&self, at: usize) -> &Token {
        // The last token is the end, which stands for all that would follow it.
        &self.tokens[at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &TokenKind {
        &self.token(self.at).kind
    }

    fn start(&self) -> usize {
        self.token(self.at).start
    }

    fn source(&self, at: usize) -> &'a str {
        let token = self.token(at);
        &self.text[token.start..token.end]
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.is_sign_at(self.at, sign)
    }

    fn is_sign_at(&self, at: usize, sign: &str) -> bool {
        matches!(self.token(at).kind, TokenKind::Sign(found) if found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_word_at(self.at, word)
    }

    fn is_word_at(&self, at: usize, word: &str) -> bool {
        self.token(at).kind == TokenKind::Word && self.source(at) == word
    }

    /// Takes the sign, where it is next.
    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    /// Takes the word, where it is next.
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(&format!("'{sign}'"))) }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), ParseError> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(&format!("'{word}'"))) }
    }

    /// The error that says what was expected instead of the next token.
    fn expected(&self, what: &str) -> ParseError {
        let found = match self.peek() {
            TokenKind::End => "the end".to_owned(),
            TokenKind::String(_) => "a string".to_owned(),
            _ => format!("'{}'", self.source(self.at)),
        };
        self.error(self.start(), format!("expected {what}, found {found}"))
    }

    fn error(&self, at: usize, message: String) -> ParseError {
        ParseError { position: Position::of(self.text, at), message }
    }

    /// Parses what lies a level deeper.
    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth >= DEPTH_MAX {
            let message = format!("expected at most {DEPTH_MAX} levels of nesting");
            return Err(self.error(self.start(), message));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}
