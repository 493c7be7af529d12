//! The program as its users run it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[cfg(unix)]
mod envelope;
mod feel;
#[cfg(unix)]
mod http;
mod messages;
mod perf;
mod program;
#[cfg(unix)]
mod push;
mod run;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod terminal;
