//! Operators: precedence, comparisons and chains.

use super::Parser;
use crate::{
    ast::{Chain, Expr, Kind, Operator},
    error::ParseError,
    value::Comparison,
};

/// How tightly operators bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Or,
    And,
    Comparison,
    Sum,
    Product,
    Power,
    Unary,
}

impl Level {
    const fn tighter(self) -> Self {
        match self {
            Self::Or => Self::And,
            Self::And => Self::Comparison,
            Self::Comparison => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product => Self::Power,
            Self::Power | Self::Unary => Self::Unary,
        }
    }
}

/// How many operators that cannot be chained may follow each other.
const ROW_MAX: usize = 32;

impl Parser<'_> {
    /// An expression of any kind, a level deeper than what it stands in.
    pub(super) fn expression(&mut self) -> Result<Expr, ParseError> {
        self.nested(|parser| parser.operators(Level::Or))
    }

    /// What the operators of this level and of tighter ones make.
    pub(super) fn operators(&mut self, least: Level) -> Result<Expr, ParseError> {
        let mut left = self.unary()?;
        let mut row = 0;
        while let Some(level) = self.level().filter(|level| *level >= least) {
            let at = left.at;
            let kind = match level {
                Level::Or => Kind::Or(self.row(left, "or", Level::And)?),
                Level::And => Kind::And(self.row(left, "and", Level::Comparison)?),
                Level::Comparison => {
                    row += 1;
                    if row > ROW_MAX {
                        return Err(self.expected("no further comparison of a comparison"));
                    }
                    self.comparison(left)?
                }
                _ => self.chain(left, level)?,
            };
            left = Expr { at, kind };
        }
        Ok(left)
    }

    /// The level of the operator that is next.
    fn level(&self) -> Option<Level> {
        if self.is_word("or") {
            return Some(Level::Or);
        }
        if self.is_word("and") {
            return Some(Level::And);
        }
        let compares = self.comparison_sign().is_some();
        if compares || self.is_word("between") || self.is_word("in") {
            return Some(Level::Comparison);
        }
        self.operator().map(|(level, _)| level)
    }

    fn operator(&self) -> Option<(Level, Operator)> {
        [
            ("+", Level::Sum, Operator::Add),
            ("-", Level::Sum, Operator::Subtract),
            ("*", Level::Product, Operator::Multiply),
            ("/", Level::Product, Operator::Divide),
            ("**", Level::Power, Operator::Power),
        ]
        .into_iter()
        .find(|(sign, ..)| self.is_sign(sign))
        .map(|(_, level, operator)| (level, operator))
    }

    /// The comparing sign that is next.
    pub(super) fn comparison_sign(&self) -> Option<Comparison> {
        [
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ]
        .into_iter()
        .find(|comparison| self.is_sign(comparison.symbol()))
    }

    /// Operands with one word between them.
    fn row(&mut self, left: Expr, word: &str, level: Level) -> Result<Vec<Expr>, ParseError> {
        let mut operands = vec![left];
        while self.take_word(word) {
            operands.push(self.operators(level)?);
        }
        Ok(operands)
    }

    fn chain(&mut self, first: Expr, level: Level) -> Result<Kind, ParseError> {
        let mut rest = Vec::new();
        while let Some((found, operator)) = self.operator()
            && found == level
        {
            let at = self.start();
            self.at += 1;
            rest.push((operator, at, self.operators(level.tighter())?));
        }
        Ok(Kind::Chain(Box::new(Chain { first, rest })))
    }

    fn comparison(&mut self, left: Expr) -> Result<Kind, ParseError> {
        if self.take_word("between") {
            let low = self.operators(Level::Sum)?;
            self.expect_word("and")?;
            let high = self.operators(Level::Sum)?;
            return Ok(Kind::Between(Box::new([left, low, high])));
        }
        if self.take_word("in") {
            let tests = self.nested(Self::tests_after_in)?;
            return Ok(Kind::In(Box::new((left, tests))));
        }
        let Some(comparison) = self.comparison_sign() else {
            return Err(self.expected("a comparison"));
        };
        self.at += 1;
        let right = self.operators(Level::Sum)?;
        Ok(Kind::Compare(Box::new((left, comparison, right))))
    }

    /// A value with the minus signs before it and the types after it.
    fn unary(&mut self) -> Result<Expr, ParseError> {
        let first = self.start();
        let mut minuses = 0;
        while self.is_sign("-") && !self.is_negative_number() {
            self.at += 1;
            minuses += 1;
            if minuses > ROW_MAX {
                return Err(self.expected("a value after so many minus signs"));
            }
        }
        let mut value = self.nested(Self::postfix)?;
        let mut row = 0;
        while self.is_word("instance") && self.is_word_at(self.at + 1, "of") {
            row += 1;
            if row > ROW_MAX {
                return Err(self.expected("no further 'instance of'"));
            }
            self.at += 2;
            let kind = self.type_name()?;
            let at = value.at;
            value = Expr { at, kind: Kind::InstanceOf(Box::new((value, kind))) };
        }
        for _ in 0..minuses {
            value = Expr { at: first, kind: Kind::Negate(Box::new(value)) };
        }
        Ok(value)
    }

    /// Whether a minus and the digits of a number are next.
    pub(super) fn is_negative_number(&self) -> bool {
        self.is_sign("-") && self.token(self.at + 1).kind == crate::lexer::TokenKind::Number
    }
}
