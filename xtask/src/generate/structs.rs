//! One message's module: its structs, their defaults, and the traits of the top one.

use std::fmt::Write as _;

use super::{
    model::{Field, Kind, Message, Struct, Type, Versions},
    names, read, write,
};

/// The text of a message's module.
pub(crate) fn module(message: &Message) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "//! `{}`, {}.\n", message.name, versions_text(message.versions));
    let mut body = String::new();
    for structure in &message.structs {
        definition(&mut body, message, structure);
        default(&mut body, structure);
        let _ = writeln!(body, "impl {} {{", structure.name);
        read::min_size(&mut body, message, structure);
        read::function(&mut body, message, structure);
        write::function(&mut body, message, structure);
        body.push_str("}\n\n");
    }
    traits(&mut body, message);
    imports(&mut out, &body);
    out.push_str(&body);
    out
}

/// The condition that `version` has these versions, or None where every version has.
pub(crate) fn condition(versions: Versions, valid: Versions) -> Option<String> {
    let above = versions.min > valid.min;
    let below = versions.max < valid.max;
    match (above, below) {
        (false, false) => None,
        (true, false) => Some(format!("version >= {}", versions.min)),
        (false, true) => Some(format!("version <= {}", versions.max)),
        (true, true) => Some(format!("({}..={}).contains(&version)", versions.min, versions.max)),
    }
}

/// The condition that `version` has none of these versions.
pub(crate) fn opposite(condition: &str) -> String {
    match condition.strip_prefix("version >= ") {
        Some(min) => format!("version < {min}"),
        None => format!("!({condition})"),
    }
}

/// The condition as an expression.
pub(crate) fn expression(versions: Versions, valid: Versions) -> String {
    if versions.is_empty() {
        return "false".into();
    }
    condition(versions, valid).unwrap_or_else(|| "true".into())
}

/// Whether a field is flexible, as an expression.
pub(crate) fn flexible(message: &Message, field: &Field) -> String {
    expression(field.flexible.unwrap_or(message.flexible), message.versions)
}

/// Rust's type of an item that is not null.
pub(crate) fn rust_type(ty: &Type) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::Int8 => "i8".into(),
        Type::Int16 => "i16".into(),
        Type::Uint16 => "u16".into(),
        Type::Int32 => "i32".into(),
        Type::Uint32 => "u32".into(),
        Type::Int64 => "i64".into(),
        Type::Float64 => "f64".into(),
        Type::Uuid => "Uuid".into(),
        Type::String => "ByteString".into(),
        Type::Bytes | Type::Records => "Bytes".into(),
        Type::Struct(name) => name.clone(),
        Type::Array(item) if **item == Type::Int32 => "Int32Array".into(),
        Type::Array(item) => format!("Vec<{}>", rust_type(item)),
    }
}

fn field_type(field: &Field) -> String {
    let inner = rust_type(&field.ty);
    match (&field.ty, field.is_nullable()) {
        (Type::Struct(_), true) => format!("Option<Box<{inner}>>"),
        (_, true) => format!("Option<{inner}>"),
        (_, false) => inner,
    }
}

/// The field's default as an expression.
pub(crate) fn default_value(field: &Field) -> String {
    let default = field.default.as_deref();
    if default == Some("null") {
        return "None".into();
    }
    let inner = match &field.ty {
        Type::Bool => default.unwrap_or("false").to_ascii_lowercase(),
        Type::Int8 | Type::Int16 | Type::Uint16 | Type::Int32 | Type::Uint32 | Type::Int64 => {
            number(default.unwrap_or("0"))
        }
        Type::Float64 => default.map_or_else(|| "0.0".into(), str::to_owned),
        Type::Uuid => "Uuid::ZERO".into(),
        Type::String => match default.unwrap_or("") {
            "" => "ByteString::new()".into(),
            text => format!("ByteString::from_static({text:?})"),
        },
        Type::Bytes | Type::Records => "Bytes::new()".into(),
        Type::Struct(name) => format!("{name}::default()"),
        Type::Array(item) if **item == Type::Int32 => "Int32Array::new()".into(),
        Type::Array(_) => "Vec::new()".into(),
    };
    match (&field.ty, field.is_nullable()) {
        (Type::Struct(_), true) => format!("Some(Box::new({inner}))"),
        (_, true) => format!("Some({inner})"),
        (_, false) => inner,
    }
}

