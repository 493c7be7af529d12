//! Which branch of a union a value goes to.

use serde_json::{Map, Value};

use super::{
    options::{AvroOptions, UnknownFields},
    types::{RecordType, Type, TypeId, Types},
};

/// The branch that an object names, as Avro's JSON has it: `{"string": "x"}`.
pub(super) fn tagged_branch<'v>(
    types: &Types,
    branches: &[TypeId],
    value: &'v Value,
) -> Option<(usize, TypeId, &'v Value)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (tag, inner) = map.iter().next()?;
    let by = |is: &dyn Fn(&Type) -> bool| branches.iter().position(|id| is(types.get(*id)));
    let index = by(&|branch| branch.tag() == tag)
        .or_else(|| by(&|branch| branch.type_name().is_some_and(|name| name.simple() == tag)))?;
    Some((index, *branches.get(index)?, inner))
}

/// The branch for an object: the first record that takes its fields, else the map, else the first
/// record, which then says what is wrong.
pub(super) fn choose_object_branch(
    types: &Types,
    branches: &[TypeId],
    map: &Map<String, Value>,
    options: AvroOptions,
) -> Option<usize> {
    let records = || {
        branches.iter().enumerate().filter_map(|(index, id)| match types.get(*id) {
            Type::Record(record) => Some((index, record)),
            _ => None,
        })
    };
    let of_map = || branches.iter().position(|id| matches!(types.get(*id), Type::Map(_)));
    records()
        .find(|(_, record)| takes(types, record, map, options))
        .map(|(index, _)| index)
        .or_else(of_map)
        .or_else(|| records().next().map(|(index, _)| index))
}

/// Whether a record has the object's fields, and the object the record's.
fn takes(
    types: &Types,
    record: &RecordType,
    map: &Map<String, Value>,
    options: AvroOptions,
) -> bool {
    let may_be_absent = |id: TypeId| match types.get(id) {
        Type::Null => true,
        Type::Union(branches) => branches.iter().any(|id| matches!(types.get(*id), Type::Null)),
        _ => false,
    };
    let is_known = |name: &String| record.index.contains_key(name);
    (options.unknown_fields == UnknownFields::Ignore || map.keys().all(is_known))
        && record.fields.iter().all(|field| {
            field.default.is_some() || map.contains_key(&field.name) || may_be_absent(field.id)
        })
}
