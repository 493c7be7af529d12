//! Functions as values.

use std::sync::Arc;

use super::Shape;
use crate::{
    ast::{Expr, Type},
    builtins::Builtin,
    evaluate::Frame,
};

/// A function: one that an expression defines, or a builtin one.
///
/// A function lives as long as the values that it captured.
#[derive(Clone, Debug)]
pub struct Function(pub(crate) FunctionKind);

#[derive(Clone, Debug)]
pub(crate) enum FunctionKind {
    Closure(Arc<Closure>),
    Builtin(&'static Builtin),
}

/// What a definition's `function(...) body` makes.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) parameters: Arc<[Parameter]>,
    /// None where the function is external: it has no body that could be evaluated.
    pub(crate) body: Option<Arc<Expr>>,
    pub(crate) frame: Frame,
    /// The entry of a context that it is the value of: it may call itself by that name.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) shape: Shape,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Option<Type>,
}

impl Function {
    /// The names of its parameters; of a builtin's first signature.
    pub fn parameters(&self) -> Vec<&str> {
        match &self.0 {
            FunctionKind::Closure(closure) => {
                closure.parameters.iter().map(|it| &*it.name).collect()
            }
            FunctionKind::Builtin(builtin) => builtin
                .signatures
                .first()
                .map_or_else(Vec::new, |it| it.parameters.iter().map(|it| it.name).collect()),
        }
    }

    pub(crate) fn of(closure: Closure) -> Self {
        Self(FunctionKind::Closure(Arc::new(closure)))
    }

    /// The function as the value of an entry: it may call itself by that name.
    pub(crate) fn named(self, name: &Arc<str>) -> Self {
        match self.0 {
            FunctionKind::Closure(closure) => match Arc::try_unwrap(closure) {
                Ok(closure) => Self::of(Closure { name: Some(Arc::clone(name)), ..closure }),
                Err(shared) => Self(FunctionKind::Closure(shared)),
            },
            builtin @ FunctionKind::Builtin(_) => Self(builtin),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        match &self.0 {
            FunctionKind::Closure(closure) => closure.shape,
            FunctionKind::Builtin(_) => Shape::LEAF,
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (FunctionKind::Closure(one), FunctionKind::Closure(other)) => Arc::ptr_eq(one, other),
            (FunctionKind::Builtin(one), FunctionKind::Builtin(other)) => one.name == other.name,
            _ => false,
        }
    }
}
