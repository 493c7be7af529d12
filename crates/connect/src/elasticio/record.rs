//! What the Consume trigger gives: one object for each record.

use serde_json::{Map, Value};

use super::Compatibility;

/// A record as the trigger gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the document lists these fields")]
pub struct ConsumedRecord {
    /// `value`: the content; `None` of a tombstone.
    pub value: Option<String>,
    /// `key`: left out when the record has none.
    pub key: Option<String>,
    /// `partition`: where the record is.
    pub partition: i32,
    /// `offset`: its place in the partition.
    pub offset: i64,
}

impl ConsumedRecord {
    /// Reads bytes as texts: what is no UTF-8 is replaced by U+FFFD, as in JavaScript.
    #[must_use]
    pub fn from_bytes(
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        partition: i32,
        offset: i64,
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { value: value.map(text), key: key.map(text), partition, offset }
    }

    /// The object, with the types of the document or of the component's Kafka library.
    ///
    /// ```
    /// use milena_connect::elasticio::{Compatibility, ConsumedRecord};
    ///
    /// let record = ConsumedRecord::from_bytes(None, Some(b"arrived"), 1, 42);
    /// assert_eq!(
    ///     record.to_json(Compatibility::Document).to_string(),
    ///     r#"{"value":"arrived","partition":"1","offset":42}"#
    /// );
    /// assert_eq!(
    ///     record.to_json(Compatibility::KafkaJs).to_string(),
    ///     r#"{"value":"arrived","partition":1,"offset":"42"}"#
    /// );
    /// ```
    #[must_use]
    pub fn to_json(self, compatibility: Compatibility) -> Value {
        let (partition, offset) = match compatibility {
            Compatibility::Document => {
                (Value::from(self.partition.to_string()), Value::from(self.offset))
            }
            Compatibility::KafkaJs => {
                (Value::from(self.partition), Value::from(self.offset.to_string()))
            }
        };
        let mut object = Map::new();
        object.insert("value".to_owned(), Value::from(self.value));
        if let Some(key) = self.key {
            object.insert("key".to_owned(), Value::from(key));
        }
        object.insert("partition".to_owned(), partition);
        object.insert("offset".to_owned(), offset);
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_key_has_no_key_field() {
        let with = ConsumedRecord::from_bytes(Some(b""), Some(b"x"), 0, 1);
        assert_eq!(
            with.to_json(Compatibility::Document).to_string(),
            r#"{"value":"x","key":"","partition":"0","offset":1}"#
        );
        let without = ConsumedRecord::from_bytes(None, Some(b"x"), 0, 1);
        assert_eq!(
            without.to_json(Compatibility::Document).to_string(),
            r#"{"value":"x","partition":"0","offset":1}"#
        );
    }

    #[test]
    fn the_value_of_a_tombstone_is_null() {
        let record = ConsumedRecord::from_bytes(Some(b"k"), None, 0, 1);
        assert_eq!(
            record.to_json(Compatibility::Document).to_string(),
            r#"{"value":null,"key":"k","partition":"0","offset":1}"#
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let record = ConsumedRecord::from_bytes(None, Some(b"a\xffb"), 0, 1);
        assert_eq!(record.value.as_deref(), Some("a\u{fffd}b"));
    }
}
