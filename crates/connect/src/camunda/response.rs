//! What a producer answers: where the record is.

use milena::producer::RecordMetadata;
use serde_json::{Value, json};

/// Where an acknowledged record is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the document lists these fields")]
pub struct OutboundResponse {
    /// `topic`.
    pub topic: String,
    /// `timestamp`: in ms since 1970.
    pub timestamp: i64,
    /// `offset`; -1 when the broker did not tell it, as with `acks=0`.
    pub offset: i64,
    /// `partition`.
    pub partition: i32,
}

impl OutboundResponse {
    pub(super) fn of(metadata: &RecordMetadata) -> Self {
        Self {
            topic: metadata.topic().to_owned(),
            timestamp: metadata.timestamp_ms(),
            offset: metadata.offset().unwrap_or(-1),
            partition: metadata.partition(),
        }
    }

    /// The object of the document.
    ///
    /// ```
    /// use milena_connect::camunda::OutboundResponse;
    ///
    /// let response =
    ///     OutboundResponse { topic: "t".to_owned(), timestamp: 5, offset: 7, partition: 1 };
    /// let expected = r#"{"topic":"t","timestamp":5,"offset":7,"partition":1}"#;
    /// assert_eq!(response.to_json().to_string(), expected);
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "topic": self.topic,
            "timestamp": self.timestamp,
            "offset": self.offset,
            "partition": self.partition,
        })
    }
}
