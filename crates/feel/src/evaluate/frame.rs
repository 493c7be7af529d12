//! What names stand for: frames, each within another.

use std::sync::Arc;

use crate::value::{Context, Value};

/// Names with values, within the frames around them. A frame is shared by all that is within it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame(Option<Arc<Node>>);

#[derive(Debug)]
struct Node {
    parent: Frame,
    bindings: Bindings,
    depth: u32,
}

#[derive(Clone, Debug)]
enum Bindings {
    /// The scope that the caller gave.
    Scope(Context),
    /// Names of the expression's own.
    Names(Vec<(Arc<str>, Value)>),
    /// The item that a filter looks at: itself as `item`, and where it is a context, its entries.
    Item(Value),
}

impl Frame {
    /// The outermost frame.
    pub(crate) fn of_scope(scope: &Context) -> Self {
        let bindings = Bindings::Scope(scope.clone());
        Self(Some(Arc::new(Node { parent: Self(None), bindings, depth: 0 })))
    }

    /// A frame of names within this one.
    pub(crate) fn with(&self, names: Vec<(Arc<str>, Value)>) -> Self {
        let depth = names.iter().map(|(_, value)| value.shape().depth).max().unwrap_or(0);
        let depth = depth.max(self.depth()).saturating_add(1);
        let bindings = Bindings::Names(names);
        Self(Some(Arc::new(Node { parent: self.clone(), bindings, depth })))
    }

    /// The frame of a filter's item within this one.
    pub(crate) fn with_item(&self, item: Value) -> Self {
        let depth = item.shape().depth.max(self.depth()).saturating_add(1);
        let bindings = Bindings::Item(item);
        Self(Some(Arc::new(Node { parent: self.clone(), bindings, depth })))
    }

    /// Adds a name, in a frame of its own where somebody else holds this one.
    pub(crate) fn bind(&mut self, name: &Arc<str>, value: Value) {
        let depth = value.shape().depth.saturating_add(1);
        if let Some(node) = self.0.as_mut().and_then(Arc::get_mut)
            && let Bindings::Names(names) = &mut node.bindings
        {
            node.depth = node.depth.max(depth);
            names.push((Arc::clone(name), value));
            return;
        }
        *self = self.with(vec![(Arc::clone(name), value)]);
    }

    /// How deep the values in this frame and those around it are; those of the scope do not count.
    pub(crate) fn depth(&self) -> u32 {
        self.0.as_ref().map_or(0, |node| node.depth)
    }

    /// What the name stands for.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let mut frame = self;
        while let Some(node) = &frame.0 {
            if let Some(value) = node.bindings.get(name) {
                return Some(value.clone());
            }
            frame = &node.parent;
        }
        None
    }
}

impl Bindings {
    fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Scope(context) => context.get(name),
            Self::Names(names) => {
                names.iter().rev().find(|(it, _)| &**it == name).map(|(_, value)| value)
            }
            Self::Item(item) => {
                let entry = item.as_context().and_then(|context| context.get(name));
                entry.or_else(|| (name == "item").then_some(item))
            }
        }
    }
}
