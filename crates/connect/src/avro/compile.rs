//! From a schema's text to its types.
//!
//! `apache-avro` reads the text and checks names, logical types and unions. Defaults are kept from it:
//! it checks them by a resolution of its own, which takes a decimal's text for its bytes. They are
//! checked by the same code that writes values.

use std::collections::HashMap;

use apache_avro::schema::{
    DecimalSchema, EnumSchema, FixedSchema, InnerDecimalSchema, Name, RecordSchema, Schema,
    UuidSchema,
};
use serde_json::Value;

use super::{
    encode,
    error::{AvroError, AvroErrorKind},
    types::{
        DecimalType, EnumType, FieldType, FixedType, RecordType, Type, TypeId, TypeName, Types,
        Unit,
    },
};

/// Where a default is hidden from the reader of schemas: it keeps attributes that it does not know.
const HIDDEN_DEFAULT: &str = "milena.default";

/// How many bytes a schema's text may have.
const SCHEMA_BYTES_MAX: usize = 4 << 20;

/// Reads a schema, and those that it refers to by name.
pub(super) fn compile(text: &str, references: &[&str]) -> Result<Types, AvroError> {
    let hidden: Vec<String> =
        references.iter().map(|text| hide_defaults(text)).collect::<Result<_, _>>()?;
    let (schema, others) = Schema::parse_str_with_list(&hide_defaults(text)?, &hidden)
        .map_err(|error| AvroError::schema(format!("is no Avro schema: {error}")))?;
    let mut compiler =
        Compiler { definitions: HashMap::new(), by_name: HashMap::new(), types: Types::default() };
    compiler.define(&schema);
    others.iter().for_each(|other| compiler.define(other));
    let root = compiler.add(&schema)?;
    let mut types = compiler.types;
    types.root = root.0;
    write_defaults(&mut types)?;
    Ok(types)
}

fn hide_defaults(text: &str) -> Result<String, AvroError> {
    if text.len() > SCHEMA_BYTES_MAX {
        let length = text.len();
        return Err(AvroError::schema(format!(
            "has {length} bytes: expected at most {SCHEMA_BYTES_MAX}"
        )));
    }
    let mut json: Value = serde_json::from_str(text)
        .or_else(|error| {
            // Registries give a primitive type's name without quotes around it too.
            let name = text.trim();
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_name { Ok(Value::from(name)) } else { Err(error) }
        })
        .map_err(|error| AvroError::schema(format!("is no JSON: {error}")))?;
    hide_in(&mut json);
    Ok(json.to_string())
}

/// Renames the defaults of fields; those of enums stay.
fn hide_in(schema: &mut Value) {
    match schema {
        Value::Array(branches) => branches.iter_mut().for_each(hide_in),
        Value::Object(map) => {
            for name in ["type", "items", "values"] {
                if let Some(inner) = map.get_mut(name) {
                    hide_in(inner);
                }
            }
            let fields = map.get_mut("fields").and_then(Value::as_array_mut);
            for field in fields.into_iter().flatten().filter_map(Value::as_object_mut) {
                if let Some(default) = field.remove("default") {
                    field.insert(HIDDEN_DEFAULT.to_owned(), default);
                }
                if let Some(inner) = field.get_mut("type") {
                    hide_in(inner);
                }
            }
        }
        _ => {}
    }
}

/// The definition of each name, and its type once it has one.
struct Compiler<'s> {
    definitions: HashMap<String, &'s Schema>,
    by_name: HashMap<String, TypeId>,
    types: Types,
}

impl<'s> Compiler<'s> {
    /// Notes where names are defined.
    fn define(&mut self, schema: &'s Schema) {
        if let Some(name) = name_of(schema) {
            self.definitions.insert(name.fullname(None), schema);
        }
        match schema {
            Schema::Array(array) => self.define(&array.items),
            Schema::Map(map) => self.define(&map.types),
            Schema::Union(union) => {
                union.variants().iter().for_each(|variant| self.define(variant));
            }
            Schema::Record(record) => {
                record.fields.iter().for_each(|field| self.define(&field.schema));
            }
            _ => {}
        }
    }

    /// The id of a schema's type; a name has one type.
    fn add(&mut self, schema: &'s Schema) -> Result<TypeId, AvroError> {
        let name = match schema {
            Schema::Ref { name } => Some(name.fullname(None)),
            _ => name_of(schema).map(|name| name.fullname(None)),
        };
        if let Some(id) = name.as_ref().and_then(|name| self.by_name.get(name)) {
            return Ok(*id);
        }
        let definition = match (&name, schema) {
            (Some(name), Schema::Ref { .. }) => {
                self.definitions.get(name).copied().ok_or_else(|| {
                    AvroError::schema(format!("names {name}, which is defined nowhere"))
                })?
            }
            _ => schema,
        };
        let id = TypeId(self.types.types.len());
        // What is inside may point back to this one.
        self.types.types.push(Type::Null);
        if let Some(name) = name {
            self.by_name.insert(name, id);
        }
        let made = self.make(definition)?;
        if let Some(place) = self.types.types.get_mut(id.0) {
            *place = made;
        }
        Ok(id)
    }

