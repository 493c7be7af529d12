//! Subscriptions by pattern: which of the cluster's topics match.

use std::collections::BTreeSet;

use milena_core::metadata::ClusterMetadata;
use milena_wire::ByteString;
use regex_lite::Regex;

use crate::{Error, ErrorKind};

/// A regular expression that a topic's whole name has to match, as in Java.
#[derive(Clone, Debug)]
pub(super) struct TopicPattern(Regex);

impl TopicPattern {
    pub(super) fn new(pattern: &str) -> Result<Self, Error> {
        Regex::new(&format!("^(?:{pattern})$")).map(Self).map_err(|error| {
            let message = format!("\"{pattern}\" is no regular expression: {error}");
            Error::new(ErrorKind::InvalidArgument, message)
        })
    }

    /// The matching topics; Kafka's own (`__consumer_offsets`) are left out.
    pub(super) fn matching(&self, metadata: &ClusterMetadata) -> BTreeSet<ByteString> {
        let matches = metadata.topics().filter(|topic| {
            topic.error.is_none() && !topic.is_internal && self.0.is_match(&topic.name)
        });
        matches.map(|topic| topic.name.clone()).collect()
    }
}
