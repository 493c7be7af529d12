//! Apache Kafka's protocol as values.
//!
//! Bytes become values and values become bytes: every message of Kafka 4.4 in all of its versions
//! ([`messages`]), the record batches inside them ([`records`]) and their compression
//! ([`compression`]), the frames that carry them ([`frame`]) and the error codes ([`ErrorCode`]).
//! There is no I/O, no clock and no random source here, and no `unsafe`.
//!
//! A peer is untrusted. Whatever the bytes are, decoding never panics, and it never asks for more
//! memory than a small multiple of the bytes that arrived. An error names the message, its version,
//! the field and the position in the frame.
//!
//! Strings and bytes are slices of the frame that they came in: nothing is copied, and the frame
//! lives for as long as any of them.
//!
//! ```
//! use milena_wire::{frame, messages::{MetadataRequest, MetadataResponse}};
//!
//! let request = MetadataRequest { allow_auto_topic_creation: false, ..Default::default() };
//! let frame = frame::encode_request(12, 7, Some("example"), &request)?;
//! assert_eq!(frame.len(), frame.to_bytes().len());
//!
//! // The other side reads the header first: it tells which request follows.
//! let (header, mut decoder) = frame::decode_request_header(frame.to_bytes().slice(4..))?;
//! assert_eq!((header.api_version, header.correlation_id), (12, 7));
//! let read: MetadataRequest = decoder.message(header.api_version)?;
//! assert_eq!(read, request);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod codec;
pub mod compression;
mod error;
mod error_code;
pub mod frame;
#[cfg(feature = "json")]
pub mod json;
pub mod messages;
pub mod primitives;
pub mod records;

pub use bytestring::ByteString;

pub use self::{
    codec::{Decoder, Encoder, Message, MessageKind, Request},
    error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind},
    error_code::ErrorCode,
    messages::ApiKey,
    primitives::{Int32Array, TaggedField, TaggedFields, Uuid},
};
