//! Reading and writing messages: [`Decoder`], [`Encoder`] and the traits that messages have.

mod decoder;
mod encoder;
mod reader;
#[expect(clippy::missing_errors_doc, reason = "every method fails with what its type says")]
mod writer;

use std::fmt::Debug;

pub(crate) use self::reader::Reader;
pub use self::{decoder::Decoder, encoder::Encoder, writer::Writer};
use crate::{
    error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind},
    messages::ApiKey,
};

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// A client's question.
    Request,
    /// A broker's answer.
    Response,
    /// What stands before a request or a response.
    Header,
    /// Bytes inside another message, such as a subscription of a consumer.
    Data,
}

/// A message of Kafka's protocol. The generated structs have it; it is not for others.
pub trait Message: Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// What it is.
    const KIND: MessageKind;
    /// Kafka's name.
    const NAME: &'static str;
    /// The API it belongs to, for requests and responses.
    const API_KEY: Option<ApiKey>;
    /// The lowest version that has a schema.
    const MIN_VERSION: i16;
    /// The highest version that has a schema.
    const MAX_VERSION: i16;
    /// The first flexible version (KIP-482); `i16::MAX` where none is.
    const FIRST_FLEXIBLE_VERSION: i16;

    /// Reads the fields; the version must be known to have a schema.
    #[doc(hidden)]
    fn read_fields(decoder: &mut Decoder, version: i16) -> Result<Self, DecodeError>;

    /// Writes the fields; the version must be known to have a schema.
    #[doc(hidden)]
    fn write_fields(&self, encoder: &mut Encoder, version: i16) -> Result<(), EncodeError>;

    /// Writes the fields as Kafka's JSON.
    #[cfg(feature = "json")]
    #[doc(hidden)]
    fn write_json(
        &self,
        writer: &mut crate::json::JsonWriter,
        version: i16,
    ) -> Result<(), EncodeError>;

    /// Reads the message from where the decoder stands.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the bytes are not this message, or the version has no schema.
    fn decode(decoder: &mut Decoder, version: i16) -> Result<Self, DecodeError> {
        decoder.begin(Self::NAME, version);
        if version < Self::MIN_VERSION || version > Self::MAX_VERSION {
            return Err(decoder.error(
                DecodeErrorKind::UnsupportedVersion {
                    min: Self::MIN_VERSION,
                    max: Self::MAX_VERSION,
                },
                "",
            ));
        }
        Self::read_fields(decoder, version)
    }

    /// Writes the message behind what the encoder has.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] where this version cannot carry the value.
    fn encode(&self, encoder: &mut Encoder, version: i16) -> Result<(), EncodeError> {
        if version < Self::MIN_VERSION || version > Self::MAX_VERSION {
            let kind = EncodeErrorKind::UnsupportedVersion {
                min: Self::MIN_VERSION,
                max: Self::MAX_VERSION,
            };
            return Err(EncodeError::new(kind, "", version).within(Self::NAME, version));
        }
        self.write_fields(encoder, version).map_err(|error| error.within(Self::NAME, version))
    }
}

/// A request, and the response that answers it.
pub trait Request: Message {
    /// What answers it.
    type Response: Message;
    /// The API's key.
    const KEY: ApiKey;
    /// The highest version that Kafka holds for stable.
    const MAX_STABLE_VERSION: i16;
}
