//! FEEL, the Friendly Enough Expression Language of DMN 1.5 (chapter 10), with what Camunda's engine
//! and connectors add.
//!
//! An [`Expression`] is parsed once and evaluated with a [`Context`] of variables and an
//! [`Environment`] that brings the time, randomness and limits. Nothing is read from the machine: no
//! clock, no zones, no random numbers.
//!
//! ```
//! use milena_feel::{Context, Environment, Expression, Value};
//!
//! let expression = Expression::parse("if amount > 1000 then \"large\" else \"small\"")?;
//! let scope = Context::from([("amount", Value::from(1500))]);
//! assert_eq!(expression.evaluate(&scope, &Environment::new())?, Value::from("large"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! FEEL has no errors: what does not go comes to null, and
//! [`Expression::evaluate_with_warnings`] says why. An evaluation ends with an error only where it
//! would go beyond its [`Limits`], or where the expression's own `assert` fails.
//!
//! # What is decided where the specification leaves it open
//!
//! - Regular expressions are matched in linear time, so that patterns cannot refer back to a group.
//! - A time with a zone's name and no date has the offset that the zone has on the first of January.
//! - Functions that are `external` come to null when they are invoked.
//! - `=` takes times that differ by a fraction of a second for equal, as the conformance tests of DMN
//!   have it; `<`, `>` and `is` tell them apart.
//! - A context's entry that is a function can call itself by its name.

mod ast;
mod builtins;
mod environment;
mod error;
mod evaluate;
mod expression;
mod lexer;
mod number;
mod parser;
mod temporal;
mod value;

pub use self::{
    builtins::{
        Builtin, BuiltinParameter, Origin, ParameterKind, Signature, builtins, functions_markdown,
    },
    environment::{Environment, Limits},
    error::{EvaluationError, EvaluationErrorKind, ParseError, Position, Warning},
    expression::{Evaluation, Expression, UnaryTests},
    number::{Number, NumberError, Rounding},
    temporal::{Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, Zone},
    value::{Comparison, Context, Function, JsonError, List, Range, Value},
};
