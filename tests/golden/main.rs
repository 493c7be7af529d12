//! What Kafka's own classes wrote, read and written by ours.

mod messages;
mod witness;
