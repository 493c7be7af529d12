//! The names of types.

use super::Parser;
use crate::{ast::Type, error::ParseError, lexer::TokenKind};

impl Parser<'_> {
    /// `number`, `list<string>`, `context<a: number>`, `function<number> -> string`, …
    pub(super) fn type_name(&mut self) -> Result<Type, ParseError> {
        self.nested(Self::type_inner)
    }

    fn type_inner(&mut self) -> Result<Type, ParseError> {
        if self.take_word("function") {
            return self.function_type();
        }
        if self.take_word("null") {
            return Ok(Type::Null);
        }
        let name = self.type_words()?;
        Ok(match &*name {
            "Any" => Type::Any,
            "Null" => Type::Null,
            "boolean" => Type::Boolean,
            "number" => Type::Number,
            "string" => Type::String,
            "date" => Type::Date,
            "time" => Type::Time,
            "date and time" | "date-time" => Type::DateTime,
            "days and time duration" | "day-time-duration" | "days-time-duration" => {
                Type::DaysTimeDuration
            }
            "years and months duration" | "year-month-duration" | "years-months-duration" => {
                Type::YearsMonthsDuration
            }
            "list" => Type::List(Box::new(self.type_argument()?)),
            "range" => Type::Range(Box::new(self.type_argument()?)),
            "context" => self.context_type()?,
            other => Type::Unknown(other.into()),
        })
    }

    /// The words of a type's name, which may have `and` between them, and dashes and points.
    fn type_words(&mut self) -> Result<String, ParseError> {
        const WITH_AND: [&str; 3] = ["date", "years", "days"];
        if self.token(self.at).kind != TokenKind::Word || super::is_keyword(self.source(self.at)) {
            return Err(self.expected("a type"));
        }
        let mut name = self.source(self.at).to_owned();
        self.at += 1;
        loop {
            let word = self.token(self.at).kind == TokenKind::Word;
            let text = self.source(self.at);
            let and = text == "and"
                && WITH_AND.contains(&name.as_str())
                && ["time", "months"].contains(&self.source(self.at + 1));
            let joint = (self.is_sign("-") || self.is_sign("."))
                && self.token(self.at).start == self.token(self.at - 1).end
                && self.token(self.at + 1).kind == TokenKind::Word;
            if joint {
                name.push_str(text);
                name.push_str(self.source(self.at + 1));
                self.at += 2;
            } else if word && (and || !super::is_keyword(text)) {
                name.push(' ');
                name.push_str(text);
                self.at += 1;
            } else {
                return Ok(name);
            }
        }
    }

    /// `<type>`, or nothing, which is any type.
    fn type_argument(&mut self) -> Result<Type, ParseError> {
        if !self.take_sign("<") {
            return Ok(Type::Any);
        }
        let argument = self.type_name()?;
        self.expect_sign(">")?;
        Ok(argument)
    }

    fn context_type(&mut self) -> Result<Type, ParseError> {
        let mut entries = Vec::new();
        if !self.take_sign("<") || self.take_sign(">") {
            return Ok(Type::Context(entries));
        }
        loop {
            let name = self.defined_name(&[])?;
            self.forget(&name);
            self.expect_sign(":")?;
            entries.push((name.0, self.type_name()?));
            if self.take_sign(">") {
                return Ok(Type::Context(entries));
            }
            if !self.take_sign(",") {
                return Err(self.expected("',' or '>'"));
            }
        }
    }

    fn function_type(&mut self) -> Result<Type, ParseError> {
        if !self.take_sign("<") {
            return Ok(Type::Function(None));
        }
        let mut parameters = Vec::new();
        while !self.take_sign(">") {
            parameters.push(self.type_name()?);
            if !self.is_sign(">") && !self.take_sign(",") {
                return Err(self.expected("',' or '>'"));
            }
        }
        self.expect_sign("->")?;
        let result = self.type_name()?;
        Ok(Type::Function(Some((parameters, Box::new(result)))))
    }
}
