//! Records, where they are, and their headers.

use milena::OwnedRecord;
use serde::Serialize;
use serde_json::{Value, json};

pub use milena::TopicPartition;

/// A place in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the module's record has these fields")]
pub struct PartitionOffset {
    /// `partition`.
    pub partition: TopicPartition,
    /// `offset`.
    pub offset: i64,
}

impl PartitionOffset {
    /// A place in a partition.
    ///
    /// ```
    /// use milena_connect::ballerina::PartitionOffset;
    ///
    /// assert_eq!(PartitionOffset::new("orders", 0, 7).offset, 7);
    /// ```
    #[must_use]
    pub fn new(topic: &str, partition: i32, offset: i64) -> Self {
        Self { partition: TopicPartition::new(topic, partition), offset }
    }

    /// The record as JSON: `{"partition":{"topic":"...","partition":0},"offset":7}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let partition =
            json!({ "topic": &*self.partition.topic, "partition": self.partition.partition });
        json!({ "partition": partition, "offset": self.offset })
    }
}

/// What a key or a value is made of.
///
/// Bytes are sent as they are, a text as UTF-8, everything else as JSON; with `SER_AVRO` the schema says how.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    bytes: Vec<u8>,
    kind: Kind,
}

/// What the bytes were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bytes,
    Text,
    Json,
}

impl Data {
    /// The JSON of a value.
    ///
    /// ```
    /// use milena_connect::ballerina::Data;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Person { name: &'static str }
    ///
    /// assert_eq!(Data::json(&Person { name: "Anne" })?.as_bytes(), br#"{"name":"Anne"}"#);
    /// assert_eq!(Data::from(22.5).as_bytes(), b"22.5");
    /// assert_eq!(Data::from("text").as_bytes(), b"text");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When JSON cannot hold it: names that are no texts, or a failing `Serialize`.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self { bytes: serde_json::to_vec(value)?, kind: Kind::Json })
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a schema sees: a text, a value of JSON, or a character U+0000 to U+00FF for each byte.
    pub(super) fn to_json(&self) -> Value {
        let text = || String::from_utf8_lossy(&self.bytes).into_owned();
        match self.kind {
            Kind::Bytes => {
                self.bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into()
            }
            Kind::Text => text().into(),
            // It was written as JSON, but for what came from elsewhere.
            Kind::Json => serde_json::from_slice(&self.bytes).unwrap_or_else(|_| text().into()),
        }
    }
}

/// A text is itself; everything else is its JSON.
impl From<Value> for Data {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Self { bytes: text.into_bytes(), kind: Kind::Text },
            other => Self { bytes: other.to_string().into_bytes(), kind: Kind::Json },
        }
    }
}

macro_rules! data_from {
    ($($type:ty, $kind:ident: $convert:expr;)+) => {
        $(impl From<$type> for Data {
            fn from(value: $type) -> Self {
                let convert: fn($type) -> Vec<u8> = $convert;
                Self { bytes: convert(value), kind: Kind::$kind }
            }
        })+
    };
}

data_from! {
    &str, Text: |text| text.as_bytes().to_vec();
    String, Text: String::into_bytes;
    &[u8], Bytes: <[u8]>::to_vec;
    Vec<u8>, Bytes: |bytes| bytes;
    bool, Json: |flag| flag.to_string().into_bytes();
    i32, Json: |number| number.to_string().into_bytes();
    i64, Json: |number| number.to_string().into_bytes();
    f64, Json: |number| Value::from(number).to_string().into_bytes();
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderValue {
    /// `string`.
    Text(String),
    /// `string[]`: a header for each, all of one name.
    Texts(Vec<String>),
    /// `byte[]`.
    Bytes(Vec<u8>),
    /// `byte[][]`: a header for each, all of one name.
    BytesList(Vec<Vec<u8>>),
}

impl HeaderValue {
    /// The bytes of each header that it is.
    pub(super) fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Text(text) => vec![text.as_bytes()],
            Self::Texts(texts) => texts.iter().map(String::as_bytes).collect(),
            Self::Bytes(bytes) => vec![bytes],
            Self::BytesList(list) => list.iter().map(Vec::as_slice).collect(),
        }
    }
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<String>> for HeaderValue {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<Vec<u8>> for HeaderValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<Vec<u8>>> for HeaderValue {
    fn from(list: Vec<Vec<u8>>) -> Self {
        Self::BytesList(list)
    }
}

/// A type that a header can be read as: a member of the map's type in the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderType {
    /// `string`.
    Text,
    /// `string[]`.
    Texts,
    /// `byte[]`.
    Bytes,
    /// `byte[][]`.
    BytesList,
}

