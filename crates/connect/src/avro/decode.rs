//! Binary to JSON, by the schema that wrote it and the one that reads it.
//!
//! Invariants, whatever the bytes are:
//! 1. Values are made as bytes are read: no count is believed before its items are there. Items that
//!    take no bytes, and fields that the reader alone has, count against [`Decoder::budget`].
//! 2. Nothing is deeper than [`DEPTH_MAX`].

use serde_json::{Map, Value};

use super::{
    binary::{Input, Malformed},
    encode::DEPTH_MAX,
    error::{AvroError, AvroErrorKind, Path},
    options::{AvroOptions, UnionForm},
    present::{Raw, present},
    resolve::{clash, is_promotable, reader_branch, same_kind},
    types::{Base, EnumType, RecordType, Type, TypeId, Types},
};

/// How many values each byte may become on average, beyond [`VALUES_MIN`].
const VALUES_PER_BYTE: usize = 32;

/// How many values anything may become.
const VALUES_MIN: usize = 100_000;

/// Reads a whole value; bytes behind it are an error.
pub(super) fn decode(
    writer: &Types,
    reader: &Types,
    bytes: &[u8],
    options: AvroOptions,
) -> Result<Value, AvroError> {
    let budget = bytes.len().saturating_mul(VALUES_PER_BYTE).saturating_add(VALUES_MIN);
    let mut decoder = Decoder::new(writer, reader, bytes, options, budget);
    let value = decoder.value(writer.root(), reader.root())?;
    match decoder.input.remaining() {
        0 => Ok(value),
        rest => Err(decoder.fail(format!("has {rest} more bytes behind it"))),
    }
}

struct Decoder<'s, 'b> {
    writer: &'s Types,
    reader: &'s Types,
    input: Input<'b>,
    options: AvroOptions,
    /// How many values may still be made.
    budget: usize,
    path: Path<'s>,
}

impl<'s, 'b> Decoder<'s, 'b> {
    fn new(
        writer: &'s Types,
        reader: &'s Types,
        bytes: &'b [u8],
        options: AvroOptions,
        budget: usize,
    ) -> Self {
        let (input, path) = (Input::new(bytes), Path::default());
        Self { writer, reader, input, options, budget, path }
    }

    fn value(&mut self, written: TypeId, read: TypeId) -> Result<Value, AvroError> {
        if self.path.depth() >= DEPTH_MAX {
            return Err(self.fail(format!("is more than {DEPTH_MAX} levels deep")));
        }
        self.spend()?;
        let (writer, reader) = (self.writer, self.reader);
        let (from, to) = (writer.get(written), reader.get(read));
        if let Type::Union(branches) = from {
            let branch = self.written_branch(branches)?;
            return self.value(branch, read);
        }
        if let Type::Union(branches) = to {
            let Some(index) = reader_branch(from, reader, branches) else {
                return Err(self.mismatch(from, to));
            };
            let branch = branches.get(index).copied().expect("a position in the list");
            let value = self.value(written, branch)?;
            return Ok(self.tagged(reader.get(branch), value));
        }
        if clash(from, to) || !(same_kind(from, to) || is_promotable(from.base(), to.base())) {
            return Err(self.mismatch(from, to));
        }
        match (from, to) {
            (Type::Record(from), Type::Record(to)) => self.record(from, to),
            (Type::Array(from), Type::Array(to)) => self.array(*from, *to),
            (Type::Map(from), Type::Map(to)) => self.map(*from, *to),
            (Type::Enum(from), Type::Enum(to)) => self.symbol(from, to),
            _ => {
                let raw = self.raw(from.base())?;
                raw.promoted(to.base())
                    .and_then(|raw| present(to, raw, self.options))
                    .map_err(|message| self.fail(message))
            }
        }
    }

    fn written_branch(&mut self, branches: &[TypeId]) -> Result<TypeId, AvroError> {
        let index = self.input.long();
        let index = self.checked(index)?;
        let branch = usize::try_from(index).ok().and_then(|index| branches.get(index)).copied();
        branch.ok_or_else(|| {
            self.fail(format!("is branch {index} of a union of {} types", branches.len()))
        })
    }

    fn tagged(&self, branch: &Type, value: Value) -> Value {
        if self.options.unions != UnionForm::Tagged || matches!(branch, Type::Null) {
            return value;
        }
        let mut map = Map::new();
        map.insert(branch.tag().to_owned(), value);
        Value::Object(map)
    }

