//! Frames: a length, a header and a message, as they go over a connection.
//!
//! A frame that is written begins with its length. One that is read comes without it: whoever reads
//! the connection has taken the length off to know how much to read.

use bytes::Bytes;

use crate::{
    codec::{Decoder, Encoder, Message, Request},
    error::{DecodeError, EncodeError, EncodeErrorKind},
    messages::{ApiKey, RequestHeader, ResponseHeader},
    primitives::TaggedFields,
};

/// Bytes of the length that begins a frame.
pub const LENGTH_BYTES: usize = 4;

/// Room that a frame begins with: most requests without their batches take less.
const SMALL_BYTES: usize = 256;

/// A frame that is ready to be written: its length, its header and its message, in segments.
///
/// Large fields (record batches) are segments of their own and shared, not copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The pieces in order; none is empty.
    pub segments: Vec<Bytes>,
}

impl Frame {
    /// Bytes of the whole frame, its length field included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.iter().all(Bytes::is_empty)
    }

    /// The frame in one piece.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &self.segments[..] {
            [whole] => whole.clone(),
            segments => segments.concat().into(),
        }
    }
}

/// The header's version for a request of the API and version.
///
/// Version 1 has a client id, version 2 tagged fields too.
#[must_use]
pub const fn request_header_version(api_key: ApiKey, api_version: i16) -> i16 {
    if api_version >= api_key.first_flexible_version() { 2 } else { 1 }
}

/// The header's version for a response of the API and version.
///
/// ApiVersions answers with version 0 always: the client may not know yet what the broker speaks
/// (KIP-511).
#[must_use]
pub const fn response_header_version(api_key: ApiKey, api_version: i16) -> i16 {
    if api_key.0 == ApiKey::API_VERSIONS.0 || api_version < api_key.first_flexible_version() {
        0
    } else {
        1
    }
}

/// Writes a request with its header.
///
/// # Errors
///
/// [`EncodeError`] where this version cannot carry the request.
pub fn encode_request<R: Request>(
    api_version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    request: &R,
) -> Result<Frame, EncodeError> {
    let header = RequestHeader {
        request_api_key: R::KEY.0,
        request_api_version: api_version,
        correlation_id,
        client_id: client_id.map(Into::into),
        unknown_tagged_fields: TaggedFields::new(),
    };
    encode(&header, request_header_version(R::KEY, api_version), request, api_version)
}

/// Writes a response with its header.
///
/// # Errors
///
/// [`EncodeError`] where this version cannot carry the response.
pub fn encode_response<M: Message>(
    api_version: i16,
    correlation_id: i32,
    response: &M,
) -> Result<Frame, EncodeError> {
    let header = ResponseHeader { correlation_id, ..ResponseHeader::default() };
    let version = M::API_KEY.map_or(0, |key| response_header_version(key, api_version));
    encode(&header, version, response, api_version)
}

fn encode<H: Message, M: Message>(
    header: &H,
    header_version: i16,
    message: &M,
    version: i16,
) -> Result<Frame, EncodeError> {
    let mut encoder = Encoder::with_capacity(SMALL_BYTES).segmented();
    encoder.begin_frame();
    header.encode(&mut encoder, header_version)?;
    message.encode(&mut encoder, version)?;
    let length = encoder.len() - LENGTH_BYTES;
    let Ok(prefix) = i32::try_from(length) else {
        let max = i32::MAX.unsigned_abs() as usize;
        let kind = EncodeErrorKind::TooLong { length, max };
        return Err(EncodeError::new(kind, "", version).within(M::NAME, version));
    };
    Ok(encoder.into_frame(prefix))
}

