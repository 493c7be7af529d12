//! A record to be sent.

use milena_wire::records::Header;

/// A record to be sent; everything in it is borrowed, and copied once, into its batch.
///
/// ```
/// use milena::producer::{Header, ProducerRecord};
///
/// let headers = [Header::new("trace", Some(b"4bf92f35"))];
/// let record = ProducerRecord::to("orders").key("7").value("arrived").headers(&headers);
/// assert_eq!(record.topic(), "orders");
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a record does nothing until it is sent"]
pub struct ProducerRecord<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: Option<i32>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: &'a [Header<'a>],
    pub(super) timestamp_ms: Option<i64>,
}

impl<'a> ProducerRecord<'a> {
    /// A record without key and value.
    #[inline]
    pub const fn to(topic: &'a str) -> Self {
        Self { topic, partition: None, key: None, value: None, headers: &[], timestamp_ms: None }
    }

    /// Sets the key. Records with the same key go to the same partition as long as the number of
    /// partitions stays.
    #[inline]
    pub fn key<K: AsRef<[u8]> + ?Sized>(mut self, key: &'a K) -> Self {
        self.key = Some(key.as_ref());
        self
    }

    /// Sets the value; a record without value is a tombstone.
    #[inline]
    pub fn value<V: AsRef<[u8]> + ?Sized>(mut self, value: &'a V) -> Self {
        self.value = Some(value.as_ref());
        self
    }

    /// Sets key and value, each of which may be null.
    #[inline]
    pub const fn key_value(mut self, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        self.key = key;
        self.value = value;
        self
    }

    /// Sets the headers; their order and duplicates are kept.
    #[inline]
    pub const fn headers(mut self, headers: &'a [Header<'a>]) -> Self {
        self.headers = headers;
        self
    }

    /// Names the partition; without it the partitioner chooses.
    #[inline]
    pub const fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the timestamp in ms since 1970; without it the record gets the time of sending, to
    /// about a millisecond.
    #[inline]
    pub const fn timestamp_ms(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    /// The name of the topic.
    #[must_use]
    pub const fn topic(&self) -> &'a str {
        self.topic
    }
}
