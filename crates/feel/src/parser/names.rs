//! Names: of several words, and those that only the scope can tell from operators.
//!
//! Words that follow each other without an operator are one name, so `Full Name` needs no scope. A
//! name such as `first-name` or `Order in progress` can be told from a subtraction or a test only by
//! somebody who knows that there is such a name: the scope, or the text itself, where it defines it.

use std::{collections::HashSet, sync::Arc};

use super::{Parser, is_keyword};
use crate::{
    Context, Value,
    error::ParseError,
    lexer::{self, TokenKind},
};

/// How many values of a scope are searched for names that words alone do not make.
const SEARCHED_MAX: usize = 2_000;

/// How many such names are known at once; the search for one is a walk over them.
const KNOWN_MAX: usize = 1_000;

/// The builtin functions whose names have keywords in them.
const WITH_KEYWORDS: [&[&str]; 6] = [
    &["and"],
    &["or"],
    &["date", "and", "time"],
    &["years", "and", "months", "duration"],
    &["days", "and", "time", "duration"],
    &["get", "or", "else"],
];

/// Names that words alone do not make.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Vec<Name>);

#[derive(Clone, Debug)]
struct Name {
    text: Arc<str>,
    /// Its tokens, and whether there is space before each.
    tokens: Vec<(String, bool)>,
    /// Whether it is a name of the scope itself, and not only of a context in it.
    top: bool,
}

impl Names {
    /// Those of the names that words alone do not make.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for name in names {
            found.add(name, true);
        }
        found
    }

    /// Those of the scope that may stand in the text.
    pub(crate) fn in_scope(scope: &Context, text: &str) -> Self {
        let mut found = Self::default();
        let mut seen = HashSet::new();
        let mut left = SEARCHED_MAX;
        let mut contexts = vec![(scope, true)];
        while let Some((context, top)) = contexts.pop() {
            for (name, value) in context.iter() {
                left = left.saturating_sub(1);
                if left == 0 {
                    return found;
                }
                if may_be_special(name)
                    && text.contains(name)
                    && seen.insert((name.to_owned(), top))
                {
                    found.add(name, top);
                }
                match value {
                    Value::Context(inner) => contexts.push((inner, false)),
                    Value::List(list) => {
                        let inner = list.items().iter().take(8).filter_map(Value::as_context);
                        contexts.extend(inner.map(|inner| (inner, false)));
                    }
                    _ => {}
                }
            }
        }
        found
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a name that is defined from here on; returns whether words alone do not make it.
    pub(super) fn extend(&mut self, name: &str) -> bool {
        let known = self.0.len();
        self.add(name, true);
        self.0.len() > known
    }

    fn add(&mut self, name: &str, top: bool) {
        let Ok(tokens) = lexer::tokens(name) else { return };
        let mut parts = Vec::new();
        let mut end = 0;
        let mut words = true;
        for token in &tokens {
            let text = &name[token.start..token.end];
            match token.kind {
                TokenKind::End => break,
                TokenKind::Word => words &= !is_keyword(text),
                TokenKind::Number => words &= text.bytes().all(|it| it.is_ascii_digit()),
                TokenKind::Sign("." | "/" | "-" | "'" | "+" | "*" | "**") => words = false,
                _ => return,
            }
            parts.push((text.to_owned(), token.start > end));
            end = token.end;
        }
        let begins = tokens.first().is_some_and(|token| token.kind == TokenKind::Word);
        if !begins || words || parts.len() == 1 || self.0.len() >= KNOWN_MAX {
            return;
        }
        self.0.push(Name { text: name.into(), tokens: parts, top });
        // Stable, and the later of two equal ones last: the longest match is found first.
        self.0.sort_by_key(|name| std::cmp::Reverse(name.tokens.len()));
    }

    fn remove(&mut self, name: &str) {
        if let Some(at) = self.0.iter().position(|it| &*it.text == name) {
            self.0.remove(at);
        }
    }
}

/// Whether there is a sign or a keyword in the name, so that words alone may not make it.
fn may_be_special(name: &str) -> bool {
    name.bytes().any(|byte| matches!(byte, b'.' | b'/' | b'-' | b'\'' | b'+' | b'*'))
        || (name.contains(' ') && name.split(' ').any(is_keyword))
}

/// Where a name stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where a value may stand.
    Value,
    /// After a point.
    Path,
}

