//! What the libraries log, on standard error: warnings, or what `RUST_LOG` asks for.

use std::io;

use tracing_subscriber::EnvFilter;

/// What is logged without `RUST_LOG`. The program itself tells what is odd about a configuration.
const DEFAULT: &str = "warn,milena::config=off";

/// Logs from here on.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}
