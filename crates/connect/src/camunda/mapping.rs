//! What becomes of an answer: a result variable, variables of a result expression, or an error of an error
//! expression.

use std::fmt;

use milena_feel::Expression;
use serde_json::{Map, Value};

use super::expression;
use crate::settings::{Field, FieldKind, TableReader};

const RESULT_VARIABLE: &str = "resultVariable";
const RESULT_EXPRESSION: &str = "resultExpression";
const ERROR_EXPRESSION: &str = "errorExpression";

/// The names of the fields.
pub(super) const NAMES: &[&str] = &[RESULT_VARIABLE, RESULT_EXPRESSION, ERROR_EXPRESSION];

/// The most bytes that variables may have as JSON: 1.5 MiB.
const VARIABLES_BYTES_MAX: usize = 3 << 19;

pub(super) const RESULT_VARIABLE_FIELD: Field = Field::optional(
    RESULT_VARIABLE,
    "Result variable",
    FieldKind::Text,
    "the variable that takes the whole response",
);

pub(super) const RESULT_EXPRESSION_FIELD: Field = Field::optional(
    RESULT_EXPRESSION,
    "Result expression",
    FieldKind::Text,
    "a FEEL context of variables, made from the response",
)
.example(r#""= { \"acknowledgedAt\": response.timestamp }""#);

pub(super) const ERROR_EXPRESSION_FIELD: Field = Field::optional(
    ERROR_EXPRESSION,
    "Error expression",
    FieldKind::Text,
    "FEEL that gives bpmnError, jobError, ignoreError or null",
)
.example(r#""= if error.code = \"FAIL\" then bpmnError(\"KAFKA\", error.message) else null""#);

/// What becomes of an answer.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Mapping {
    /// `resultVariable`.
    pub result_variable: Option<String>,
    /// `resultExpression`.
    pub result_expression: Option<Expression>,
    /// `errorExpression`; triggers have none.
    pub error_expression: Option<Expression>,
}

impl Mapping {
    pub(super) fn read(reader: &mut TableReader<'_, '_>, has_errors: bool) -> Option<Self> {
        let result_variable = reader.text(RESULT_VARIABLE);
        let result_expression = expression::read(reader, RESULT_EXPRESSION);
        let error_expression =
            if has_errors { expression::read(reader, ERROR_EXPRESSION) } else { Some(None) };
        Some(Self {
            result_variable,
            result_expression: result_expression?,
            error_expression: error_expression?,
        })
    }

    /// Whether neither a variable nor an expression says what becomes of an answer.
    pub(super) fn gives_nothing(&self) -> bool {
        self.result_variable.is_none() && self.result_expression.is_none()
    }

    /// The variables of an answer.
    pub(super) fn variables(&self, response: &Value) -> Result<Map<String, Value>, String> {
        let mut variables = Map::new();
        if let Some(name) = &self.result_variable {
            variables.insert(name.clone(), response.clone());
        }
        if let Some(expression) = &self.result_expression {
            let value = expression::evaluate(expression, &expression::scope_of(response))
                .map_err(|error| format!("the result expression failed: {error}"))?;
            match value.to_json() {
                Value::Object(more) => variables.extend(more),
                Value::Null => {}
                _ => {
                    return Err(format!(
                        "the result expression gave a {}: expected a context of variables",
                        value.kind()
                    ));
                }
            }
        }
        // What is not kept is only counted.
        let bytes = Value::Object(variables.clone()).to_string().len();
        if bytes > VARIABLES_BYTES_MAX {
            return Err(format!(
                "the variables have {bytes} bytes: expected {VARIABLES_BYTES_MAX} at most"
            ));
        }
        Ok(variables)
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("result_variable", &self.result_variable)
            .field("has_result_expression", &self.result_expression.is_some())
            .field("has_error_expression", &self.error_expression.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping(variable: Option<&str>, expression: Option<&str>) -> Mapping {
        Mapping {
            result_variable: variable.map(str::to_owned),
            result_expression: expression.map(|text| Expression::parse(text).unwrap()),
            error_expression: None,
        }
    }

    #[test]
    fn a_variable_an_expression_both_or_neither() {
        let response = json!({ "topic": "t", "timestamp": 5, "offset": 7, "partition": 1 });
        let expression = "={partitionResponse:partition, topicResult:response.topic}";
        for (mapping, expected) in [
            (mapping(None, None), json!({})),
            (mapping(Some("r"), None), json!({ "r": response })),
            (
                mapping(None, Some(expression)),
                json!({ "partitionResponse": 1, "topicResult": "t" }),
            ),
            (
                mapping(Some("r"), Some(expression)),
                json!({ "r": response, "partitionResponse": 1, "topicResult": "t" }),
            ),
            (mapping(Some("r"), Some("={r: 1}")), json!({ "r": 1 })),
            (mapping(None, Some("=missing")), json!({})),
        ] {
            assert_eq!(Value::Object(mapping.variables(&response).unwrap()), expected);
        }
    }

    #[test]
    fn refuses_scalars_and_what_is_too_much() {
        let error = mapping(None, Some("=partition")).variables(&json!({ "partition": 1 }));
        assert_eq!(
            error.unwrap_err(),
            "the result expression gave a number: expected a context of variables"
        );
        let large = json!({ "value": "x".repeat(VARIABLES_BYTES_MAX) });
        let error = mapping(Some("r"), None).variables(&large).unwrap_err();
        assert!(error.ends_with("expected 1572864 at most"), "{error}");
    }
}
