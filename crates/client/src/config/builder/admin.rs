//! The admin client's builder.

use std::time::Duration;

use super::AdminConfigBuilder;
use crate::config::value::Value;

impl AdminConfigBuilder {
    /// How often a request is sent again; `default_api_timeout` is the better bound.
    ///
    /// Kafka property `retries`, our default `2147483647`, Kafka's default `2147483647`, since
    /// Kafka 0.8.2 (producer), 0.11 (admin).
    pub fn retries(self, count: u32) -> Self {
        self.set("retries", Value::Integer(count.into()))
    }

    /// How long a call may take that is given no timeout of its own; at least `request_timeout`.
    ///
    /// Kafka property `default.api.timeout.ms`, our default `60000`, Kafka's default `60000`, since
    /// Kafka 2.0.
    pub fn default_api_timeout(self, duration: Duration) -> Self {
        self.set("default.api.timeout.ms", Value::millis(duration))
    }
}
