//! What is wrong with bytes that do not decode, and with values that do not encode.

use std::fmt;

/// Bytes that are not the message they should be.
///
/// It names the message and its version, the field (`Struct.field` in Kafka's JSON names) and the
/// position of the field in the frame.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Decode>);

#[derive(Clone, PartialEq, Eq)]
struct Decode {
    kind: DecodeErrorKind,
    message: &'static str,
    version: i16,
    field: &'static str,
    offset: usize,
}

/// Which rule the bytes break.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end before the field does.
    Truncated {
        /// Bytes that the field needs.
        needed: usize,
        /// Bytes that are left.
        remaining: usize,
    },
    /// A length, of a string or bytes, that cannot be.
    InvalidLength {
        /// The length as it stands in the bytes.
        length: i64,
        /// Bytes that are left.
        remaining: usize,
    },
    /// An array with more items than the bytes that are left could hold.
    InvalidCount {
        /// The count as it stands in the bytes.
        count: i64,
        /// Bytes that are left.
        remaining: usize,
    },
    /// A null where this version allows none.
    UnexpectedNull,
    /// A string that is no UTF-8.
    InvalidUtf8,
    /// A variable-length integer of more than 32 bits.
    VarintTooLong,
    /// A tagged field whose value is shorter or longer than its size says.
    TaggedFieldSize {
        /// The field's tag.
        tag: u32,
        /// The size as it stands in the bytes.
        size: usize,
        /// Bytes that its value took.
        read: usize,
    },
    /// Items that are so small on the wire and so many that their values would take more memory
    /// than a frame of this size may.
    TooMuchMemory {
        /// Bytes of memory that the items need.
        needed: usize,
        /// Bytes of memory that the frame may still take.
        allowed: usize,
    },
    /// Bytes are left behind the message.
    TrailingBytes {
        /// How many.
        remaining: usize,
    },
    /// The message has no such version.
    UnsupportedVersion {
        /// The lowest version with a schema.
        min: i16,
        /// The highest version with a schema.
        max: i16,
    },
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(
        kind: DecodeErrorKind,
        message: &'static str,
        version: i16,
        field: &'static str,
        offset: usize,
    ) -> Self {
        Self(Box::new(Decode { kind, message, version, field, offset }))
    }

    /// Which rule the bytes break.
    #[must_use]
    pub const fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// Kafka's name of the message, such as `FetchResponse`.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        self.0.message
    }

    /// The message's version.
    #[must_use]
    pub const fn version(&self) -> i16 {
        self.0.version
    }

    /// The field, `Struct.field` in Kafka's JSON names; empty where the whole message is meant.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.0.field
    }

    /// Where the field begins, in bytes from the begin of the frame behind its length.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.0.offset
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, remaining } => {
                write!(f, "needs {needed} bytes, but {remaining} are left")
            }
            Self::InvalidLength { length, remaining } => {
                write!(f, "has the impossible length {length}; {remaining} bytes are left")
            }
            Self::InvalidCount { count, remaining } => {
                write!(f, "counts {count} items, more than the {remaining} bytes left can hold")
            }
            Self::UnexpectedNull => f.write_str("is null, which this version does not allow"),
            Self::InvalidUtf8 => f.write_str("is no UTF-8"),
            Self::VarintTooLong => f.write_str("has a variable-length integer of over 32 bits"),
            Self::TaggedFieldSize { tag, size, read } => {
                write!(f, "has tag {tag} and size {size}, but its value takes {read} bytes")
            }
            Self::TooMuchMemory { needed, allowed } => {
                write!(f, "needs {needed} bytes of memory, and the frame may take {allowed} more")
            }
            Self::TrailingBytes { remaining } => {
                write!(f, "ends {remaining} bytes before its frame does")
            }
            Self::UnsupportedVersion { min, max } => {
                write!(f, "is unknown in this version; versions {min} to {max} are known")
            }
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decode { kind, message, version, field, offset } = &*self.0;
        write!(f, "{message} v{version}: ")?;
        match *field {
            "" => write!(f, "it {kind}"),
            field => write!(f, "{field} at byte {offset} {kind}"),
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl std::error::Error for DecodeError {}

/// A value that the wire cannot carry.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<Encode>);

#[derive(Clone, PartialEq, Eq)]
struct Encode {
    kind: EncodeErrorKind,
    message: &'static str,
    version: i16,
    field: &'static str,
}

/// Why the wire cannot carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The field is set, but this version has no such field.
    FieldNotInVersion,
    /// A null where this version allows none.
    UnexpectedNull,
    /// More bytes or items than the length field of this version can count.
    TooLong {
        /// Bytes or items.
        length: usize,
        /// The most that there can be.
        max: usize,
    },
    /// The message has no such version.
    UnsupportedVersion {
        /// The lowest version with a schema.
        min: i16,
        /// The highest version with a schema.
        max: i16,
    },
}

impl EncodeError {
    #[cold]
    pub(crate) fn new(kind: EncodeErrorKind, field: &'static str, version: i16) -> Self {
        Self(Box::new(Encode { kind, message: "", version, field }))
    }

    /// A field is set that the version lacks.
    #[cold]
    #[inline(never)]
    pub(crate) fn field_not_in_version(field: &'static str, version: i16) -> Self {
        Self::new(EncodeErrorKind::FieldNotInVersion, field, version)
    }

    /// The error with the message that it is in.
    #[cold]
    pub(crate) fn within(mut self, message: &'static str, version: i16) -> Self {
        self.0.message = message;
        self.0.version = version;
        self
    }

    /// Why the wire cannot carry it.
    #[must_use]
    pub const fn kind(&self) -> &EncodeErrorKind {
        &self.0.kind
    }

    /// Kafka's name of the message.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        self.0.message
    }

    /// The message's version.
    #[must_use]
    pub const fn version(&self) -> i16 {
        self.0.version
    }

    /// The field, `Struct.field` in Kafka's JSON names; empty where the whole message is meant.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.0.field
    }
}

impl fmt::Display for EncodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldNotInVersion => {
                f.write_str("is set, but this version has no such field; use a newer version")
            }
            Self::UnexpectedNull => f.write_str("is null, which this version does not allow"),
            Self::TooLong { length, max } => {
                write!(f, "is {length} long, more than the {max} that this version can carry")
            }
            Self::UnsupportedVersion { min, max } => {
                write!(f, "is unknown in this version; versions {min} to {max} are known")
            }
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Encode { kind, message, version, field } = &*self.0;
        write!(f, "{message} v{version}: {} {kind}", if field.is_empty() { "it" } else { field })
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({self})")
    }
}

impl std::error::Error for EncodeError {}
