//! What is wrong with a schema, a value or its bytes: each problem with its path.

use std::fmt;

/// How many problems of one value are told.
const PROBLEMS_SHOWN_MAX: usize = 20;

/// What could not be read, written or understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AvroErrorKind {
    /// The schema is none.
    Schema,
    /// The JSON value does not fit the schema.
    Value,
    /// The bytes are none of the schema's.
    Bytes,
    /// The two schemas do not go together.
    Resolution,
}

/// Why a value could not become bytes, or bytes a value.
///
/// Values are in the message as far as they say what is wrong: a text has at most 40 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvroError {
    kind: AvroErrorKind,
    problems: Vec<AvroProblem>,
    left_out_count: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AvroProblem {
    /// Where, as a JSON path: `$.items[2].price`.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl AvroError {
    pub(super) fn one(kind: AvroErrorKind, path: String, message: impl Into<String>) -> Self {
        Self {
            kind,
            problems: vec![AvroProblem { path, message: message.into() }],
            left_out_count: 0,
        }
    }

    pub(super) fn schema(message: impl Into<String>) -> Self {
        Self::one(AvroErrorKind::Schema, "schema".to_owned(), message)
    }

    pub(super) fn of(kind: AvroErrorKind, mut problems: Vec<AvroProblem>) -> Self {
        let left_out_count = problems.len().saturating_sub(PROBLEMS_SHOWN_MAX);
        problems.truncate(PROBLEMS_SHOWN_MAX);
        Self { kind, problems, left_out_count }
    }

    /// What could not be understood.
    #[must_use]
    pub fn kind(&self) -> AvroErrorKind {
        self.kind
    }

    /// Everything that is wrong, the first twenty of it.
    #[must_use]
    pub fn problems(&self) -> &[AvroProblem] {
        &self.problems
    }
}

impl fmt::Display for AvroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.problems.as_slice() {
            return write!(f, "{} {}", problem.path, problem.message);
        }
        write!(f, "{} problems:", self.problems.len() + self.left_out_count)?;
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator} ({}) {} {}", index + 1, problem.path, problem.message)?;
        }
        if self.left_out_count > 0 {
            write!(f, "; and {} more", self.left_out_count)?;
        }
        Ok(())
    }
}

impl std::error::Error for AvroError {}

/// Where in a value the codec is.
#[derive(Default)]
pub(super) struct Path<'a>(Vec<Segment<'a>>);

enum Segment<'a> {
    Name(&'a str),
    Index(usize),
    /// A name out of the bytes themselves.
    Owned(String),
}

impl<'a> Path<'a> {
    pub(super) fn push_name(&mut self, name: &'a str) {
        self.0.push(Segment::Name(name));
    }

    pub(super) fn push_owned(&mut self, name: String) {
        self.0.push(Segment::Owned(name));
    }

    pub(super) fn push_index(&mut self, index: usize) {
        self.0.push(Segment::Index(index));
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for segment in &self.0 {
            let name = match segment {
                Segment::Index(index) => {
                    write!(f, "[{index}]")?;
                    continue;
                }
                Segment::Name(name) => *name,
                Segment::Owned(name) => name.as_str(),
            };
            if name.chars().nth(SHOWN_MAX).is_some() {
                write!(f, "[a name of {} characters]", name.chars().count())?;
                continue;
            }
            let is_plain = !name.is_empty()
                && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
            if is_plain {
                write!(f, ".{name}")?;
            } else {
                write!(f, "[{name:?}]")?;
            }
        }
        Ok(())
    }
}

/// How many characters of a value are shown.
const SHOWN_MAX: usize = 40;

/// A text for a message. Of a long one no part is shown: what hides secrets knows them whole.
pub(super) fn the_text(text: &str) -> String {
    match text.chars().nth(SHOWN_MAX) {
        None => format!("the text {text:?}"),
        Some(_) => format!("a text of {} characters", text.chars().count()),
    }
}
