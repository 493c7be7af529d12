//! What the program says to people: lines on standard error.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

/// Writes a line to standard error. Where nobody reads it any more, the work goes on all the same.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
