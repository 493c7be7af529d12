//! FEEL as its users have it: expressions in, values out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod documents;
mod limits;
mod table;
mod unary;
mod wild;
