//! Randomness for jitter and nonces, from the operating system.

use milena_core::backoff::Jitter;

/// A sequence for jitter and shuffles, seeded by the operating system.
///
/// A system without randomness gets a fixed seed: jitter is no secret, so that is no reason to fail.
pub(crate) fn jitter() -> Jitter {
    Jitter::new(getrandom::u64().unwrap_or(0x6d69_6c65_6e61))
}