/// Reads a request's header, and gives the decoder that stands at the request.
///
/// The bytes are those behind the length field.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no header.
pub fn decode_request_header(bytes: Bytes) -> Result<(RequestHead, Decoder), DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let mut peek = decoder.clone();
    peek.begin(RequestHeader::NAME, 1);
    let (api_key, api_version) = peek.read(|reader| {
        let api_key = ApiKey(reader.i16("RequestHeader.requestApiKey")?);
        Ok((api_key, reader.i16("RequestHeader.requestApiVersion")?))
    })?;
    let header = RequestHeader::decode(&mut decoder, request_header_version(api_key, api_version))?;
    let head = RequestHead {
        api_key,
        api_version,
        correlation_id: header.correlation_id,
        client_id: header.client_id,
    };
    Ok((head, decoder))
}

/// A request's header as its reader needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Which API is asked.
    pub api_key: ApiKey,
    /// The version of the request, and of the answer.
    pub api_version: i16,
    /// What the answer must repeat.
    pub correlation_id: i32,
    /// The client's own name of itself.
    pub client_id: Option<bytestring::ByteString>,
}

/// Reads a response that answers a request `R` of a version.
///
/// The bytes are those behind the length field. Gives the correlation id with it.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are not that response.
pub fn decode_response<R: Request>(
    bytes: Bytes,
    api_version: i16,
) -> Result<(i32, R::Response), DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let header =
        ResponseHeader::decode(&mut decoder, response_header_version(R::KEY, api_version))?;
    Ok((header.correlation_id, decoder.message(api_version)?))
}

/// The correlation id that begins a response; None where there are fewer than four bytes.
#[must_use]
pub fn response_correlation_id(bytes: &[u8]) -> Option<i32> {
    bytes.first_chunk().map(|id| i32::from_be_bytes(*id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{
        ApiVersionsRequest, ApiVersionsResponse, ProduceRequest,
        produce_request::{PartitionProduceData, TopicProduceData},
    };

    #[test]
    fn writes_a_request_as_the_protocol_guide_says() {
        let request = ApiVersionsRequest::default();
        let frame = encode_request(0, 5, Some("me"), &request).unwrap();
        assert_eq!(frame.to_bytes(), &[0, 0, 0, 12, 0, 18, 0, 0, 0, 0, 0, 5, 0, 2, b'm', b'e'][..]);
    }

    #[test]
    fn answers_api_versions_without_tagged_fields_in_the_header() {
        let response = ApiVersionsResponse::default();
        let frame = encode_response(3, 9, &response).unwrap().to_bytes();
        let (id, read) =
            decode_response::<ApiVersionsRequest>(frame.slice(LENGTH_BYTES..), 3).unwrap();
        assert_eq!((id, read), (9, response));
        assert_eq!(frame.get(4..10), Some(&[0, 0, 0, 9, 0, 0][..]));
    }

    #[test]
    fn shares_large_records_instead_of_copying_them() {
        let records = Bytes::from(vec![7; 10_000]);
        let request = ProduceRequest {
            topic_data: vec![TopicProduceData {
                name: "t".into(),
                partition_data: vec![PartitionProduceData {
                    records: Some(records.clone()),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let frame = encode_request(9, 1, None, &request).unwrap();
        assert!(frame.segments.iter().any(|segment| segment.as_ptr() == records.as_ptr()));
        let bytes = frame.to_bytes();
        let length = u32::from_be_bytes(*bytes.first_chunk().unwrap());
        assert_eq!(usize::try_from(length).unwrap() + LENGTH_BYTES, bytes.len());
        let (head, mut decoder) = decode_request_header(bytes.slice(LENGTH_BYTES..)).unwrap();
        assert_eq!((head.api_key, head.client_id), (ApiKey::PRODUCE, None));
        assert_eq!(decoder.message::<ProduceRequest>(head.api_version).unwrap(), request);
    }

    #[test]
    fn names_message_version_field_and_offset_of_an_error() {
        let bytes = Bytes::from_static(&[0, 0, 0, 9, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        let error = decode_response::<ApiVersionsRequest>(bytes, 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ApiVersionsResponse v3: ApiVersionsResponse.apiKeys at byte 11 counts 4294967294 \
             items, more than the 0 bytes left can hold"
        );
    }
}
