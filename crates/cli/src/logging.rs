//! What the libraries log, on standard error: next to nothing, or what `RUST_LOG` asks for.

use tracing_subscriber::EnvFilter;

use crate::notice::Log;

/// What is logged without `RUST_LOG`. What a client has tried in vain is told when it gives up, by the
/// program itself.
const DEFAULT: &str = "error,milena_connect=warn";

/// Logs from here on.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Log).init();
}