impl HeaderType {
    const fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::BytesList)
    }
}

/// The headers of a record that was read, those of null left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<Vec<u8>>)>);

impl Headers {
    pub(super) fn of(record: &OwnedRecord) -> Self {
        let mut names: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for header in &record.headers {
            let Some(value) = &header.value else { continue };
            let place = *places.entry(header.key.as_str()).or_insert_with(|| {
                names.push((header.key.clone(), Vec::new()));
                names.len() - 1
            });
            names[place].1.push(value.to_vec());
        }
        Self(names)
    }

    /// The headers as a map whose values have one of these types, in this order.
    ///
    /// Of one type, a scalar gives the first header of a name and a list all of them. Of several, a name
    /// with more than one header is the first list, and a name with one the first scalar; where none fits
    /// it is the last type. Texts are read as UTF-8, what is none becomes U+FFFD.
    #[must_use]
    pub fn read(&self, types: &[HeaderType]) -> Vec<(String, HeaderValue)> {
        let read = |values: &[Vec<u8>]| {
            let wants_list = values.len() > 1;
            let fitting = types.iter().find(|one| one.is_list() == wants_list);
            let fitting = fitting.or_else(|| types.last())?;
            let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
            Some(match fitting {
                HeaderType::Text => HeaderValue::Text(text(values.first()?)),
                HeaderType::Texts => HeaderValue::Texts(values.iter().map(text).collect()),
                HeaderType::Bytes => HeaderValue::Bytes(values.first()?.clone()),
                HeaderType::BytesList => HeaderValue::BytesList(values.to_vec()),
            })
        };
        self.0.iter().filter_map(|(name, values)| Some((name.clone(), read(values)?))).collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A record to send: `AnydataProducerRecord`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProducerRecord {
    /// `topic`.
    pub topic: String,
    /// `key`; without one the record has a null key.
    pub key: Option<Data>,
    /// `value`.
    pub value: Data,
    /// `timestamp`, in ms since 1970.
    pub timestamp: Option<i64>,
    /// `partition`.
    pub partition: Option<i32>,
    /// `headers`, in their order.
    pub headers: Vec<(String, HeaderValue)>,
}

impl ProducerRecord {
    /// A record of this value for a topic.
    #[must_use]
    pub fn new(topic: impl Into<String>, value: impl Into<Data>) -> Self {
        Self {
            topic: topic.into(),
            key: None,
            value: value.into(),
            timestamp: None,
            partition: None,
            headers: Vec::new(),
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Data>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the timestamp, in ms since 1970.
    #[must_use]
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Where a record was written: `RecordMetadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordMetadata {
    /// `offset`, when the broker told it.
    pub offset: Option<i64>,
    /// `timestamp`, in ms since 1970.
    pub timestamp: Option<i64>,
    /// `serializedKeySize`, in bytes; -1 without a key.
    pub serialized_key_size: i64,
    /// `serializedValueSize`, in bytes.
    pub serialized_value_size: i64,
    /// `topic`.
    pub topic: String,
    /// `partition`.
    pub partition: i32,
}

impl RecordMetadata {
    pub(super) fn of(metadata: &milena::RecordMetadata) -> Self {
        let size =
            |size: Option<usize>| size.and_then(|size| i64::try_from(size).ok()).unwrap_or(-1);
        Self {
            offset: metadata.offset(),
            timestamp: Some(metadata.timestamp_ms()).filter(|time| *time >= 0),
            serialized_key_size: size(metadata.serialized_key_size()),
            serialized_value_size: size(metadata.serialized_value_size()),
            topic: metadata.topic().to_owned(),
            partition: metadata.partition(),
        }
    }

    /// The record as JSON, with the module's names; what is not known is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = serde_json::Map::new();
        for (name, value) in [("offset", self.offset), ("timestamp", self.timestamp)] {
            if let Some(value) = value {
                json.insert(name.to_owned(), value.into());
            }
        }
        json.insert("serializedKeySize".to_owned(), self.serialized_key_size.into());
        json.insert("serializedValueSize".to_owned(), self.serialized_value_size.into());
        json.insert("topic".to_owned(), self.topic.as_str().into());
        json.insert("partition".to_owned(), self.partition.into());
        Value::Object(json)
    }
}

/// A record that was read: `AnydataConsumerRecord`, or with the default types `BytesConsumerRecord`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConsumerRecord<V = Vec<u8>, K = Vec<u8>> {
    /// `key`.
    pub key: Option<K>,
    /// `value`.
    pub value: V,
    /// `timestamp`, in ms since 1970.
    pub timestamp: i64,
    /// `offset`: where it is.
    pub offset: PartitionOffset,
    /// `headers`.
    pub headers: Headers,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_bytes_as_in_the_module() {
        for (value, expected) in [
            (Data::from(7_i64), "7"),
            (Data::from(22.5), "22.5"),
            (Data::from(true), "true"),
            (Data::from("text"), "text"),
            (Data::from("<a>text</a>".to_owned()), "<a>text</a>"),
            (Data::from(json!({ "name": "Anne", "age": 3 })), r#"{"name":"Anne","age":3}"#),
            (Data::from(json!([{ "id": 1 }])), r#"[{"id":1}]"#),
            (Data::from(json!("text")), "text"),
            (Data::from(Value::Null), "null"),
            (Data::from(b"\xff\x00".to_vec()), ""),
        ] {
            if expected.is_empty() {
                assert_eq!(value.as_bytes(), b"\xff\x00");
            } else {
                assert_eq!(value.as_bytes(), expected.as_bytes());
            }
        }
    }

    #[test]
    fn headers_are_read_by_the_types_that_were_asked_for() {
        use HeaderType::{Bytes as B, BytesList as BL, Text as T, Texts as TL};
        let (h1, h2, h3) = (b"h1".to_vec(), b"h2".to_vec(), b"h3".to_vec());
        let headers = Headers(vec![
            ("key1".to_owned(), vec![h1.clone(), h2.clone()]),
            ("key2".to_owned(), vec![h3.clone()]),
        ]);
        let text = |text: &str| HeaderValue::Text(text.to_owned());
        let texts =
            |texts: &[&str]| HeaderValue::Texts(texts.iter().map(|one| (*one).into()).collect());
        let bytes = HeaderValue::Bytes;
        let all = || HeaderValue::BytesList(vec![h1.clone(), h2.clone()]);
        for (types, key1, key2) in [
            (&[T][..], text("h1"), text("h3")),
            (&[TL], texts(&["h1", "h2"]), texts(&["h3"])),
            (&[B], bytes(h1.clone()), bytes(h3.clone())),
            (&[BL], all(), HeaderValue::BytesList(vec![h3.clone()])),
            (&[T, B], bytes(h1.clone()), text("h3")),
            (&[B, T], text("h1"), bytes(h3.clone())),
            (&[T, TL], texts(&["h1", "h2"]), text("h3")),
            (&[TL, BL], texts(&["h1", "h2"]), HeaderValue::BytesList(vec![h3.clone()])),
            (&[T, TL, B, BL], texts(&["h1", "h2"]), text("h3")),
            (&[BL, TL, B, T], all(), bytes(h3.clone())),
        ] {
            let read = headers.read(types);
            let expected = [("key1".to_owned(), key1), ("key2".to_owned(), key2)];
            assert_eq!(read, expected, "{types:?}");
        }
        assert!(headers.read(&[]).is_empty());
    }
}
