//! Ready-made Kafka connectors and their runtime.
