//! The ways to round, and rounding to a scale.

use std::cmp::Ordering;

use num_bigint::BigUint;

use super::{Number, parts::Parts};

/// Which neighbour a value between two becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rounding {
    /// The nearer, and from the middle the even one.
    HalfEven,
    /// The nearer, and from the middle the one further from zero.
    HalfUp,
    /// The nearer, and from the middle the one closer to zero.
    HalfDown,
    /// The one further from zero.
    Up,
    /// The one closer to zero.
    Down,
    /// The lower.
    Floor,
    /// The higher.
    Ceiling,
}

impl Rounding {
    /// Whether the magnitude grows, where the rest compares to the half as `half` says.
    pub(super) fn rounds(self, negative: bool, last: u32, half: Ordering) -> bool {
        self.rounds_up(negative, last, half == Ordering::Less, half == Ordering::Equal)
    }

    pub(super) fn rounds_up(self, negative: bool, last: u32, less: bool, middle: bool) -> bool {
        match self {
            Self::Up => true,
            Self::Down => false,
            Self::Floor => negative,
            Self::Ceiling => !negative,
            Self::HalfEven if middle => last % 2 == 1,
            Self::HalfDown if middle => false,
            Self::HalfEven | Self::HalfUp | Self::HalfDown => !less,
        }
    }
}

impl Number {
    /// The number with `scale` digits after its point; a negative scale rounds before it.
    ///
    /// A number that has fewer digits than that stays as it is. `None` where the result is too
    /// great.
    pub fn round_to(self, scale: i32, rounding: Rounding) -> Option<Self> {
        let excess = i64::from(scale).checked_neg()? - i64::from(self.exponent);
        if excess <= 0 || self.is_zero() {
            return Some(self);
        }
        let parts = Parts {
            negative: self.negative,
            coefficient: BigUint::from(self.coefficient),
            exponent: i64::from(self.exponent),
            inexact: false,
        };
        parts.cut(excess, rounding)
    }
}
