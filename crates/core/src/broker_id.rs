//! The id of a broker.

use std::fmt;

/// The id of a broker within its cluster (`node.id`, `broker.id`).
///
/// Kafka writes -1 where there is no broker; [`BrokerId::from_wire`] turns that into `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerId(pub i32);

impl BrokerId {
    /// The broker that a field of a message names; `None` for a negative number.
    #[must_use]
    pub const fn from_wire(id: i32) -> Option<Self> {
        if id < 0 { None } else { Some(Self(id)) }
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_ids_name_no_broker() {
        assert_eq!(BrokerId::from_wire(-1), None);
        assert_eq!(BrokerId::from_wire(0), Some(BrokerId(0)));
    }
}
