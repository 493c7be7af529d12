//! Kafka client machines without I/O: metadata, producing, fetching, groups.
