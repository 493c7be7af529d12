//! What an evaluation takes from outside: the time, randomness, and how much it may do.

use std::fmt;

use crate::DateTime;

/// How much an evaluation may do. Beyond it, an evaluation ends with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Steps: about one for each operation, item and 32 bytes of text. From 1; default 1,000,000.
    pub steps_max: u64,
    /// Levels of expressions, calls and values. From 1; default 256, which a thread's usual stack of
    /// 2 MiB holds.
    pub depth_max: u32,
    /// The size of one value in bytes, about, as if none of its parts were shared. From 64; default
    /// 16 MiB.
    pub value_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps_max: 1_000_000, depth_max: 256, value_bytes_max: 16 << 20 }
    }
}

impl Limits {
    /// The limits with another number of steps.
    #[must_use]
    pub const fn steps_max(self, steps_max: u64) -> Self {
        Self { steps_max, ..self }
    }

    /// The limits with another depth.
    #[must_use]
    pub const fn depth_max(self, depth_max: u32) -> Self {
        Self { depth_max, ..self }
    }

    /// The limits with another size of values.
    #[must_use]
    pub const fn value_bytes_max(self, value_bytes_max: u64) -> Self {
        Self { value_bytes_max, ..self }
    }
}

/// Fills bytes with random ones.
type Randomness<'a> = &'a (dyn Fn(&mut [u8]) + Sync);

/// What an evaluation takes from outside.
///
/// Without a time, `now` and `today` are null; without randomness, `random number` and `uuid` are.
///
/// ```
/// use milena_feel::{Context, DateTime, Environment, Expression};
///
/// let now: DateTime = "2024-02-29T10:00:00Z".parse().unwrap();
/// let environment = Environment::new().now(now);
/// let value = Expression::parse("today() + @\"P1D\"")?.evaluate(&Context::new(), &environment)?;
/// assert_eq!(value.to_string(), "@\"2024-03-01\"");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Environment<'a> {
    pub(crate) now: Option<DateTime>,
    pub(crate) randomness: Option<Randomness<'a>>,
    pub(crate) limits: Limits,
}

impl<'a> Environment<'a> {
    /// Neither time nor randomness, and the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time that `now` and `today` give, in the zone that they give it in.
    #[must_use]
    pub fn now(self, now: DateTime) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Sets what fills bytes with random ones.
    #[must_use]
    pub fn randomness(self, randomness: &'a (dyn Fn(&mut [u8]) + Sync)) -> Self {
        Self { randomness: Some(randomness), ..self }
    }

    /// Sets the limits.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("now", &self.now)
            .field("randomness", &self.randomness.is_some())
            .field("limits", &self.limits)
            .finish()
    }
}
