//! The generated functions that read a struct.

use std::fmt::Write as _;

use super::{
    model::{Field, Message, Struct, Type},
    names,
    structs::{condition, default_value, expression, flexible, rust_type},
};

/// Whether any struct of the message holds an array of this one.
fn is_array_item(message: &Message, structure: &Struct) -> bool {
    let item = Type::Array(Box::new(Type::Struct(structure.name.clone())));
    message.structs.iter().flat_map(|of| &of.fields).any(|field| field.ty == item)
}

/// The fewest bytes that an item of this type takes in a version.
fn size(message: &Message, ty: &Type, nullable: bool, flexible: bool, version: i16) -> usize {
    match ty {
        Type::Bool | Type::Int8 => 1,
        Type::Int16 | Type::Uint16 => 2,
        Type::Int32 | Type::Uint32 => 4,
        Type::Int64 | Type::Float64 => 8,
        Type::Uuid => 16,
        _ if flexible && !matches!(ty, Type::Struct(_)) => 1,
        Type::String => 2,
        Type::Bytes | Type::Records | Type::Array(_) => 4,
        Type::Struct(_) if nullable => 1,
        Type::Struct(name) => struct_size(message, message.structure(name), version),
    }
}

fn struct_size(message: &Message, structure: &Struct, version: i16) -> usize {
    let fields: usize = structure
        .fields
        .iter()
        .filter(|field| field.tag.is_none() && field.versions.contains(version))
        .map(|field| {
            let flexible = field.flexible.unwrap_or(message.flexible).contains(version);
            size(message, &field.ty, field.nullable.contains(version), flexible, version)
        })
        .sum();
    fields + usize::from(message.is_flexible(version))
}

