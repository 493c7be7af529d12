//! Regular expressions: those of XPath, as far as a matcher in linear time can take them.
//!
//! Patterns are translated to those of the crate `regex`. Classes are subtracted as XML Schema has it
//! (`[a-z-[aeiou]]`), `\i` and `\c` are the characters of XML's names, `\p{IsGreek}` is a block, `.`
//! is neither a line feed nor a carriage return, and the flag x takes out white space. References back
//! to a group (`\1`) are refused: nothing matches them in linear time.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use crate::{
    EvaluationError,
    evaluate::{Evaluator, Outcome},
    value::{Shape, Value},
};

/// What a compiled pattern may take, in bytes.
const PATTERN_BYTES_MAX: usize = 256 << 10;

/// The steps that compiling a pattern costs.
const COMPILE_STEPS: usize = 500;

/// How many patterns are kept for the rest of an evaluation.
const KEPT_MAX: usize = 64;

/// The patterns that an evaluation has compiled.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<(String, String), Option<Regex>>);

/// The blocks that `\p{Is...}` knows.
const BLOCKS: [(&str, &str); 24] = [
    ("BasicLatin", r"\x{0}-\x{7F}"),
    ("Latin-1Supplement", r"\x{80}-\x{FF}"),
    ("LatinExtended-A", r"\x{100}-\x{17F}"),
    ("LatinExtended-B", r"\x{180}-\x{24F}"),
    ("IPAExtensions", r"\x{250}-\x{2AF}"),
    ("CombiningDiacriticalMarks", r"\x{300}-\x{36F}"),
    ("Greek", r"\x{370}-\x{3FF}"),
    ("GreekandCoptic", r"\x{370}-\x{3FF}"),
    ("Cyrillic", r"\x{400}-\x{4FF}"),
    ("Armenian", r"\x{530}-\x{58F}"),
    ("Hebrew", r"\x{590}-\x{5FF}"),
    ("Arabic", r"\x{600}-\x{6FF}"),
    ("Devanagari", r"\x{900}-\x{97F}"),
    ("Bengali", r"\x{980}-\x{9FF}"),
    ("Thai", r"\x{E00}-\x{E7F}"),
    ("Georgian", r"\x{10A0}-\x{10FF}"),
    ("GeneralPunctuation", r"\x{2000}-\x{206F}"),
    ("CurrencySymbols", r"\x{20A0}-\x{20CF}"),
    ("Arrows", r"\x{2190}-\x{21FF}"),
    ("MathematicalOperators", r"\x{2200}-\x{22FF}"),
    ("Hiragana", r"\x{3040}-\x{309F}"),
    ("Katakana", r"\x{30A0}-\x{30FF}"),
    ("CJKUnifiedIdeographs", r"\x{4E00}-\x{9FFF}"),
    ("HangulSyllables", r"\x{AC00}-\x{D7AF}"),
];

/// What `\i` stands for: what XML's names begin with.
const NAME_START: &str = r":_\p{L}\p{Nl}";

/// What `\c` stands for: what XML's names have.
const NAME_PART: &str = r":_\-.\p{L}\p{Nl}\p{Nd}\p{M}\x{B7}";

fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn matches(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(pattern) = compiled(evaluator, text(arguments, 1), text(arguments, 2))? else {
        return Ok(Value::Null);
    };
    evaluator.step(text(arguments, 0).len())?;
    Ok(pattern.is_match(text(arguments, 0)).into())
}

pub(super) fn replace(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(pattern) = compiled(evaluator, text(arguments, 1), text(arguments, 3))? else {
        return Ok(Value::Null);
    };
    let Some(replacement) = replacement(text(arguments, 2), pattern.captures_len() - 1) else {
        return Ok(evaluator.null("a replacement has $ before a digit, and \\ before $ or \\"));
    };
    let input = text(arguments, 0);
    evaluator.step(input.len())?;
    let mut output = String::new();
    let mut end = 0;
    for captures in pattern.captures_iter(input) {
        let Some(found) = captures.get(0) else { continue };
        evaluator.step(1)?;
        output.push_str(&input[end..found.start()]);
        for part in &replacement {
            evaluator.step(1)?;
            output.push_str(match part {
                Part::Text(text) => text,
                Part::Group(group) => captures.get(*group).map_or("", |found| found.as_str()),
            });
            evaluator.check(Shape::of_text(&output))?;
        }
        end = found.end();
    }
    output.push_str(&input[end..]);
    evaluator.text(output)
}

pub(super) fn split(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(pattern) = compiled(evaluator, text(arguments, 1), "")? else {
        return Ok(Value::Null);
    };
    let input = text(arguments, 0);
    evaluator.step(input.len())?;
    let mut parts = Vec::new();
    for part in pattern.split(input) {
        evaluator.step(1)?;
        parts.push(part.into());
    }
    evaluator.list(parts)
}

pub(super) fn extract(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(pattern) = compiled(evaluator, text(arguments, 1), "")? else {
        return Ok(Value::Null);
    };
    let input = text(arguments, 0);
    evaluator.step(input.len())?;
    let mut found = Vec::new();
    for part in pattern.find_iter(input) {
        evaluator.step(1)?;
        found.push(part.as_str().into());
    }
    evaluator.list(found)
}

