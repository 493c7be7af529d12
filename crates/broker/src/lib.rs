//! An embedded Apache Kafka broker for tests and first steps.