/// The function that gives the fewest bytes of an item of an array, by version.
pub(crate) fn min_size(out: &mut String, message: &Message, structure: &Struct) {
    if !is_array_item(message, structure) {
        return;
    }
    let mut arms: Vec<(i16, i16, usize)> = Vec::new();
    for version in message.versions.min..=message.versions.max {
        // A struct that the version lacks has no field there; the bound must hold all the same.
        let size = struct_size(message, structure, version).max(1);
        match arms.last_mut() {
            Some((_, last, same)) if *same == size => *last = version,
            _ => arms.push((version, version, size)),
        }
    }
    let last = arms.pop().map_or(0, |(_, _, size)| size);
    let parameter = if arms.is_empty() { "_version" } else { "version" };
    let _ = writeln!(
        out,
        "/// The fewest bytes that one takes on the wire.
const fn min_size({parameter}: i16) -> usize {{"
    );
    if arms.is_empty() {
        let _ = writeln!(out, "{last}");
    } else {
        out.push_str("match version {\n");
        for (at, (from, until, size)) in arms.into_iter().enumerate() {
            let from = if at == 0 { String::new() } else { from.to_string() };
            let _ = writeln!(out, "{from}..={until} => {size},");
        }
        let _ = writeln!(out, "_ => {last},\n}}");
    }
    out.push_str("}\n\n");
}

/// The function that reads the struct.
pub(crate) fn function(out: &mut String, message: &Message, structure: &Struct) {
    let mut body = String::new();
    for field in &structure.fields {
        let name = local(field);
        if field.tag.is_some() {
            let _ = writeln!(body, "let mut {name} = {};", default_value(field));
            continue;
        }
        if field.versions.is_empty() {
            let _ = writeln!(body, "let {name} = {};", default_value(field));
            continue;
        }
        let value = value(message, structure, field);
        let _ = match condition(field.versions, message.versions) {
            None => writeln!(body, "let {name} = {value}?;"),
            Some(condition) => writeln!(
                body,
                "let {name} = if {condition} {{ {value}? }} else {{ {} }};",
                default_value(field)
            ),
        };
    }
    tagged_fields(&mut body, message, structure);
    let unused = if names::uses(&body, "version") { "version" } else { "_version" };
    // What is read item by item is read where the items are kept.
    let inline = if is_array_item(message, structure) { "#[inline]\n" } else { "" };
    let _ = writeln!(
        out,
        "{inline}fn read(reader: &mut Reader<'_>, {unused}: i16) -> Result<Self, DecodeError> {{\n{body}",
    );
    out.push_str("Ok(Self {\n");
    for field in &structure.fields {
        let (name, local) = (names::identifier(&field.name), local(field));
        let _ = if name == local {
            writeln!(out, "{name},")
        } else {
            writeln!(out, "{name}: {local},")
        };
    }
    out.push_str("unknown_tagged_fields,\n})\n}\n\n");
}

/// The variable that a field is read into: its name, but for the one of the message's version.
fn local(field: &Field) -> String {
    match names::identifier(&field.name) {
        name if name == "version" => "version_field".into(),
        name => name,
    }
}

/// The expression that reads a field's value.
fn value(message: &Message, structure: &Struct, field: &Field) -> String {
    let label = format!("{:?}", format!("{}.{}", structure.name, field.json_name()));
    let flexible = flexible(message, field);
    let nullable = expression(field.nullable, message.versions);
    let optional = field.is_nullable();
    match &field.ty {
        Type::String if optional => {
            format!("reader.nullable_string({label}, {flexible}, {nullable})")
        }
        Type::String => format!("reader.string({label}, {flexible})"),
        Type::Bytes | Type::Records if optional => {
            format!("reader.nullable_bytes({label}, {flexible}, {nullable})")
        }
        Type::Bytes | Type::Records => format!("reader.bytes({label}, {flexible})"),
        Type::Struct(name) if optional => format!(
            "reader.nullable_struct({label}, {nullable}, |reader| {name}::read(reader, version))"
        ),
        Type::Struct(name) => format!("{name}::read(reader, version)"),
        Type::Array(item) if **item == Type::Int32 && optional => {
            format!("reader.nullable_int32_array({label}, {flexible}, {nullable})")
        }
        Type::Array(item) if **item == Type::Int32 => {
            format!("reader.int32_array({label}, {flexible})")
        }
        Type::Array(item) => {
            let (size, read) = array_item(message, item, &label, &flexible);
            if optional {
                format!("reader.nullable_array({label}, {flexible}, {nullable}, {size}, {read})")
            } else {
                format!("reader.array({label}, {flexible}, {size}, {read})")
            }
        }
        primitive => format!("reader.{}({label})", rust_type(primitive).to_ascii_lowercase()),
    }
}

/// The fewest bytes of an array's item and the closure that reads one.
fn array_item(message: &Message, item: &Type, label: &str, flexible: &str) -> (String, String) {
    let short = |wide: usize| match flexible {
        "true" => "1".to_owned(),
        "false" => wide.to_string(),
        _ => format!("if {flexible} {{ 1 }} else {{ {wide} }}"),
    };
    match item {
        Type::Struct(name) => (
            format!("{name}::min_size(version)"),
            format!("|reader| {name}::read(reader, version)"),
        ),
        Type::String => (short(2), format!("|reader| reader.string({label}, {flexible})")),
        Type::Bytes | Type::Records => {
            (short(4), format!("|reader| reader.bytes({label}, {flexible})"))
        }
        primitive => (
            size(message, primitive, false, false, 0).to_string(),
            format!("|reader| reader.{}({label})", rust_type(primitive).to_ascii_lowercase()),
        ),
    }
}

/// The statements that read the tagged fields, where the version has them.
fn tagged_fields(body: &mut String, message: &Message, structure: &Struct) {
    let flexible = expression(message.flexible, message.versions);
    let known: Vec<&Field> = structure.fields.iter().filter(|field| field.tag.is_some()).collect();
    if flexible == "false" {
        body.push_str("let unknown_tagged_fields = TaggedFields::new();\n");
        return;
    }
    let read = if known.is_empty() {
        "reader.unknown_tagged_fields()?".to_owned()
    } else {
        let mut arms = String::new();
        for field in known {
            let guard = condition(field.versions, message.versions)
                .map_or_else(String::new, |condition| format!(" if {condition}"));
            let _ = writeln!(
                arms,
                "{}{guard} => {} = {}?,",
                field.tag.unwrap_or_default(),
                local(field),
                value(message, structure, field)
            );
        }
        format!(
            "reader.tagged_fields(|reader, tag| {{ match tag {{ {arms} _ => return Ok(false), }} Ok(true) }})?"
        )
    };
    let _ = if flexible == "true" {
        writeln!(body, "let unknown_tagged_fields = {read};")
    } else {
        writeln!(
            body,
            "let unknown_tagged_fields = if {flexible} {{ {read} }} else {{ TaggedFields::new() }};"
        )
    };
}
