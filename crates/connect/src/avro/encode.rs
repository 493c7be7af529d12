//! JSON values to binary, by the schema.
//!
//! Invariants:
//! 1. What is wrong is told with its path, and the walk goes on, so that all of it is told.
//! 2. Work and memory grow with the value and the schema, not with their product of choices: the branch
//!    of a union is chosen by the value's own fields, without trying what is inside them.

use serde_json::{Map, Value};

use super::{
    binary::{put_length, put_long},
    error::{AvroError, AvroErrorKind, AvroProblem, Path},
    options::{AvroOptions, UnionForm, UnknownFields},
    scalar::{Form, put_scalar, what_is},
    types::{FieldType, RecordType, Type, TypeId, Types},
    union::{choose_object_branch, tagged_branch},
};
use crate::settings::nearest;

/// How deep values may be inside each other. serde_json reads texts 128 deep.
pub(super) const DEPTH_MAX: usize = 160;

/// How many bytes a value may become: defaults can make much of little.
const OUTPUT_BYTES_MAX: usize = 64 << 20;

/// How many bytes a default may become.
const DEFAULT_BYTES_MAX: usize = 1 << 20;

/// After so many problems the rest is not looked at.
const PROBLEMS_MAX: usize = 1000;

/// Appends a value's bytes; on an error nothing is appended.
pub(super) fn encode(
    types: &Types,
    value: &Value,
    options: AvroOptions,
    out: &mut Vec<u8>,
) -> Result<(), AvroError> {
    let form = Form { bytes: options.bytes, is_default: false };
    let mut bounds = Bounds { size: OUTPUT_BYTES_MAX, steps: usize::MAX };
    run(types, (types.root(), value), (options, form), &mut bounds, out)
}

/// How much a value may become, and how much work it may be.
struct Bounds {
    size: usize,
    steps: usize,
}

/// How many values the defaults of a schema may have in all: a default can be a record of defaults.
pub(super) const DEFAULT_STEPS_MAX: usize = 1_000_000;

/// The bytes of a field's default, which stands in the schema as Avro's JSON has it; `steps` is what is
/// left of [`DEFAULT_STEPS_MAX`].
pub(super) fn default_bytes(
    types: &Types,
    id: TypeId,
    value: &Value,
    steps: &mut usize,
) -> Result<Vec<u8>, AvroError> {
    let options = AvroOptions::default();
    let form = Form { bytes: options.bytes, is_default: true };
    let mut out = Vec::new();
    let mut bounds = Bounds { size: DEFAULT_BYTES_MAX, steps: *steps };
    let written = run(types, (id, value), (options, form), &mut bounds, &mut out);
    *steps = bounds.steps;
    written.map(|()| out)
}

fn run(
    types: &Types,
    (id, value): (TypeId, &Value),
    (options, form): (AvroOptions, Form),
    bounds: &mut Bounds,
    out: &mut Vec<u8>,
) -> Result<(), AvroError> {
    let start = out.len();
    let (path, problems) = (Path::default(), Vec::new());
    let mut encoder = Encoder {
        types,
        options,
        form,
        out,
        end_max: start.saturating_add(bounds.size),
        steps: bounds.steps,
        path,
        problems,
        is_over: false,
    };
    encoder.value(id, value);
    bounds.steps = encoder.steps;
    let problems = encoder.problems;
    if problems.is_empty() {
        return Ok(());
    }
    out.truncate(start);
    Err(AvroError::of(AvroErrorKind::Value, problems))
}

struct Encoder<'a, 'o> {
    types: &'a Types,
    options: AvroOptions,
    form: Form,
    out: &'o mut Vec<u8>,
    end_max: usize,
    steps: usize,
    path: Path<'a>,
    problems: Vec<AvroProblem>,
    is_over: bool,
}