/// The condition that the field differs from its default.
pub(crate) fn differs_from_default(field: &Field) -> String {
    let name = format!("self.{}", names::identifier(&field.name));
    if field.default.as_deref() == Some("null") {
        return format!("{name}.is_some()");
    }
    match (&field.ty, field.is_nullable(), field.default.as_deref().unwrap_or("")) {
        (Type::Bool, false, default) if default.eq_ignore_ascii_case("true") => format!("!{name}"),
        (Type::Bool, false, _) => name,
        (Type::String | Type::Bytes | Type::Records | Type::Array(_), false, "") => {
            format!("!{name}.is_empty()")
        }
        (Type::String | Type::Bytes | Type::Records | Type::Array(_), true, "") => {
            format!("{name}.as_ref().is_none_or(|value| !value.is_empty())")
        }
        _ => format!("{name} != {}", default_value(field)),
    }
}

fn number(text: &str) -> String {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).map_or_else(|_| text.into(), |n| n.to_string()),
        None => text.to_owned(),
    }
}

pub(crate) fn versions_text(versions: Versions) -> String {
    match (versions.min, versions.max) {
        (min, max) if min == max => format!("version {min}"),
        (min, i16::MAX) => format!("versions {min} and up"),
        (min, max) => format!("versions {min} to {max}"),
    }
}

fn definition(out: &mut String, message: &Message, structure: &Struct) {
    if structure.name == message.name {
        let _ = writeln!(out, "/// Kafka's `{}`.", structure.name);
    } else {
        let _ = writeln!(out, "/// `{}` of [`{}`].", structure.name, message.name);
    }
    let _ = writeln!(out, "///\n/// Spec: `json/{}`.", message.name);
    out.push_str("#[derive(Clone, Debug, PartialEq)]\n");
    let _ = writeln!(out, "pub struct {} {{", structure.name);
    for field in &structure.fields {
        let _ = writeln!(out, "    /// {}", describe(message, field));
        let _ = writeln!(out, "    pub {}: {},", names::identifier(&field.name), field_type(field));
    }
    out.push_str(
        "    /// Tagged fields that this version does not know (KIP-482), kept as they came.\n",
    );
    out.push_str("    pub unknown_tagged_fields: TaggedFields,\n}\n\n");
}

/// What the facts say of a field, in one line.
fn describe(message: &Message, field: &Field) -> String {
    let mut text = format!("`{}` ({}", field.name, field.type_name);
    let unit = match () {
        () if field.name.ends_with("Ms") => ", milliseconds",
        () if field.name.ends_with("Bytes") && field.ty != Type::Bytes => ", bytes",
        () => "",
    };
    text.push_str(unit);
    if condition(field.versions, message.versions).is_some() {
        let _ = write!(
            text,
            "; {}",
            versions_text(Versions {
                min: field.versions.min,
                max: if field.versions.max == message.versions.max {
                    i16::MAX
                } else {
                    field.versions.max
                },
            })
        );
    }
    if field.is_nullable() {
        text.push_str("; null");
        if let Some(versions) = condition(field.nullable, field.versions) {
            let _ = write!(text, " where {versions}");
        }
    }
    if let Some(tag) = field.tag {
        let _ = write!(text, "; tag {tag}");
    }
    if let Some(default) = field.default.as_deref().filter(|default| !default.is_empty()) {
        let _ = write!(text, "; default {default}");
    }
    if field.ignorable {
        text.push_str("; left out of older versions");
    }
    text.push_str(").");
    text.replace("[]", r"\[\]")
}

