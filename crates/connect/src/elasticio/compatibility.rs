//! Whether the document or the running component is followed where the two differ.

/// Whether the document or the running component is followed where the two differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compatibility {
    /// `document`: every output field has the type of the component's document.
    #[default]
    Document,
    /// `kafkajs`: outputs are as the component's Kafka library gives them: 16- and 32-bit numbers as
    /// numbers, 64-bit numbers as texts, and a failed send gives an error alone.
    KafkaJs,
}

impl Compatibility {
    /// The names in a configuration.
    pub(super) const NAMES: &[&str] = &["document", "kafkajs"];

    pub(super) fn from_name(name: &str) -> Self {
        if name == "kafkajs" { Self::KafkaJs } else { Self::Document }
    }
}