impl<'a> Encoder<'a, '_> {
    fn value(&mut self, id: TypeId, value: &'a Value) {
        if self.is_over {
            return;
        }
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 {
            self.problem("has too many values in it".to_owned());
            self.is_over = true;
            return;
        }
        if self.path.depth() >= DEPTH_MAX {
            self.problem(format!("is more than {DEPTH_MAX} levels deep"));
            return;
        }
        match self.types.get(id) {
            Type::Record(record) => match value {
                Value::Object(map) => self.record(record, map),
                _ => self.ill_typed(id, value),
            },
            Type::Array(items) => match value {
                Value::Array(values) => self.array(*items, values),
                _ => self.ill_typed(id, value),
            },
            Type::Map(values) => match value {
                Value::Object(map) => self.map(*values, map),
                _ => self.ill_typed(id, value),
            },
            Type::Union(branches) => self.union(id, branches, value),
            scalar => {
                if let Err(message) = put_scalar(scalar, value, self.form, self.out) {
                    self.problem(message);
                }
            }
        }
        if self.out.len() > self.end_max && !self.is_over {
            self.problem("is too large when it is written".to_owned());
            self.is_over = true;
        }
    }

    fn record(&mut self, record: &'a RecordType, map: &'a Map<String, Value>) {
        if self.options.unknown_fields == UnknownFields::Refuse {
            for name in map.keys().filter(|name| !record.index.contains_key(*name)) {
                self.path.push_name(name);
                let known = record.fields.iter().map(|field| field.name.as_str());
                let hint = nearest(name, known).map(|near| format!(": did you mean `{near}`?"));
                let full = &record.name.full;
                self.problem(format!("is no field of {full}{}", hint.unwrap_or_default()));
                self.path.pop();
            }
        }
        for field in &record.fields {
            self.path.push_name(&field.name);
            match map.get(&field.name) {
                Some(value) => self.value(field.id, value),
                None => self.absent(field),
            }
            self.path.pop();
        }
    }

    /// A field that is not there: its default, or null where it may be null.
    fn absent(&mut self, field: &'a FieldType) {
        if let Some(bytes) = &field.default_bytes {
            self.out.extend_from_slice(bytes);
            return;
        }
        if let Some(default) = &field.default {
            // Defaults are themselves being written, and need not be in order.
            self.value(field.id, default);
            return;
        }
        match self.types.get(field.id) {
            Type::Null => {}
            Type::Union(branches) => {
                let is_null = |id: &TypeId| matches!(self.types.get(*id), Type::Null);
                match branches.iter().position(is_null) {
                    Some(index) => put_length(self.out, index),
                    None => self.missing(field.id),
                }
            }
            _ => self.missing(field.id),
        }
    }

    fn array(&mut self, items: TypeId, values: &'a [Value]) {
        if !values.is_empty() {
            put_length(self.out, values.len());
            for (index, value) in values.iter().enumerate() {
                self.path.push_index(index);
                self.value(items, value);
                self.path.pop();
            }
        }
        put_long(self.out, 0);
    }

    fn map(&mut self, values: TypeId, map: &'a Map<String, Value>) {
        if !map.is_empty() {
            put_length(self.out, map.len());
            for (name, value) in map {
                put_length(self.out, name.len());
                self.out.extend_from_slice(name.as_bytes());
                self.path.push_name(name);
                self.value(values, value);
                self.path.pop();
            }
        }
        put_long(self.out, 0);
    }

    fn union(&mut self, id: TypeId, branches: &'a [TypeId], value: &'a Value) {
        if self.options.unions != UnionForm::Plain && !self.form.is_default {
            if let Some((index, branch, inner)) = tagged_branch(self.types, branches, value) {
                put_length(self.out, index);
                self.path.push_name(self.types.get(branch).tag());
                self.value(branch, inner);
                self.path.pop();
                return;
            }
            if self.options.unions == UnionForm::Tagged && !value.is_null() {
                let found = what_is(value);
                let expected = self.branch_names(branches);
                self.problem(format!("{found}: expected an object of one of {expected}"));
                return;
            }
        }
        let of_kind =
            |is: fn(&Type) -> bool| branches.iter().position(|branch| is(self.types.get(*branch)));
        let chosen = match value {
            Value::Object(map) => choose_object_branch(self.types, branches, map, self.options),
            Value::Array(_) => of_kind(|branch| matches!(branch, Type::Array(_))),
            _ => None,
        };
        match chosen.and_then(|index| Some((index, *branches.get(index)?))) {
            Some((index, branch)) => {
                put_length(self.out, index);
                self.value(branch, value);
            }
            None => self.scalar_branch(id, branches, value),
        }
    }

    /// The first branch that takes a value which is neither a record nor an array.
    ///
    /// A text goes to bytes only when nothing else takes it: every text of the right characters is bytes.
    fn scalar_branch(&mut self, id: TypeId, branches: &'a [TypeId], value: &Value) {
        let passes: &[Option<bool>] =
            if self.form.is_default { &[None] } else { &[Some(false), Some(true)] };
        for pass in passes {
            for (index, branch) in branches.iter().enumerate() {
                let branch = self.types.get(*branch);
                let is_bytes = matches!(branch, Type::Bytes | Type::Fixed(_));
                if pass.is_some_and(|pass| pass != is_bytes) {
                    continue;
                }
                let start = self.out.len();
                put_length(self.out, index);
                if put_scalar(branch, value, self.form, self.out).is_ok() {
                    return;
                }
                self.out.truncate(start);
            }
        }
        // With one type beside null, what that one says is what helps.
        let others: Vec<&Type> = branches
            .iter()
            .map(|branch| self.types.get(*branch))
            .filter(|branch| !matches!(branch, Type::Null))
            .collect();
        if let [only] = others.as_slice()
            && let Err(message) = put_scalar(only, value, self.form, &mut Vec::new())
        {
            self.problem(message);
            return;
        }
        self.ill_typed(id, value);
    }

    fn branch_names(&self, branches: &[TypeId]) -> String {
        let names: Vec<&str> = branches.iter().map(|id| self.types.get(*id).tag()).collect();
        shortened_list(&names)
    }

    fn ill_typed(&mut self, id: TypeId, value: &Value) {
        let found = what_is(value);
        let expected = match self.types.get(id) {
            Type::Union(branches) => format!("one of {}", self.branch_names(branches)),
            other => other.expected(),
        };
        self.problem(format!("{found}: expected {expected}"));
    }

    fn missing(&mut self, id: TypeId) {
        let expected = match self.types.get(id) {
            Type::Union(branches) => format!("one of {}", self.branch_names(branches)),
            other => other.expected(),
        };
        self.problem(format!("is missing: expected {expected}"));
    }

    fn problem(&mut self, message: String) {
        self.problems.push(AvroProblem { path: self.path.to_string(), message });
        self.is_over |= self.problems.len() >= PROBLEMS_MAX;
    }
}

/// The names of a union's branches, the first ten of them.
fn shortened_list(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(10).copied().collect();
    let more = if names.len() > shown.len() { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}
