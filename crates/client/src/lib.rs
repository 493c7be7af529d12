//! An Apache Kafka client in pure Rust: producer, consumer and admin.
