//! Where secrets are.

use std::{env, fmt};

use milena::config::Secret;

/// Where secrets are looked up. A function of a name is one.
pub trait SecretSource: Send + Sync {
    /// The secret of this name, if there is one. Called for each placeholder; returns promptly.
    fn secret(&self, name: &str) -> Option<Secret>;
}

impl<F> SecretSource for F
where
    F: Fn(&str) -> Option<Secret> + Send + Sync,
{
    fn secret(&self, name: &str) -> Option<Secret> {
        self(name)
    }
}

/// The environment of the process: `secrets.NAME` is the variable NAME with a prefix before it.
///
/// A flow file that names variables can send them anywhere. The prefix says which are meant for flows;
/// an empty one gives all of them away.
#[derive(Clone)]
pub struct Environment {
    prefix: String,
}

impl Environment {
    /// The variables that begin with this prefix.
    #[must_use]
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }
}

impl SecretSource for Environment {
    fn secret(&self, name: &str) -> Option<Secret> {
        let variable = format!("{}{name}", self.prefix);
        // The system has no variables with these.
        if variable.contains(['=', '\0']) {
            return None;
        }
        env::var(variable).ok().map(Secret::from)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("prefix", &self.prefix).finish()
    }
}