fn default(out: &mut String, structure: &Struct) {
    let _ = writeln!(out, "impl Default for {} {{\n    fn default() -> Self {{", structure.name);
    out.push_str("        Self {\n");
    for field in &structure.fields {
        let _ = writeln!(
            out,
            "            {}: {},",
            names::identifier(&field.name),
            default_value(field)
        );
    }
    out.push_str("            unknown_tagged_fields: TaggedFields::new(),\n");
    out.push_str("        }\n    }\n}\n\n");
}

fn traits(out: &mut String, message: &Message) {
    let name = &message.name;
    let kind = match message.kind {
        Kind::Request => "Request",
        Kind::Response => "Response",
        Kind::Header => "Header",
        Kind::Data => "Data",
    };
    let _ = writeln!(
        out,
        "impl Message for {name} {{
    const KIND: MessageKind = MessageKind::{kind};
    const NAME: &'static str = {name:?};
    const API_KEY: Option<ApiKey> = {};
    const MIN_VERSION: i16 = {};
    const MAX_VERSION: i16 = {};
    const FIRST_FLEXIBLE_VERSION: i16 = {};

    fn read_fields(decoder: &mut Decoder, version: i16) -> Result<Self, DecodeError> {{
        decoder.read(|reader| Self::read(reader, version))
    }}

    fn write_fields(&self, encoder: &mut Encoder, version: i16) -> Result<(), EncodeError> {{
        self.write(encoder, version)
    }}

    #[cfg(feature = \"json\")]
    fn write_json(&self, writer: &mut JsonWriter, version: i16) -> Result<(), EncodeError> {{
        self.write(writer, version)
    }}
}}\n",
        message.api_key.map_or_else(|| "None".into(), |key| format!("Some(ApiKey({key}))")),
        message.versions.min,
        message.versions.max,
        if message.flexible.is_empty() { i16::MAX } else { message.flexible.min },
    );
    if message.kind == Kind::Request {
        let stable = if message.latest_version_unstable {
            message.versions.max - 1
        } else {
            message.versions.max
        };
        let stem = name.trim_end_matches("Request");
        let _ = writeln!(
            out,
            "impl Request for {name} {{
    type Response = crate::messages::{stem}Response;
    const KEY: ApiKey = ApiKey({});
    const MAX_STABLE_VERSION: i16 = {stable};
}}",
            message.api_key.unwrap_or(-1),
        );
    }
}

/// Imports just what the body names.
fn imports(out: &mut String, body: &str) {
    if body.contains("Bytes>") || body.contains(": Bytes") || body.contains("Bytes::") {
        out.push_str("use bytes::Bytes;\n");
    }
    if body.contains("ByteString") {
        out.push_str("use bytestring::ByteString;\n");
    }
    if body.contains("JsonWriter") {
        out.push_str("\n#[cfg(feature = \"json\")]\nuse crate::json::JsonWriter;\n");
    }
    let mut names = [
        "codec::{Decoder, Encoder, Message, MessageKind",
        "error::{DecodeError, EncodeError}",
        "messages::ApiKey",
        "primitives::{TaggedFields",
    ];
    let request = if body.contains("impl Request for") { ", Request" } else { "" };
    let codec = format!("{}, Reader{request}, Writer}}", names[0]);
    names[0] = &codec;
    let mut primitives = String::from(names[3]);
    for name in ["Int32Array", "Uuid"] {
        if body.contains(&format!("{name}::"))
            || body.contains(&format!(": {name}"))
            || body.contains(&format!("<{name}>"))
        {
            let _ = write!(primitives, ", {name}");
        }
    }
    primitives.push('}');
    names[3] = &primitives;
    let _ = writeln!(out, "use crate::{{{}}};\n", names.join(", "));
}
