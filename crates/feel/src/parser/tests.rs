//! Tests: what follows `in`, and what a decision table's cells have.

use super::{Parser, expression::Level};
use crate::{
    ast::{Expr, Test},
    error::ParseError,
    lexer::TokenKind,
};

impl Parser<'_> {
    /// The test or the tests in parentheses that follow `in`.
    pub(super) fn tests_after_in(&mut self) -> Result<Vec<Test>, ParseError> {
        if !self.is_sign("(") {
            // `5 in ? < 10`: the comparison belongs to the test.
            let level = if self.is_word("?") { Level::Comparison } else { Level::Sum };
            return Ok(vec![self.test(level)?]);
        }
        self.bracketed(Self::tests_in_parentheses)
    }

    /// `(1, < 5)`, or a range that begins with a parenthesis.
    fn tests_in_parentheses(&mut self) -> Result<Vec<Test>, ParseError> {
        let at = self.start();
        self.expect_sign("(")?;
        let mut tests = Vec::new();
        loop {
            let test = self.test(Level::Or)?;
            match test {
                Test::Expression(start) if tests.is_empty() && self.is_sign("..") => {
                    let kind = self.range(false, start)?;
                    return Ok(vec![Test::Expression(Expr { at, kind })]);
                }
                test => tests.push(test),
            }
            if self.take_sign(")") {
                return Ok(tests);
            }
            if !self.take_sign(",") {
                return Err(self.expected("',' or ')'"));
            }
        }
    }

    /// One test: a comparison, or a value.
    fn test(&mut self, level: Level) -> Result<Test, ParseError> {
        let before = self.at;
        if let Some(comparison) = self.comparison_sign() {
            self.at += 1;
            let value = self.nested(|parser| parser.operators(Level::Sum))?;
            return Ok(Test::Compare(comparison, value));
        }
        let expr = self.nested(|parser| parser.operators(level))?;
        let asks_input = (before..self.at).any(|at| self.is_word_at(at, "?"));
        Ok(if asks_input { Test::Condition(expr) } else { Test::Expression(expr) })
    }

    /// `-`, `not(…)`, or tests with commas between them.
    pub(super) fn unary_tests(&mut self) -> Result<Vec<Test>, ParseError> {
        if self.is_sign("-") && self.token(self.at + 1).kind == TokenKind::End {
            self.at += 1;
            return Ok(vec![Test::Any]);
        }
        if self.is_negated() {
            self.at += 2;
            let tests = self.comma_tests()?;
            self.expect_sign(")")?;
            return Ok(vec![Test::Not(tests)]);
        }
        self.comma_tests()
    }

    fn comma_tests(&mut self) -> Result<Vec<Test>, ParseError> {
        let mut tests = vec![self.test(Level::Or)?];
        while self.take_sign(",") {
            tests.push(self.test(Level::Or)?);
        }
        Ok(tests)
    }

    /// Whether all of it is `not(…)`.
    fn is_negated(&self) -> bool {
        if !self.is_word("not") || !self.is_sign_at(self.at + 1, "(") {
            return false;
        }
        let mut open = 0_usize;
        for at in self.at + 1..self.tokens.len() {
            if self.is_sign_at(at, "(") {
                open += 1;
            } else if self.is_sign_at(at, ")") {
                open -= 1;
                if open == 0 {
                    return self.token(at + 1).kind == TokenKind::End;
                }
            }
        }
        false
    }
}