/// The pattern, or none and a warning.
fn compiled(
    evaluator: &mut Evaluator<'_>,
    pattern: &str,
    flags: &str,
) -> Result<Option<Regex>, EvaluationError> {
    let key = (pattern.to_owned(), flags.to_owned());
    if let Some(known) = evaluator.patterns.0.get(&key) {
        let known = known.clone();
        if known.is_none() {
            evaluator.null("no pattern that can be matched");
        }
        return Ok(known);
    }
    evaluator.step(COMPILE_STEPS + pattern.len())?;
    let compiled = compile(pattern, flags);
    if let Err(problem) = &compiled {
        evaluator.null(problem.clone());
    }
    let compiled = compiled.ok();
    if evaluator.patterns.0.len() < KEPT_MAX {
        evaluator.patterns.0.insert(key, compiled.clone());
    }
    Ok(compiled)
}

fn compile(pattern: &str, flags: &str) -> Result<Regex, String> {
    if let Some(unknown) = flags.chars().find(|flag| !"smix".contains(*flag)) {
        return Err(format!("the flags of a pattern are s, m, i and x, not '{unknown}'"));
    }
    let translated = Translator::new(pattern, flags).translate()?;
    RegexBuilder::new(&translated)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|_| "no pattern, or one that is too large".to_owned())
}

/// Turns a pattern of XPath into one of the crate.
struct Translator {
    characters: Vec<char>,
    at: usize,
    dot_is_all: bool,
    output: String,
}

impl Translator {
    fn new(pattern: &str, flags: &str) -> Self {
        let characters = pattern.chars().collect::<Vec<_>>();
        let characters = if flags.contains('x') { without_space(&characters) } else { characters };
        Self { characters, at: 0, dot_is_all: flags.contains('s'), output: String::new() }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.characters.get(self.at).copied();
        self.at += usize::from(next.is_some());
        next
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn translate(mut self) -> Result<String, String> {
        while let Some(next) = self.next() {
            match next {
                '\\' => self.escape(false)?,
                '[' => self.class(0)?,
                '.' if self.dot_is_all => self.output.push_str("(?s:.)"),
                '.' => self.output.push_str(r"[^\n\r]"),
                other => self.output.push(other),
            }
        }
        Ok(self.output)
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(code) = self.next() else {
            return Err("a pattern ends after a backslash".to_owned());
        };
        let set = |negated: bool, content: &str| match (in_class, negated) {
            (true, false) => content.to_owned(),
            (_, true) => format!("[^{content}]"),
            (false, false) => format!("[{content}]"),
        };
        let written = match code {
            '0'..='9' => return Err("a pattern cannot refer back to a group".to_owned()),
            's' => set(false, r" \t\n\r"),
            'S' => set(true, r" \t\n\r"),
            'i' => set(false, NAME_START),
            'I' => set(true, NAME_START),
            'c' => set(false, NAME_PART),
            'C' => set(true, NAME_PART),
            'p' | 'P' if self.peek() == Some('{') => {
                let name = self.braces()?;
                match name.strip_prefix("Is") {
                    Some(block) => {
                        let found = BLOCKS.iter().find(|(name, _)| *name == block);
                        let Some((_, range)) = found else {
                            return Err(format!("there is no block '{block}'"));
                        };
                        set(code == 'P', range)
                    }
                    None => format!("\\{code}{{{name}}}"),
                }
            }
            other => format!("\\{other}"),
        };
        self.output.push_str(&written);
        Ok(())
    }

    /// What stands in braces: the letters of a category's or a block's name.
    fn braces(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut name = String::new();
        loop {
            match self.next() {
                Some('}') => return Ok(name),
                Some(letter) if letter.is_ascii_alphanumeric() || letter == '-' => {
                    name.push(letter)
                }
                _ => return Err("a category is a name in braces".to_owned()),
            }
        }
    }

    fn class(&mut self, depth: u32) -> Result<(), String> {
        if depth > 8 {
            return Err("classes are subtracted too often".to_owned());
        }
        self.output.push('[');
        if self.peek() == Some('^') {
            self.at += 1;
            self.output.push('^');
        }
        loop {
            match self.next() {
                None => return Err("a class has no ]".to_owned()),
                Some(']') => {
                    self.output.push(']');
                    return Ok(());
                }
                Some('\\') => self.escape(true)?,
                Some('-') if self.peek() == Some('[') => {
                    self.at += 1;
                    self.output.push_str("--");
                    self.class(depth + 1)?;
                }
                // What the crate would read as an operator or as a class in a class.
                Some(sign @ ('[' | '&' | '~')) => self.output.extend(['\\', sign]),
                Some(other) => self.output.push(other),
            }
        }
    }
}

/// The pattern without white space, but for that in classes.
fn without_space(pattern: &[char]) -> Vec<char> {
    let mut kept = Vec::with_capacity(pattern.len());
    let mut classes = 0_usize;
    let mut escaped = false;
    for &next in pattern {
        if classes == 0 && matches!(next, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        if !escaped {
            match next {
                '[' => classes += 1,
                ']' => classes = classes.saturating_sub(1),
                _ => {}
            }
        }
        escaped = !escaped && next == '\\';
        kept.push(next);
    }
    kept
}

/// A part of a replacement.
enum Part {
    Text(String),
    Group(usize),
}

/// The parts of a replacement; a group's number has as many digits as there are groups for.
fn replacement(text: &str, groups: usize) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut characters = text.chars().peekable();
    while let Some(next) = characters.next() {
        match next {
            '\\' => literal.push(characters.next().filter(|it| matches!(it, '\\' | '$'))?),
            '$' => {
                let digit = |it: char| it.to_digit(10).and_then(|it| usize::try_from(it).ok());
                let mut group = digit(characters.next()?)?;
                while let Some(more) = characters.peek().copied().and_then(digit)
                    && group * 10 + more <= groups
                {
                    group = group * 10 + more;
                    characters.next();
                }
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Group(group));
            }
            other => literal.push(other),
        }
    }
    parts.push(Part::Text(literal));
    Some(parts)
}
