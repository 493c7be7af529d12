//! What the program around a flow does for it.

use std::io;

use futures_util::FutureExt as _;
use tokio::io::AsyncBufRead;

use crate::{connector::BoxFuture, flow::Input};

/// An input's bytes.
pub type InputReader = Box<dyn AsyncBufRead + Send + Unpin>;

/// Opens inputs and writes outputs.
pub trait Host: Send + Sync + 'static {
    /// Opens an input.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    fn open<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, io::Result<InputReader>>;

    /// Writes whole lines, each with its newline, and flushes them: they are accepted then.
    ///
    /// # Errors
    ///
    /// When they could not be written; [`io::ErrorKind::BrokenPipe`] ends the flow without complaint.
    fn write(&self, lines: String) -> BoxFuture<'_, io::Result<()>>;

    /// The server of a flow listens at this URL, and what the flow needs is there. Called once, before
    /// anything is written.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    fn handle_listening(&self, url: &str) -> BoxFuture<'_, io::Result<()>> {
        let _ = url;
        async { Ok(()) }.boxed()
    }
}
