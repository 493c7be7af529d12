//! What stands before a value: a zero byte and the schema's id.

use super::error::RegistryError;

/// How many bytes stand before a value.
pub const HEADER_BYTES: usize = 5;

/// A framed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'b> {
    /// The id of the schema that wrote the value.
    pub schema_id: u32,
    /// The value in that schema.
    pub body: &'b [u8],
}

impl<'b> Frame<'b> {
    /// Takes the frame off.
    ///
    /// ```
    /// use milena_connect::registry::Frame;
    ///
    /// let frame = Frame::parse(&[0, 0, 0, 0, 7, 2, b'a'])?;
    /// assert_eq!((frame.schema_id, frame.body), (7, &[2, b'a'][..]));
    /// let error = Frame::parse(b"{\"a\":1}").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the value begins with byte 123: expected 0 and a schema's id, as a registry's serializer \
    ///      writes them"
    /// );
    /// # Ok::<(), milena_connect::registry::RegistryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A value that is shorter, or begins with another byte.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, RegistryError> {
        let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or_else(|| {
            RegistryError::frame(format!(
                "the value has {} bytes: expected 0, four bytes of a schema's id, and more",
                bytes.len()
            ))
        })?;
        let [magic, a, b, c, d] = *header;
        if magic != 0 {
            return Err(RegistryError::frame(format!(
                "the value begins with byte {magic}: expected 0 and a schema's id, as a registry's \
                 serializer writes them"
            )));
        }
        Ok(Self { schema_id: u32::from_be_bytes([a, b, c, d]), body })
    }

    /// Appends what stands before a value of this schema.
    pub fn put_header(schema_id: u32, out: &mut Vec<u8>) {
        out.push(0);
        out.extend_from_slice(&schema_id.to_be_bytes());
    }
}
