//! What the fuzz targets do with their bytes.
//!
//! The targets themselves (`fuzz/`) need C++ and a build of their own; what they do is here, so that
//! every input that once found a fault, and the corpus, run as ordinary tests too.

mod codec;
mod feel;
mod properties;
mod sasl;

pub use self::{
    codec::{decompression, messages, records},
    feel::feel,
    properties::properties,
    sasl::sasl,
};

/// A fuzz target: it takes any bytes, and panics where a rule is broken.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also the name of its folder in `tests/fuzz`.
pub const TARGETS: &[(&str, Target)] = &[
    ("messages", messages),
    ("records", records),
    ("decompression", decompression),
    ("properties", properties),
    ("sasl", sasl),
    ("feel", feel),
];
