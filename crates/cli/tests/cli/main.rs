//! The program as its users run it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod feel;
mod messages;
mod program;
mod run;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod terminal;