    fn make(&mut self, schema: &'s Schema) -> Result<Type, AvroError> {
        Ok(match schema {
            Schema::Null => Type::Null,
            Schema::Boolean => Type::Boolean,
            Schema::Int => Type::Int,
            Schema::Long => Type::Long,
            Schema::Float => Type::Float,
            Schema::Double => Type::Double,
            // An unscaled number with its scale behind it is no type of the specification.
            Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => Type::Bytes,
            Schema::String => Type::String,
            Schema::Array(array) => Type::Array(self.add(&array.items)?),
            Schema::Map(map) => Type::Map(self.add(&map.types)?),
            Schema::Union(union) => {
                let branches = union.variants().iter().map(|variant| self.add(variant));
                Type::Union(branches.collect::<Result<_, _>>()?)
            }
            Schema::Record(record) => Type::Record(self.record(record)?),
            Schema::Enum(symbols) => Type::Enum(enumeration(symbols)),
            Schema::Fixed(fixed) => Type::Fixed(fixed_type(fixed)),
            Schema::Decimal(decimal) => Type::Decimal(decimal_type(decimal)?),
            Schema::Uuid(UuidSchema::String) => Type::Uuid(None),
            Schema::Uuid(UuidSchema::Fixed(fixed)) => Type::Uuid(Some(fixed_type(fixed))),
            Schema::Date => Type::Date,
            Schema::TimeMillis => Type::Time(Unit::Millis),
            Schema::TimeMicros => Type::Time(Unit::Micros),
            Schema::TimestampMillis => Type::Timestamp(Unit::Millis),
            Schema::TimestampMicros => Type::Timestamp(Unit::Micros),
            Schema::TimestampNanos => Type::Timestamp(Unit::Nanos),
            Schema::LocalTimestampMillis => Type::LocalTimestamp(Unit::Millis),
            Schema::LocalTimestampMicros => Type::LocalTimestamp(Unit::Micros),
            Schema::LocalTimestampNanos => Type::LocalTimestamp(Unit::Nanos),
            Schema::Duration(fixed) => Type::Duration(fixed_type(fixed)),
            Schema::Ref { name } => {
                return Err(AvroError::schema(format!("names {name}, which names another")));
            }
        })
    }

    fn record(&mut self, record: &'s RecordSchema) -> Result<RecordType, AvroError> {
        let mut fields = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            fields.push(FieldType {
                name: field.name.clone(),
                aliases: field.aliases.clone(),
                id: self.add(&field.schema)?,
                default: field.custom_attributes.get(HIDDEN_DEFAULT).cloned(),
                default_bytes: None,
            });
        }
        let index = fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        let aliases = record.aliases.iter().flatten().map(|alias| alias.fullname(None)).collect();
        let name = TypeName { full: record.name.fullname(None), aliases };
        Ok(RecordType { name, fields, index })
    }
}

fn name_of(schema: &Schema) -> Option<&Name> {
    match schema {
        Schema::Record(record) => Some(&record.name),
        Schema::Enum(symbols) => Some(&symbols.name),
        Schema::Fixed(fixed)
        | Schema::Duration(fixed)
        | Schema::Uuid(UuidSchema::Fixed(fixed))
        | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => {
            Some(&fixed.name)
        }
        _ => None,
    }
}

fn enumeration(schema: &EnumSchema) -> EnumType {
    let aliases = schema.aliases.iter().flatten().map(|alias| alias.fullname(None)).collect();
    let index: HashMap<String, usize> =
        schema.symbols.iter().enumerate().map(|(at, symbol)| (symbol.clone(), at)).collect();
    EnumType {
        name: TypeName { full: schema.name.fullname(None), aliases },
        symbols: schema.symbols.clone(),
        default: schema.default.as_ref().and_then(|symbol| index.get(symbol).copied()),
        index,
    }
}

fn fixed_type(schema: &FixedSchema) -> FixedType {
    let aliases = schema.aliases.iter().flatten().map(|alias| alias.fullname(None)).collect();
    FixedType { name: TypeName { full: schema.name.fullname(None), aliases }, size: schema.size }
}

fn decimal_type(schema: &DecimalSchema) -> Result<DecimalType, AvroError> {
    let scale = u32::try_from(schema.scale)
        .map_err(|_| AvroError::schema(format!("has the scale {}", schema.scale)))?;
    let fixed = match &schema.inner {
        InnerDecimalSchema::Bytes => None,
        InnerDecimalSchema::Fixed(fixed) => Some(fixed_type(fixed)),
    };
    Ok(DecimalType { precision: schema.precision, scale, fixed })
}

/// Writes every default once; one that does not fit its field is a problem of the schema.
fn write_defaults(types: &mut Types) -> Result<(), AvroError> {
    let mut written = Vec::new();
    let mut steps = encode::DEFAULT_STEPS_MAX;
    for (at, made) in types.types.iter().enumerate() {
        let Type::Record(record) = made else { continue };
        for (index, field) in record.fields.iter().enumerate() {
            let Some(default) = &field.default else { continue };
            let bytes =
                encode::default_bytes(types, field.id, default, &mut steps).map_err(|error| {
                    let path = format!("{}.{}", record.name.full, field.name);
                    let message = format!("has a default that does not fit: {error}");
                    AvroError::one(AvroErrorKind::Schema, path, message)
                })?;
            written.push((at, index, bytes));
        }
    }
    for (at, index, bytes) in written {
        if let Some(Type::Record(record)) = types.types.get_mut(at)
            && let Some(field) = record.fields.get_mut(index)
        {
            field.default_bytes = Some(bytes);
        }
    }
    Ok(())
}
