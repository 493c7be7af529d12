//! Literals, brackets, names, and what follows them: paths, filters, invocations.

use std::sync::Arc;

use super::{Parser, expression::Level, names::Place};
use crate::{
    ast::{
        Arguments, Conditional, Definition, Domain, Expr, Iteration, Kind, Quantified, RangeEnds,
        Step,
    },
    builtins::temporal_literal,
    error::ParseError,
    lexer::TokenKind,
    value::{Parameter, Value},
};

impl Parser<'_> {
    /// A value and its paths, filters and invocations.
    pub(super) fn postfix(&mut self) -> Result<Expr, ParseError> {
        let base = self.primary()?;
        let mut steps = Vec::new();
        loop {
            let at = self.start();
            if self.take_sign(".") {
                let Some(name) = self.name(Place::Path) else {
                    return Err(self.expected("a name after '.'"));
                };
                steps.push(Step::Path(at, name));
            } else if self.is_sign("[") && !(self.ends_range && self.is_range_end()) {
                self.at += 1;
                self.filters += 1;
                let filter = self.bracketed(Self::expression);
                self.filters -= 1;
                steps.push(Step::Filter(at, filter?));
                self.expect_sign("]")?;
            } else if self.take_sign("(") {
                let arguments = self.bracketed(Self::arguments)?;
                steps.push(Step::Call(at, arguments));
            } else {
                break;
            }
        }
        if steps.is_empty() {
            return Ok(base);
        }
        Ok(Expr { at: base.at, kind: Kind::Postfix(Box::new((base, steps))) })
    }

    /// Whether the `[` that is next has no value after it: it ends a range.
    fn is_range_end(&self) -> bool {
        match self.token(self.at + 1).kind {
            TokenKind::Word => {
                let word = self.source(self.at + 1);
                ["then", "else", "in", "return", "satisfies", "and", "or", "between", "instance"]
                    .contains(&word)
            }
            TokenKind::Number | TokenKind::String(_) | TokenKind::Quoted => false,
            TokenKind::Sign(sign) => !["(", "[", "{", "-", "@"].contains(&sign),
            TokenKind::Other(_) | TokenKind::End => true,
        }
    }

    /// Parses what stands in brackets, where no range of outside can end.
    pub(super) fn bracketed<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let ends_range = std::mem::replace(&mut self.ends_range, false);
        let parsed = parse(self);
        self.ends_range = ends_range;
        parsed
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let at = self.start();
        let kind = match self.peek().clone() {
            TokenKind::Number => self.number(false)?,
            TokenKind::Sign("-") => {
                self.at += 1;
                self.number(true)?
            }
            TokenKind::String(text) => {
                self.at += 1;
                Kind::Literal(text.into())
            }
            TokenKind::Sign("@") => {
                self.at += 1;
                let TokenKind::String(text) = self.peek().clone() else {
                    return Err(self.expected("a string after '@'"));
                };
                self.at += 1;
                Kind::Literal(temporal_literal(&text).unwrap_or(Value::Null))
            }
            TokenKind::Sign("(") => return self.bracketed(Self::parentheses),
            TokenKind::Sign("[") => self.bracketed(Self::list)?,
            TokenKind::Sign("]") => {
                self.at += 1;
                let start = self.bracketed(|parser| parser.operators(Level::Sum))?;
                if !self.is_sign("..") {
                    return Err(self.expected("'..' and the end of a range"));
                }
                self.range(false, start)?
            }
            TokenKind::Sign("{") => self.bracketed(Self::context)?,
            TokenKind::Word => return self.word(),
            TokenKind::Quoted => self.name(Place::Value).map_or(Kind::List(Vec::new()), Kind::Name),
            _ => return Err(self.expected("a value")),
        };
        Ok(Expr { at, kind })
    }

    fn number(&mut self, negative: bool) -> Result<Kind, ParseError> {
        let sign = if negative { "-" } else { "" };
        let number = format!("{sign}{}", self.source(self.at)).parse::<crate::Number>();
        let number = number.map_err(|error| self.error(self.start(), error.to_string()))?;
        self.at += 1;
        Ok(Kind::Literal(number.into()))
    }

    /// `(a)`, `(< 10)` or `(1..2]`
    fn parentheses(&mut self) -> Result<Expr, ParseError> {
        let at = self.start();
        self.expect_sign("(")?;
        if let Some(comparison) = self.comparison_sign() {
            self.at += 1;
            let value = self.nested(|parser| parser.operators(Level::Sum))?;
            self.expect_sign(")")?;
            return Ok(Expr { at, kind: Kind::ComparisonRange(Box::new((comparison, value))) });
        }
        let inner = self.expression()?;
        if self.is_sign("..") {
            return Ok(Expr { at, kind: self.range(false, inner)? });
        }
        self.expect_sign(")")?;
        Ok(inner)
    }

    /// `[a, b]` or `[1..2]`
    fn list(&mut self) -> Result<Kind, ParseError> {
        self.expect_sign("[")?;
        let mut items = Vec::new();
        if self.take_sign("]") {
            return Ok(Kind::List(items));
        }
        loop {
            let item = self.expression()?;
            if items.is_empty() && self.is_sign("..") {
                return self.range(true, item);
            }
            items.push(item);
            if self.take_sign("]") {
                return Ok(Kind::List(items));
            }
            if !self.take_sign(",") {
                return Err(self.expected("',' or ']'"));
            }
        }
    }

    /// The rest of a range: `..`, its end and the bracket.
    pub(super) fn range(&mut self, start_included: bool, start: Expr) -> Result<Kind, ParseError> {
        self.expect_sign("..")?;
        let ends_range = std::mem::replace(&mut self.ends_range, true);
        let end = self.nested(|parser| parser.operators(Level::Sum));
        self.ends_range = ends_range;
        let end = end?;
        let end_included = self.take_sign("]");
        if !end_included && !self.take_sign(")") && !self.take_sign("[") {
            return Err(self.expected("']', ')' or '[' after a range"));
        }
        Ok(Kind::Range(Box::new(RangeEnds { start_included, start, end, end_included })))
    }

    /// `{a: 1, "b c": a}`
    fn context(&mut self) -> Result<Kind, ParseError> {
        self.expect_sign("{")?;
        let mut entries = Vec::new();
        let mut defined = Vec::new();
        if self.take_sign("}") {
            return Ok(Kind::Context(entries));
        }
        loop {
            let key = if let TokenKind::String(key) = self.peek().clone() {
                self.at += 1;
                (Arc::from(key), false)
            } else {
                self.defined_name(&[])?
            };
            self.expect_sign(":")?;
            // The entry itself does not see its name.
            self.forget(&key);
            let value = self.expression()?;
            defined.push(self.define(&key.0));
            entries.push((key.0, value));
            if self.take_sign("}") {
                break;
            }
            if !self.take_sign(",") {
                return Err(self.expected("',' or '}'"));
            }
        }
        for name in &defined {
            self.forget(name);
        }
        Ok(Kind::Context(entries))
    }

    /// A name that is known from here on, and whether it has to be forgotten.
    fn define(&mut self, name: &Arc<str>) -> (Arc<str>, bool) {
        (Arc::clone(name), self.names.extend(name))
    }

    fn arguments(&mut self) -> Result<Arguments, ParseError> {
        if self.take_sign(")") {
            return Ok(Arguments::Positional(Vec::new()));
        }
        let named = self.is_labelled();
        let mut labels = Vec::new();
        let mut values = Vec::new();
        loop {
            if named {
                let label = if let TokenKind::String(label) = self.peek().clone() {
                    self.at += 1;
                    (Arc::from(label), false)
                } else {
                    self.defined_name(&[])?
                };
                self.forget(&label);
                self.expect_sign(":")?;
                labels.push(label.0);
            }
            values.push(self.expression()?);
            if self.take_sign(")") {
                break;
            }
            if !self.take_sign(",") {
                return Err(self.expected("',' or ')'"));
            }
        }
        if named {
            return Ok(Arguments::Named(labels.into_iter().zip(values).collect()));
        }
        Ok(Arguments::Positional(values))
    }

    /// What begins with a word: a keyword's expression, or a name.
    fn word(&mut self) -> Result<Expr, ParseError> {
        let at = self.start();
        let kind = if let Some(name) = self.name(Place::Value) {
            Kind::Name(name)
        } else {
            match self.source(self.at) {
                "true" => self.constant(true.into()),
                "false" => self.constant(false.into()),
                "null" => self.constant(Value::Null),
                "if" => self.conditional()?,
                "for" => self.iteration()?,
                "some" => self.quantified(false)?,
                "every" => self.quantified(true)?,
                "function" => self.function()?,
                _ => return Err(self.expected("a value")),
            }
        };
        Ok(Expr { at, kind })
    }

    const fn constant(&mut self, value: Value) -> Kind {
        self.at += 1;
        Kind::Literal(value)
    }

    fn conditional(&mut self) -> Result<Kind, ParseError> {
        let mut branches = Vec::new();
        loop {
            self.expect_word("if")?;
            let condition = self.expression()?;
            self.expect_word("then")?;
            let value = self.expression()?;
            branches.push((condition, value));
            self.expect_word("else")?;
            if !self.is_word("if") {
                break;
            }
        }
        let otherwise = self.expression()?;
        Ok(Kind::If(Box::new(Conditional { branches, otherwise })))
    }

    fn iteration(&mut self) -> Result<Kind, ParseError> {
        self.expect_word("for")?;
        let (domains, defined) = self.domains()?;
        self.expect_word("return")?;
        let before = self.at;
        let body = self.expression()?;
        let asks_partial = (before..self.at).any(|at| self.is_word_at(at, "partial"));
        defined.iter().for_each(|name| self.forget(name));
        Ok(Kind::For(Box::new(Iteration { domains, body, asks_partial })))
    }

    fn quantified(&mut self, every: bool) -> Result<Kind, ParseError> {
        self.at += 1;
        let (domains, defined) = self.domains()?;
        self.expect_word("satisfies")?;
        let condition = self.expression()?;
        defined.iter().for_each(|name| self.forget(name));
        Ok(Kind::Quantified(Box::new(Quantified { every, domains, condition })))
    }

    /// `x in a, y in 1..2`, and the names that it defines.
    #[expect(clippy::type_complexity, reason = "a pair that only its two callers take apart")]
    fn domains(&mut self) -> Result<(Vec<Domain>, Vec<(Arc<str>, bool)>), ParseError> {
        let mut domains = Vec::new();
        let mut defined = Vec::new();
        loop {
            let name = self.defined_name(&["in"])?;
            self.expect_word("in")?;
            let start = self.expression()?;
            let end = if self.take_sign("..") { Some(self.expression()?) } else { None };
            domains.push(Domain { name: Arc::clone(&name.0), start, end });
            defined.push(name);
            if !self.take_sign(",") {
                return Ok((domains, defined));
            }
        }
    }

    /// `function(a, b: number) a + b`
    fn function(&mut self) -> Result<Kind, ParseError> {
        self.expect_word("function")?;
        self.expect_sign("(")?;
        let mut parameters = Vec::new();
        let mut defined = Vec::new();
        if !self.take_sign(")") {
            loop {
                let name = self.defined_name(&[])?;
                let kind = if self.take_sign(":") { Some(self.type_name()?) } else { None };
                parameters.push(Parameter { name: Arc::clone(&name.0), kind });
                defined.push(name);
                if self.take_sign(")") {
                    break;
                }
                if !self.take_sign(",") {
                    return Err(self.expected("',' or ')'"));
                }
            }
        }
        let external = self.take_word("external");
        let body = self.expression()?;
        defined.iter().for_each(|name| self.forget(name));
        let body = (!external).then(|| Arc::new(body));
        Ok(Kind::Function(Box::new(Definition { parameters: parameters.into(), body })))
    }
}
