//! How the consumer is.

use milena::consumer::ConsumerGroupMetadata;
use serde_json::{Value, json};

/// How the consumer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It has not been in its group yet.
    #[default]
    Unknown,
    /// It is in its group.
    Up {
        /// The group.
        group_id: String,
        /// The member's own name, where it has one.
        group_instance_id: Option<String>,
        /// The group's generation.
        group_generation_id: i32,
    },
    /// It failed, or gave a message that cannot be used.
    Down {
        /// Why, without secrets.
        error: String,
    },
}

impl Health {
    pub(super) fn up(group: ConsumerGroupMetadata) -> Self {
        let ConsumerGroupMetadata { group_id, generation_id, group_instance_id, .. } = group;
        Self::Up { group_id, group_instance_id, group_generation_id: generation_id }
    }

    /// The status and its details, under the running connector's names.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Unknown => json!({ "status": "UNKNOWN" }),
            Self::Up { group_id, group_instance_id, group_generation_id } => json!({
                "status": "UP",
                "details": {
                    "group-id": group_id,
                    "group-instance-id": group_instance_id.as_deref().unwrap_or("unknown"),
                    "group-generation-id": group_generation_id,
                },
            }),
            Self::Down { error } => json!({ "status": "DOWN", "error": error }),
        }
    }
}
