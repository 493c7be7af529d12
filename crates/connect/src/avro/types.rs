//! A schema as the codec walks over it: types by index, so that a type can be inside itself.

use std::collections::HashMap;

use serde_json::Value;

/// The index of a type in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(pub(super) usize);

/// One type, logical types as types of their own.
#[derive(Debug)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(RecordType),
    Enum(EnumType),
    Fixed(FixedType),
    Decimal(DecimalType),
    /// Of 16 bytes, or a text where there is none.
    Uuid(Option<FixedType>),
    Date,
    Time(Unit),
    Timestamp(Unit),
    LocalTimestamp(Unit),
    Duration(FixedType),
}

/// The unit of a time's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    pub(super) const fn per_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Nanos => "nanoseconds",
        }
    }
}

/// A name with the names that it had.
#[derive(Debug)]
pub(super) struct TypeName {
    /// With its namespace.
    pub(super) full: String,
    /// Other full names, for reading what was written under them.
    pub(super) aliases: Vec<String>,
}

impl TypeName {
    /// The name without its namespace.
    pub(super) fn simple(&self) -> &str {
        simple(&self.full)
    }
}

/// What is behind the last full stop.
pub(super) fn simple(full: &str) -> &str {
    full.rsplit_once('.').map_or(full, |(_, name)| name)
}

#[derive(Debug)]
pub(super) struct RecordType {
    pub(super) name: TypeName,
    pub(super) fields: Vec<FieldType>,
    pub(super) index: HashMap<String, usize>,
}

#[derive(Debug)]
pub(super) struct FieldType {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) id: TypeId,
    /// The default as the schema has it.
    pub(super) default: Option<Value>,
    /// The same in binary, once it is known to fit.
    pub(super) default_bytes: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct EnumType {
    pub(super) name: TypeName,
    pub(super) symbols: Vec<String>,
    pub(super) index: HashMap<String, usize>,
    /// What a reader takes for a symbol that it does not know.
    pub(super) default: Option<usize>,
}

#[derive(Debug)]
pub(super) struct FixedType {
    pub(super) name: TypeName,
    pub(super) size: usize,
}

#[derive(Debug)]
pub(super) struct DecimalType {
    pub(super) precision: usize,
    pub(super) scale: u32,
    /// In a fixed type, or in bytes where there is none.
    pub(super) fixed: Option<FixedType>,
}

/// What is on the wire, whatever it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum,
    Array,
    Map,
    Record,
    Union,
}

impl Type {
    pub(super) fn base(&self) -> Base {
        match self {
            Self::Null => Base::Null,
            Self::Boolean => Base::Boolean,
            Self::Int | Self::Date | Self::Time(Unit::Millis) => Base::Int,
            Self::Long | Self::Time(_) | Self::Timestamp(_) | Self::LocalTimestamp(_) => Base::Long,
            Self::Float => Base::Float,
            Self::Double => Base::Double,
            Self::Bytes => Base::Bytes,
            Self::String | Self::Uuid(None) => Base::String,
            Self::Array(_) => Base::Array,
            Self::Map(_) => Base::Map,
            Self::Union(_) => Base::Union,
            Self::Record(_) => Base::Record,
            Self::Enum(_) => Base::Enum,
            Self::Fixed(fixed) | Self::Uuid(Some(fixed)) | Self::Duration(fixed) => {
                Base::Fixed(fixed.size)
            }
            Self::Decimal(decimal) => {
                decimal.fixed.as_ref().map_or(Base::Bytes, |fixed| Base::Fixed(fixed.size))
            }
        }
    }

    /// The full name of a named type.
    pub(super) fn type_name(&self) -> Option<&TypeName> {
        match self {
            Self::Record(record) => Some(&record.name),
            Self::Enum(symbols) => Some(&symbols.name),
            Self::Fixed(fixed) | Self::Duration(fixed) | Self::Uuid(Some(fixed)) => {
                Some(&fixed.name)
            }
            Self::Decimal(decimal) => decimal.fixed.as_ref().map(|fixed| &fixed.name),
            _ => None,
        }
    }

    /// The name by which Avro's JSON tags a branch of a union: that of the type on the wire.
    pub(super) fn tag(&self) -> &str {
        if let Some(name) = self.type_name() {
            return &name.full;
        }
        match self.base() {
            Base::Null => "null",
            Base::Boolean => "boolean",
            Base::Int => "int",
            Base::Long => "long",
            Base::Float => "float",
            Base::Double => "double",
            Base::Bytes | Base::Fixed(_) => "bytes",
            Base::String | Base::Enum => "string",
            Base::Array => "array",
            Base::Map => "map",
            Base::Record => "record",
            Base::Union => "union",
        }
    }

    /// What was expected, in words.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Int => "a whole number of 32 bits (int)".to_owned(),
            Self::Long => "a whole number of 64 bits (long)".to_owned(),
            Self::Float => "a number (float)".to_owned(),
            Self::Double => "a number (double)".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::String => "a text (string)".to_owned(),
            Self::Array(_) => "a list (array)".to_owned(),
            Self::Map(_) => "an object (map)".to_owned(),
            Self::Union(branches) => format!("one of {} types (union)", branches.len()),
            Self::Record(record) => format!("an object (record {})", record.name.full),
            Self::Enum(symbols) => Self::expected_symbols(symbols),
            Self::Fixed(fixed) => format!("{} bytes (fixed {})", fixed.size, fixed.name.full),
            Self::Decimal(decimal) => format!(
                "a number or a text with at most {} digits, {} of them behind the point (decimal)",
                decimal.precision, decimal.scale
            ),
            Self::Uuid(_) => "a text like 123e4567-e89b-12d3-a456-426614174000 (uuid)".to_owned(),
            Self::Date => "a text like 2026-11-21, or days since 1970 (date)".to_owned(),
            Self::Time(unit) => {
                format!("a text like 14:30:00, or {} since midnight (time)", unit.name())
            }
            Self::Timestamp(unit) => format!(
                "a text like 2026-11-21T14:30:00Z, or {} since 1970 (timestamp)",
                unit.name()
            ),
            Self::LocalTimestamp(unit) => format!(
                "a text like 2026-11-21T14:30:00, or {} since 1970 (local-timestamp)",
                unit.name()
            ),
            Self::Duration(_) => {
                "a text like P1Y2M3DT4H5M6.789S, or an object with months, days and millis \
                 (duration)"
                    .to_owned()
            }
        }
    }
}

impl Type {
    /// The symbols of an enum, the first ten of them.
    pub(super) fn expected_symbols(symbols: &EnumType) -> String {
        let shown: Vec<_> = symbols.symbols.iter().take(10).map(String::as_str).collect();
        let more = if symbols.symbols.len() > shown.len() { ", ..." } else { "" };
        format!("one of {}{more} (enum {})", shown.join(", "), symbols.name.full)
    }
}

/// All types of a schema, and which of them is the schema itself.
#[derive(Debug, Default)]
pub(super) struct Types {
    pub(super) types: Vec<Type>,
    pub(super) root: usize,
}

impl Types {
    pub(super) fn get(&self, id: TypeId) -> &Type {
        self.types.get(id.0).expect("ids are made with the types that they point to")
    }

    pub(super) fn root(&self) -> TypeId {
        TypeId(self.root)
    }
}
