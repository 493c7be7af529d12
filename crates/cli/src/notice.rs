//! What the program says to people: lines on standard error, without secrets.

use std::{
    fmt::Display,
    io::{self, Write as _},
    sync::OnceLock,
};

use milena_connect::secrets::Masker;

/// What hides the secrets of the flow that runs.
static MASKER: OnceLock<Masker> = OnceLock::new();

/// Hides these secrets in everything that the program says and logs from here on.
pub(crate) fn hide(masker: &Masker) {
    // A program runs one flow.
    let _ = MASKER.set(masker.clone());
}

/// The text without secrets.
pub(crate) fn masked(text: String) -> String {
    match MASKER.get() {
        Some(masker) => masker.mask(&text),
        None => text,
    }
}

/// Writes a line to standard error. Where nobody reads it any more, the work goes on all the same.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{}", masked(line.to_string()));
}

/// Standard error for what is logged, an event at a time.
#[derive(Debug)]
pub(crate) struct Log;

impl io::Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = masked(String::from_utf8_lossy(event).into_owned());
        io::stderr().write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
