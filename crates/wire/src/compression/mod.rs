//! The compression codecs of record batches: gzip, snappy, lz4 and zstd, both ways.
//!
//! A [`Compressor`] and a [`Decompressor`] keep the codecs' tables between batches; neither is
//! needed to read uncompressed records. Not here: record batches (see [`crate::records`]), which
//! decide when to compress and what a decompressed block means.
//!
//! 1. Nothing a peer sends makes a decoder panic, and every decode has an output limit given by
//!    its caller.
//! 2. A decoder's memory grows with what it really decoded, never with what a header promises.

mod codec;
mod compressor;
mod decompressor;
mod error;
mod gzip;
mod lz4;
mod snappy;
mod zstd;

pub use codec::{Compression, CompressionType, UnknownCompression};
pub use compressor::Compressor;
pub use decompressor::Decompressor;
pub use error::{CompressError, DecompressError, DecompressErrorKind, InvalidLevel};
pub use lz4::Lz4HeaderChecksum;
