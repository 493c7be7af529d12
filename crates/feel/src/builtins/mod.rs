//! The builtin functions, as a table: names, parameters, types, and what each does.

mod connector;
mod context;
mod conversion;
mod extra;
mod list;
mod list_edit;
mod markdown;
mod number;
mod pattern;
mod range;
mod sort;
mod statistics;
mod string;
mod temporal;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
};

pub use self::markdown::functions_markdown;
pub(crate) use self::{conversion::temporal_literal, pattern::Patterns};
use crate::{
    evaluate::{Evaluator, Outcome},
    value::Value,
};

/// Where a function is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// DMN 1.5, 10.3.4.
    Dmn,
    /// What Camunda's engine adds.
    Camunda,
    /// What Camunda's connectors add.
    Connectors,
}

/// What a parameter takes. A list of one item is taken for that item, and what is no list for a list
/// of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterKind {
    /// Any value.
    Any,
    /// A boolean.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// A date, or a date and time.
    Date,
    /// A time.
    Time,
    /// A date and time; a date stands for its first moment.
    DateTime,
    /// A duration of days and time.
    DaysTimeDuration,
    /// A number or a duration of either kind.
    Magnitude,
    /// A list.
    List,
    /// A context.
    Context,
    /// A range.
    Range,
    /// A function.
    Function,
    /// What has an order: a number, a string, a date, a time, a duration.
    Point,
}

impl ParameterKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "Any",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Date => "date or date and time",
            Self::Time => "time",
            Self::DateTime => "date and time",
            Self::DaysTimeDuration => "days and time duration",
            Self::Magnitude => "number or duration",
            Self::List => "list",
            Self::Context => "context",
            Self::Range => "range",
            Self::Function => "function",
            Self::Point => "comparable",
        }
    }

    fn takes(self, value: &Value) -> bool {
        use Value as V;
        match self {
            Self::Any => true,
            Self::Boolean => matches!(value, V::Boolean(_)),
            Self::Number => matches!(value, V::Number(_)),
            Self::String => matches!(value, V::String(_)),
            Self::Date => matches!(value, V::Date(_) | V::DateTime(_)),
            Self::Time => matches!(value, V::Time(_)),
            Self::DateTime => matches!(value, V::DateTime(_)),
            Self::DaysTimeDuration => matches!(value, V::DaysTimeDuration(_)),
            Self::Magnitude => {
                matches!(value, V::Number(_) | V::DaysTimeDuration(_) | V::YearsMonthsDuration(_))
            }
            Self::List => matches!(value, V::List(_)),
            Self::Context => matches!(value, V::Context(_)),
            Self::Range => matches!(value, V::Range(_)),
            Self::Function => matches!(value, V::Function(_)),
            Self::Point => !matches!(
                value,
                V::Null | V::Boolean(_) | V::List(_) | V::Context(_) | V::Range(_) | V::Function(_)
            ),
        }
    }

    /// The value as one that the parameter takes.
    fn coerce(self, value: &Value) -> Option<Value> {
        if self.takes(value) {
            return Some(value.clone());
        }
        match (self, value) {
            (_, Value::Null) => None,
            (Self::List, other) => Some(Value::from(vec![other.clone()])),
            (_, Value::List(list)) => match list.items() {
                [only] if self.takes(only) => Some(only.clone()),
                _ => None,
            },
            (Self::DateTime, Value::Date(date)) => Some(crate::DateTime::at_midnight(*date).into()),
            _ => None,
        }
    }
}

/// A parameter of a builtin function.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BuiltinParameter {
    /// Its name, for invocations by name.
    pub name: &'static str,
    /// What it takes.
    pub kind: ParameterKind,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it takes null, too.
    pub nullable: bool,
}

/// A parameter that must be given.
const fn needs(name: &'static str, kind: ParameterKind) -> BuiltinParameter {
    let nullable = matches!(kind, ParameterKind::Any);
    BuiltinParameter { name, kind, optional: false, nullable }
}

/// A parameter that may be left out.
const fn may(name: &'static str, kind: ParameterKind) -> BuiltinParameter {
    BuiltinParameter { optional: true, ..needs(name, kind) }
}

impl BuiltinParameter {
    /// The parameter that takes null, too.
    const fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// What a signature does with its arguments: one for each parameter, null where one is left out, and
/// where the signature is variadic, any number for the last one.
type Call = fn(&mut Evaluator<'_>, &[Value]) -> Outcome;

/// One way to invoke a builtin function.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Signature {
    /// Its parameters.
    pub parameters: &'static [BuiltinParameter],
    /// Whether the last parameter takes any number of arguments.
    pub variadic: bool,
    call: Call,
}

impl Signature {
    const fn new(parameters: &'static [BuiltinParameter], call: Call) -> Self {
        Self { parameters, variadic: false, call }
    }

