//! Whether a value is of a type.

use std::sync::Arc;

use super::Evaluator;
use crate::{
    ast::Type,
    value::{FunctionKind, Value},
};

impl Evaluator<'_> {
    pub(super) fn instance_of(&mut self, value: &Value, kind: &Type) -> Value {
        if let Type::Unknown(name) = kind {
            return self.null(format!("there is no type '{name}'"));
        }
        // Null is an instance of nothing but its own type; within a value, it stands for any.
        if value.is_null() {
            return (*kind == Type::Null).into();
        }
        conforms(value, kind).into()
    }
}

/// Whether the value is of the type, or null.
pub(crate) fn conforms(value: &Value, kind: &Type) -> bool {
    match (value, kind) {
        (Value::Null, _)
        | (_, Type::Any)
        | (Value::Boolean(_), Type::Boolean)
        | (Value::Number(_), Type::Number)
        | (Value::String(_), Type::String)
        | (Value::Date(_), Type::Date)
        | (Value::Time(_), Type::Time)
        | (Value::DateTime(_), Type::DateTime)
        | (Value::DaysTimeDuration(_), Type::DaysTimeDuration)
        | (Value::YearsMonthsDuration(_), Type::YearsMonthsDuration) => true,
        (Value::List(list), Type::List(kind)) => {
            list.items().iter().all(|item| conforms(item, kind))
        }
        (Value::Context(context), Type::Context(entries)) => entries
            .iter()
            .all(|(name, kind)| context.get(name).is_some_and(|value| conforms(value, kind))),
        (Value::Range(range), Type::Range(kind)) => {
            [range.start(), range.end()].into_iter().flatten().all(|end| conforms(end, kind))
        }
        (Value::Function(_), Type::Function(None)) => true,
        (Value::Function(function), Type::Function(Some((parameters, _)))) => match &function.0 {
            FunctionKind::Builtin(builtin) => {
                builtin.signatures.iter().any(|it| it.parameters.len() == parameters.len())
            }
            FunctionKind::Closure(closure) => {
                closure.parameters.len() == parameters.len()
                    && closure.parameters.iter().zip(parameters).all(|(parameter, kind)| {
                        let own = parameter.kind.as_ref().unwrap_or(&Type::Any);
                        is_within(kind, own)
                    })
            }
        },
        _ => false,
    }
}

/// Whether every value of one type is of the other.
fn is_within(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Null, _) | (_, Type::Any) => true,
        (Type::List(one), Type::List(other)) | (Type::Range(one), Type::Range(other)) => {
            is_within(one, other)
        }
        (Type::Context(one), Type::Context(other)) => other.iter().all(|(name, other)| {
            one.iter().any(|(it, one)| Arc::clone(it) == *name && is_within(one, other))
        }),
        (one, other) => one == other,
    }
}