impl Parser<'_> {
    /// The name that begins here, if one does.
    pub(super) fn name(&mut self, place: Place) -> Option<Arc<str>> {
        if *self.peek() == TokenKind::Quoted {
            let name = self.source(self.at).trim_matches('`').into();
            self.at += 1;
            return Some(name);
        }
        if *self.peek() != TokenKind::Word {
            return None;
        }
        if let Some(name) = self.known_name(place) {
            return Some(name);
        }
        if let Some(name) = self.name_with_keywords() {
            return Some(name);
        }
        if place == Place::Value && is_keyword(self.source(self.at)) {
            return None;
        }
        let mut name = self.source(self.at).to_owned();
        self.at += 1;
        while self.continues_name() {
            name.push(' ');
            name.push_str(self.source(self.at));
            self.at += 1;
        }
        Some(name.into())
    }

    /// Whether the next token goes on with a name.
    fn continues_name(&self) -> bool {
        let text = self.source(self.at);
        match self.peek() {
            TokenKind::Word => !is_keyword(text),
            TokenKind::Number => text.bytes().all(|digit| digit.is_ascii_digit()),
            _ => false,
        }
    }

    /// The longest of the known names that stands here.
    fn known_name(&mut self, place: Place) -> Option<Arc<str>> {
        let inner = place == Place::Path || self.filters > 0;
        let found = self.names.0.iter().find(|name| {
            let here = match place {
                Place::Value => name.top || inner,
                Place::Path => true,
            };
            here && self.stands_here(name)
        })?;
        let (name, length) = (Arc::clone(&found.text), found.tokens.len());
        self.at += length;
        Some(name)
    }

    fn stands_here(&self, name: &Name) -> bool {
        let mut tokens = name.tokens.iter().enumerate();
        tokens.all(|(index, (text, space))| {
            let at = self.at + index;
            let gap = index > 0 && self.token(at).start > self.token(at - 1).end;
            self.source(at) == text && gap == *space
        })
    }

    fn name_with_keywords(&mut self) -> Option<Arc<str>> {
        let words = WITH_KEYWORDS.iter().find(|words| {
            let mut words_at = words.iter().enumerate();
            words_at.all(|(index, word)| self.is_word_at(self.at + index, word))
                && self.is_sign_at(self.at + words.len(), "(")
        })?;
        self.at += words.len();
        Some(words.join(" ").into())
    }

    /// A name that is defined here: everything up to the sign or word that ends it.
    ///
    /// Returns the name, and whether it has to be forgotten with [`Self::forget`].
    pub(super) fn defined_name(&mut self, ends: &[&str]) -> Result<(Arc<str>, bool), ParseError> {
        if *self.peek() == TokenKind::Quoted {
            return Ok((self.name(Place::Value).unwrap_or_default(), false));
        }
        let first = self.at;
        let mut name = String::new();
        loop {
            let token = self.token(self.at);
            let text = self.source(self.at);
            let part = match token.kind {
                TokenKind::Word | TokenKind::Number => !ends.contains(&text),
                TokenKind::Sign(sign) => {
                    [".", "/", "-", "'", "+", "*", "**"].contains(&sign) && self.at > first
                }
                _ => false,
            };
            if !part {
                break;
            }
            if self.at > first && token.start > self.token(self.at - 1).end {
                name.push(' ');
            }
            name.push_str(text);
            self.at += 1;
        }
        if self.at == first || self.token(first).kind != TokenKind::Word {
            self.at = first;
            return Err(self.expected("a name"));
        }
        let added = self.names.extend(&name);
        Ok((name.into(), added))
    }

    /// Forgets a name whose definition has ended.
    pub(super) fn forget(&mut self, name: &(Arc<str>, bool)) {
        if name.1 {
            self.names.remove(&name.0);
        }
    }

    /// Whether a name and a colon stand here: an entry, or an argument by name.
    pub(super) fn is_labelled(&self) -> bool {
        let mut at = self.at;
        if matches!(self.token(at).kind, TokenKind::Quoted | TokenKind::String(_)) {
            return self.is_sign_at(at + 1, ":");
        }
        while matches!(
            self.token(at).kind,
            TokenKind::Word
                | TokenKind::Number
                | TokenKind::Sign("." | "/" | "-" | "'" | "+" | "*" | "**")
        ) {
            at += 1;
        }
        at > self.at && self.is_sign_at(at, ":")
    }
}