    const fn variadic(parameters: &'static [BuiltinParameter], call: Call) -> Self {
        Self { parameters, variadic: true, call }
    }

    /// The arguments in the order of the parameters, where they fit.
    fn bind(&self, given: &Given) -> Option<Vec<Value>> {
        let mut bound = Vec::with_capacity(self.parameters.len());
        match given {
            Given::Positional(values) => {
                if values.len() > self.parameters.len() && !self.variadic {
                    return None;
                }
                let last = self.parameters.last();
                for (index, value) in values.iter().enumerate() {
                    bound.push(take(self.parameters.get(index).or(last)?, value)?);
                }
                for parameter in self.parameters.iter().skip(values.len()) {
                    bound.push(parameter.optional.then_some(Value::Null)?);
                }
            }
            Given::Named(named) => {
                let known = |(name, _): &(Arc<str>, Value)| {
                    self.parameters.iter().any(|parameter| parameter.name == &**name)
                };
                if self.variadic && self.parameters.len() > 1 || !named.iter().all(known) {
                    return None;
                }
                for parameter in self.parameters {
                    let mut found = named.iter().filter(|(name, _)| parameter.name == &**name);
                    bound.push(match (found.next(), found.next()) {
                        (Some((_, value)), None) => take(parameter, value)?,
                        (None, _) => parameter.optional.then_some(Value::Null)?,
                        (Some(_), Some(_)) => return None,
                    });
                }
            }
        }
        Some(bound)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature")
            .field("parameters", &self.parameters)
            .field("variadic", &self.variadic)
            .finish_non_exhaustive()
    }
}

fn take(parameter: &BuiltinParameter, value: &Value) -> Option<Value> {
    if value.is_null() && parameter.nullable {
        return Some(Value::Null);
    }
    parameter.kind.coerce(value)
}

/// A builtin function.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Where it is defined.
    pub origin: Origin,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// The ways to invoke it; the first that fits is taken.
    pub signatures: &'static [Signature],
}

const fn dmn(name: &'static str, about: &'static str, signatures: &'static [Signature]) -> Builtin {
    Builtin { name, origin: Origin::Dmn, about, signatures }
}

const fn camunda(
    name: &'static str,
    about: &'static str,
    signatures: &'static [Signature],
) -> Builtin {
    Builtin { name, origin: Origin::Camunda, about, signatures }
}

/// The arguments of an invocation.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Positional(Vec<Value>),
    Named(Vec<(Arc<str>, Value)>),
}

/// All builtin functions, by kind.
///
/// ```
/// let split = milena_feel::builtins().find(|builtin| builtin.name == "split").unwrap();
/// let names: Vec<_> = split.signatures[0].parameters.iter().map(|it| it.name).collect();
/// assert_eq!(names, ["string", "delimiter"]);
/// ```
pub fn builtins() -> impl Iterator<Item = &'static Builtin> {
    [
        conversion::FUNCTIONS,
        string::FUNCTIONS,
        list::FUNCTIONS,
        list_edit::FUNCTIONS,
        statistics::FUNCTIONS,
        sort::FUNCTIONS,
        number::FUNCTIONS,
        temporal::FUNCTIONS,
        range::FUNCTIONS,
        context::FUNCTIONS,
        extra::FUNCTIONS,
        connector::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The builtin function of that name.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Builtin>> = OnceLock::new();
    BY_NAME
        .get_or_init(|| builtins().map(|builtin| (builtin.name, builtin)).collect())
        .get(name)
        .copied()
}

/// Invokes a builtin function: by the first signature that takes the arguments.
pub(crate) fn invoke(
    builtin: &'static Builtin,
    given: Given,
    evaluator: &mut Evaluator<'_>,
) -> Outcome {
    if let Given::Positional(values) = &given {
        evaluator.step(values.len())?;
    }
    for signature in builtin.signatures {
        if let Some(arguments) = signature.bind(&given) {
            return (signature.call)(evaluator, &arguments);
        }
    }
    let kinds: Vec<&str> = match &given {
        Given::Positional(values) => values.iter().map(Value::kind).collect(),
        Given::Named(named) => named.iter().map(|(_, value)| value.kind()).collect(),
    };
    let (name, kinds) = (builtin.name, kinds.join(", "));
    Ok(evaluator.null(format!("'{name}' does not take these arguments: {kinds}")))
}
