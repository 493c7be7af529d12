//! Expressions: parsed once, evaluated any number of times.

use std::sync::Arc;

use crate::{
    Context, Environment, EvaluationError, ParseError, Value, Warning,
    ast::{Expr, Test},
    error::Position,
    evaluate::{Evaluator, Frame},
    parser::{self, Names},
};

/// What an evaluation came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// The value.
    pub value: Value,
    /// Why parts of the expression are null, in the order in which they were evaluated; at most 100.
    pub warnings: Vec<Warning>,
}

/// An expression.
///
/// Names of several words need nothing: `Full Name` is one. Names with operators in them, such as
/// `first-name`, or keywords, such as `Order in progress`, are found where the scope has them. A text
/// that cannot be parsed without knowing such a name is parsed by [`Expression::parse_with_names`].
///
/// ```
/// use milena_feel::{Context, Environment, Expression, Value};
///
/// let expression = Expression::parse("for item in order.items return item.price * 1.21")?;
/// let scope = Value::from_json(&serde_json::json!({ "order": { "items": [{ "price": 100 }] } }));
/// let value = expression.evaluate(scope.as_context().unwrap(), &Environment::new())?;
/// assert_eq!(value.to_json(), serde_json::json!([121]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Expression {
    text: Arc<str>,
    tree: Arc<Expr>,
    /// Whether a scope may have names that change how the text is to be read.
    depends_on_names: bool,
}

impl Expression {
    /// Parses a text. A `=` before it, as Camunda writes it, is left out.
    ///
    /// # Errors
    ///
    /// Where the text is no expression, or nests deeper than about 60 levels: the place, what stands
    /// there, and what was expected.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &Names::default(), may_have_names(text))
    }

    /// Parses a text in which these names may stand, whatever characters and words they have.
    ///
    /// # Errors
    ///
    /// As [`Expression::parse`].
    pub fn parse_with_names<'a>(
        text: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ParseError> {
        Self::parse_with(text, &Names::of(names), false)
    }

    /// Parses a text whose names are those of a scope.
    ///
    /// # Errors
    ///
    /// As [`Expression::parse`].
    pub fn parse_in(text: &str, scope: &Context) -> Result<Self, ParseError> {
        Self::parse_with(text, &Names::in_scope(scope, text), false)
    }

    fn parse_with(text: &str, names: &Names, depends_on_names: bool) -> Result<Self, ParseError> {
        let tree = Arc::new(parser::expression(text, names)?);
        Ok(Self { text: text.into(), tree, depends_on_names })
    }

    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates the expression with the scope's entries as its variables.
    ///
    /// What does not go comes to null: a variable that is not there, kinds that do not fit, a
    /// division by zero.
    ///
    /// # Errors
    ///
    /// Where the evaluation would go beyond a limit of the environment, or an `assert` is not
    /// fulfilled.
    pub fn evaluate(
        &self,
        scope: &Context,
        environment: &Environment<'_>,
    ) -> Result<Value, EvaluationError> {
        Ok(self.evaluate_with_warnings(scope, environment)?.value)
    }

    /// Evaluates the expression, and says why parts of it are null.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`].
    pub fn evaluate_with_warnings(
        &self,
        scope: &Context,
        environment: &Environment<'_>,
    ) -> Result<Evaluation, EvaluationError> {
        let names = self.depends_on_names.then(|| Names::in_scope(scope, &self.text));
        let parsed = match names {
            Some(names) if !names.is_empty() => parser::expression(&self.text, &names).ok(),
            _ => None,
        };
        let tree = parsed.as_ref().unwrap_or(&self.tree);
        let mut evaluator = Evaluator::new(environment);
        let value = evaluator.evaluate(tree, &Frame::of_scope(scope))?;
        Ok(Evaluation { value, warnings: warnings(&self.text, evaluator) })
    }
}

/// Tests of a value, as the cells of a decision table have them: `< 10`, `[1..5], 7`, `not("a")`,
/// `-`, or an expression that says `?` for the value.
///
/// ```
/// use milena_feel::{Context, Environment, UnaryTests, Value};
///
/// let tests = UnaryTests::parse("[18..21), > 65")?;
/// let passes = |age: i64| tests.evaluate(&Value::from(age), &Context::new(), &Environment::new());
/// assert_eq!(passes(18)?, Some(true));
/// assert_eq!(passes(21)?, Some(false));
/// assert_eq!(passes(70)?, Some(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnaryTests {
    text: Arc<str>,
    tree: Arc<[Test]>,
    depends_on_names: bool,
}

impl UnaryTests {
    /// Parses a text.
    ///
    /// # Errors
    ///
    /// As [`Expression::parse`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let tree = parser::unary_tests(text, &Names::default())?.into();
        Ok(Self { text: text.into(), tree, depends_on_names: may_have_names(text) })
    }

    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the value passes one of the tests; none where that cannot be said.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`].
    pub fn evaluate(
        &self,
        value: &Value,
        scope: &Context,
        environment: &Environment<'_>,
    ) -> Result<Option<bool>, EvaluationError> {
        let names = self.depends_on_names.then(|| Names::in_scope(scope, &self.text));
        let parsed = match names {
            Some(names) if !names.is_empty() => parser::unary_tests(&self.text, &names).ok(),
            _ => None,
        };
        let tree = parsed.as_deref().unwrap_or(&self.tree);
        let frame = Frame::of_scope(scope).with(vec![("?".into(), value.clone())]);
        Evaluator::new(environment).passes_any(value, tree, &frame, true)
    }
}

/// Whether the text has a sign or a word that a name might have, too.
fn may_have_names(text: &str) -> bool {
    text.contains(['.', '/', '-', '\'', '+', '*'])
        || text.split_whitespace().any(parser::is_keyword)
}

fn warnings(text: &str, evaluator: Evaluator<'_>) -> Vec<Warning> {
    let warnings = evaluator.into_warnings().into_iter();
    warnings.map(|(at, message)| Warning { position: Position::of(text, at), message }).collect()
}
