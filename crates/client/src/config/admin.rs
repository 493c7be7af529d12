//! The admin client's configuration.

use super::ClientConfig;

/// The admin client's configuration.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    pub(crate) client: ClientConfig,
}