    fn record(&mut self, from: &'s RecordType, to: &'s RecordType) -> Result<Value, AvroError> {
        let mut values: Vec<Option<Value>> = to.fields.iter().map(|_| None).collect();
        for field in &from.fields {
            self.path.push_name(&field.name);
            let place = to
                .index
                .get(&field.name)
                .copied()
                .or_else(|| to.fields.iter().position(|to| to.aliases.contains(&field.name)));
            let target =
                place.and_then(|place| Some((to.fields.get(place)?, values.get_mut(place)?)));
            match target {
                Some((to, slot)) => *slot = Some(self.value(field.id, to.id)?),
                None => self.skip(field.id)?,
            }
            self.path.pop();
        }
        let mut map = Map::new();
        for (field, value) in to.fields.iter().zip(values) {
            let value = match (value, &field.default_bytes) {
                (Some(value), _) => value,
                (None, Some(default)) => self.default(field.id, default)?,
                (None, None) => {
                    self.path.push_name(&field.name);
                    let message = "was not written, and has no default where it is read";
                    let path = self.path.to_string();
                    return Err(AvroError::one(AvroErrorKind::Resolution, path, message));
                }
            };
            map.insert(field.name.clone(), value);
        }
        Ok(Value::Object(map))
    }

    /// Reads what the reader does not know.
    fn skip(&mut self, written: TypeId) -> Result<(), AvroError> {
        let reader = std::mem::replace(&mut self.reader, self.writer);
        let skipped = self.value(written, written);
        self.reader = reader;
        skipped.map(drop)
    }

    /// The value of a default, which the reader's schema has in binary.
    fn default(&mut self, id: TypeId, bytes: &[u8]) -> Result<Value, AvroError> {
        let mut inner = Decoder::new(self.reader, self.reader, bytes, self.options, self.budget);
        let value = inner.value(id, id);
        self.budget = inner.budget;
        value
    }

    fn array(&mut self, from: TypeId, to: TypeId) -> Result<Value, AvroError> {
        let mut items = Vec::new();
        loop {
            let count = self.input.block();
            let count = self.checked(count)?;
            if count == 0 {
                return Ok(Value::Array(items));
            }
            for _ in 0..count {
                self.path.push_index(items.len());
                items.push(self.value(from, to)?);
                self.path.pop();
            }
        }
    }

    fn map(&mut self, from: TypeId, to: TypeId) -> Result<Value, AvroError> {
        let mut map = Map::new();
        loop {
            let count = self.input.block();
            let count = self.checked(count)?;
            if count == 0 {
                return Ok(Value::Object(map));
            }
            for _ in 0..count {
                let name = self.input.text();
                let name = self.checked(name)?.to_owned();
                self.path.push_owned(name.clone());
                map.insert(name, self.value(from, to)?);
                self.path.pop();
            }
        }
    }

    fn symbol(&mut self, from: &EnumType, to: &EnumType) -> Result<Value, AvroError> {
        let index = self.input.int();
        let index = self.checked(index)?;
        let symbol = usize::try_from(index).ok().and_then(|index| from.symbols.get(index));
        let Some(symbol) = symbol else {
            let count = from.symbols.len();
            return Err(self.fail(format!("is symbol {index} of an enum of {count}")));
        };
        if to.index.contains_key(symbol) {
            return Ok(symbol.as_str().into());
        }
        match to.default.and_then(|index| to.symbols.get(index)) {
            Some(default) => Ok(default.as_str().into()),
            None => Err(AvroError::one(
                AvroErrorKind::Resolution,
                self.path.to_string(),
                format!("is {symbol:?}: expected {}", Type::expected_symbols(to)),
            )),
        }
    }

    fn raw(&mut self, base: Base) -> Result<Raw<'b>, AvroError> {
        let input = &mut self.input;
        let raw = match base {
            Base::Null => Ok(Raw::Null),
            Base::Boolean => input.boolean().map(Raw::Boolean),
            Base::Int => input.int().map(Raw::Int),
            Base::Long => input.long().map(Raw::Long),
            Base::Float => input.float().map(Raw::Float),
            Base::Double => input.double().map(Raw::Double),
            Base::Bytes => input.bytes().map(Raw::Bytes),
            Base::String => input.text().map(Raw::Text),
            Base::Fixed(size) => input.take(size).map(Raw::Bytes),
            Base::Array | Base::Map | Base::Record | Base::Union | Base::Enum => {
                Err(Malformed("has others inside it".to_owned()))
            }
        };
        self.checked(raw)
    }

    fn spend(&mut self) -> Result<(), AvroError> {
        match self.budget.checked_sub(1) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => Err(self.fail("has more values than its bytes can stand for".to_owned())),
        }
    }

    fn mismatch(&self, from: &Type, to: &Type) -> AvroError {
        let message =
            format!("was written as {}, and is read as {}", from.expected(), to.expected());
        AvroError::one(AvroErrorKind::Resolution, self.path.to_string(), message)
    }

    fn checked<T>(&self, read: Result<T, Malformed>) -> Result<T, AvroError> {
        read.map_err(|Malformed(message)| self.fail(message))
    }

    fn fail(&self, message: String) -> AvroError {
        let position = self.input.position();
        let message = format!("{message} (byte {position})");
        AvroError::one(AvroErrorKind::Bytes, self.path.to_string(), message)
    }
}
