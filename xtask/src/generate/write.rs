//! The generated functions that write a struct.

use std::fmt::Write as _;

use super::{
    model::{Field, Message, Struct, Type},
    names,
    structs::{condition, differs_from_default, expression, flexible, opposite, rust_type},
};

/// The function that writes the struct.
pub(crate) fn function(out: &mut String, message: &Message, structure: &Struct) {
    let mut body = String::new();
    for field in &structure.fields {
        if field.tag.is_some() {
            untagged_version(&mut body, message, structure, field);
            continue;
        }
        if field.versions.is_empty() {
            continue;
        }
        let value = value(message, structure, field);
        match condition(field.versions, message.versions) {
            None => {
                let _ = writeln!(body, "{value}?;");
            }
            Some(condition) => {
                let _ = write!(body, "if {condition} {{ {value}?; }}");
                if !field.ignorable {
                    let _ = write!(
                        body,
                        " else if {} {{ return Err(EncodeError::field_not_in_version({}, version)); }}",
                        differs_from_default(field),
                        label(structure, field)
                    );
                }
                body.push('\n');
            }
        }
    }
    tagged_fields(&mut body, message, structure);
    let version = if names::uses(&body.replace("self.version", ""), "version") {
        "version"
    } else {
        "_version"
    };
    let _ = writeln!(
        out,
        "fn write<W: Writer>(&self, writer: &mut W, {version}: i16) -> Result<(), EncodeError> {{\n{body}Ok(())\n}}"
    );
}

fn label(structure: &Struct, field: &Field) -> String {
    format!("{:?}", format!("{}.{}", structure.name, field.json_name()))
}

/// A tagged field that must not be lost in a version that lacks it.
fn untagged_version(body: &mut String, message: &Message, structure: &Struct, field: &Field) {
    let Some(condition) = condition(field.versions, message.versions) else { return };
    if !field.ignorable {
        let _ = writeln!(
            body,
            "if {} && {} {{ return Err(EncodeError::field_not_in_version({}, version)); }}",
            opposite(&condition),
            differs_from_default(field),
            label(structure, field)
        );
    }
}

/// The expression that writes a field's value.
fn value(message: &Message, structure: &Struct, field: &Field) -> String {
    let label = label(structure, field);
    let name = format!("self.{}", names::identifier(&field.name));
    let flexible = flexible(message, field);
    let nullable = expression(field.nullable, message.versions);
    let optional = field.is_nullable();
    match &field.ty {
        Type::String if optional => {
            format!("writer.nullable_string({label}, {flexible}, {nullable}, {name}.as_deref())")
        }
        Type::String => format!("writer.string({label}, {flexible}, &{name})"),
        Type::Bytes | Type::Records if optional => {
            format!("writer.nullable_bytes({label}, {flexible}, {nullable}, {name}.as_ref())")
        }
        Type::Bytes | Type::Records => format!("writer.bytes({label}, {flexible}, &{name})"),
        Type::Struct(_) if optional => format!(
            "writer.nullable_struct({label}, {nullable}, {name}.as_deref(), |writer, value| value.write(writer, version))"
        ),
        Type::Struct(_) => {
            format!("writer.structure({label}, |writer| {name}.write(writer, version))")
        }
        Type::Array(item) if **item == Type::Int32 && !optional => {
            format!("writer.int32_array({label}, {flexible}, &{name})")
        }
        Type::Array(item) => {
            let write = match &**item {
                Type::Struct(_) => format!(
                    "|writer, item| writer.structure({label}, |writer| item.write(writer, version))"
                ),
                Type::String => format!("|writer, item| writer.string({label}, {flexible}, item)"),
                Type::Bytes | Type::Records => {
                    format!("|writer, item| writer.bytes({label}, {flexible}, item)")
                }
                primitive => {
                    format!("|writer, item| writer.{}({label}, *item)", method(primitive))
                }
            };
            if optional {
                format!(
                    "writer.nullable_array({label}, {flexible}, {nullable}, {name}.as_deref(), {write})"
                )
            } else {
                format!("writer.array({label}, {flexible}, &{name}, {write})")
            }
        }
        primitive => format!("writer.{}({label}, {name})", method(primitive)),
    }
}

fn method(primitive: &Type) -> String {
    rust_type(primitive).to_ascii_lowercase()
}

/// The statements that write the tagged fields, where the version has them.
fn tagged_fields(body: &mut String, message: &Message, structure: &Struct) {
    let flexible = expression(message.flexible, message.versions);
    if flexible == "false" {
        return;
    }
    let mut known: Vec<&Field> =
        structure.fields.iter().filter(|field| field.tag.is_some()).collect();
    known.sort_by_key(|field| field.tag);
    let mut count = String::from("0");
    let mut writes = String::new();
    for (at, field) in known.iter().enumerate() {
        let mut present = differs_from_default(field);
        if let Some(condition) = condition(field.versions, message.versions) {
            // A tagged field's versions often begin with the flexible ones.
            if condition != flexible {
                present = format!("{condition} && {present}");
            }
        }
        if at == 0 {
            count.clear();
        } else {
            count.push_str(" + ");
        }
        let _ = write!(count, "usize::from({present})");
        let _ = writeln!(
            writes,
            "if {present} {{ writer.tagged_field({}, |writer| {})?; }}",
            field.tag.unwrap_or_default(),
            value(message, structure, field)
        );
    }
    let statements = format!(
        "writer.tagged_fields({count}, &self.unknown_tagged_fields)?;\n{writes}writer.unknown_tagged_fields(&self.unknown_tagged_fields)?;\n"
    );
    if flexible == "true" {
        body.push_str(&statements);
    } else {
        let _ = writeln!(body, "if {flexible} {{ {statements} }}");
    }
}
