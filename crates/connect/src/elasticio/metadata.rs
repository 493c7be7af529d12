//! What the Produce action gives: one object for each partition that received records.

use serde_json::{Value, json};

use super::Compatibility;

/// What the broker said about the records of one body in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the document lists these fields")]
pub struct RecordMetadata {
    /// `topicName`: the topic of the configuration.
    pub topic_name: String,
    /// `partition`: where the records are.
    pub partition: i32,
    /// `errorCode`: Kafka's error code, 0 when the records were written.
    pub error_code: i16,
    /// `baseOffset`: the offset of the first of the records; -1 when it is not known.
    pub base_offset: i64,
    /// `logAppendTime`: in ms since 1970 when the broker sets the time, otherwise -1.
    pub log_append_time: i64,
    /// `logStartOffset`: the first offset in the partition; -1 when the broker did not say.
    pub log_start_offset: i64,
}

impl RecordMetadata {
    /// The object, with the types of the document or of the component's Kafka library.
    ///
    /// ```
    /// use milena_connect::elasticio::{Compatibility, RecordMetadata};
    ///
    /// let metadata = RecordMetadata {
    ///     topic_name: "cars".to_owned(),
    ///     partition: 0,
    ///     error_code: 0,
    ///     base_offset: 42,
    ///     log_append_time: -1,
    ///     log_start_offset: 0,
    /// };
    /// assert_eq!(
    ///     metadata.to_json(Compatibility::Document).to_string(),
    ///     r#"{"topicName":"cars","partition":"0","errorCode":"0","baseOffset":"42","logAppendTime":"-1","logStartOffset":"0"}"#
    /// );
    /// assert_eq!(
    ///     metadata.to_json(Compatibility::KafkaJs).to_string(),
    ///     r#"{"topicName":"cars","partition":0,"errorCode":0,"baseOffset":"42","logAppendTime":"-1","logStartOffset":"0"}"#
    /// );
    /// ```
    #[must_use]
    pub fn to_json(&self, compatibility: Compatibility) -> Value {
        let (partition, error_code) = match compatibility {
            Compatibility::Document => {
                (json!(self.partition.to_string()), json!(self.error_code.to_string()))
            }
            Compatibility::KafkaJs => (json!(self.partition), json!(self.error_code)),
        };
        json!({
            "topicName": self.topic_name,
            "partition": partition,
            "errorCode": error_code,
            "baseOffset": self.base_offset.to_string(),
            "logAppendTime": self.log_append_time.to_string(),
            "logStartOffset": self.log_start_offset.to_string(),
        })
    }
}
