//! Telling a person why nothing happens: events of `tracing` at the level of warnings, with a target of
//! their own, so that a program can show them and nothing else.
//!
//! Their message is a sentence that can stand alone; what programs may want of it is in fields.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

/// How long nothing may happen before somebody is told.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The target of the events of `tracing` that tell a person why nothing happens.
pub const WAITING: &str = "milena::waiting";

/// Tells why nothing happens.
macro_rules! tell {
    ($($event:tt)+) => { tracing::warn!(target: $crate::waiting::WAITING, $($event)+) };
}
pub(crate) use tell;

/// Does something, and calls `tell` once where it takes long.
pub(crate) async fn patiently<T>(tell: impl FnOnce(), work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    match timeout(PATIENCE, &mut work).await {
        Ok(done) => done,
        Err(_) => {
            tell();
            work.await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_takes_long_is_told_and_once() {
        let told = Cell::new(0);
        let tell = || told.set(told.get() + 1);
        patiently(tell, sleep(PATIENCE / 2)).await;
        assert_eq!(told.get(), 0);
        patiently(tell, sleep(PATIENCE * 9)).await;
        assert_eq!(told.get(), 1);
    }
}
