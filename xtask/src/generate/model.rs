//! The protocol's messages as `spec/messages` states them.

use std::{fs, path::Path};

use serde_json::Value;

/// A range of versions; empty when `min > max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) min: i16,
    pub(crate) max: i16,
}

impl Versions {
    pub(crate) const NONE: Self = Self { min: 1, max: 0 };

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<i16>().map_err(|_| format!("no version: {text}"));
        match text {
            "none" | "" => Ok(Self::NONE),
            _ if text.ends_with('+') => {
                Ok(Self { min: number(text.trim_end_matches('+'))?, max: i16::MAX })
            }
            _ => match text.split_once('-') {
                Some((min, max)) => Ok(Self { min: number(min)?, max: number(max)? }),
                None => Ok(Self { min: number(text)?, max: number(text)? }),
            },
        }
    }

    pub(crate) fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    pub(crate) fn is_empty(self) -> bool {
        self.min > self.max
    }

    pub(crate) fn within(self, outer: Self) -> Self {
        Self { min: self.min.max(outer.min), max: self.max.min(outer.max) }
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    Header,
    Data,
}

/// A field's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Struct(String),
    Array(Box<Self>),
}

impl Type {
    fn parse(text: &str) -> Self {
        match text {
            "bool" => Self::Bool,
            "int8" => Self::Int8,
            "int16" => Self::Int16,
            "uint16" => Self::Uint16,
            "int32" => Self::Int32,
            "uint32" => Self::Uint32,
            "int64" => Self::Int64,
            "float64" => Self::Float64,
            "uuid" => Self::Uuid,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "records" => Self::Records,
            _ => match text.strip_prefix("[]") {
                Some(item) => Self::Array(Box::new(Self::parse(item))),
                None => Self::Struct(text.to_owned()),
            },
        }
    }
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) ty: Type,
    /// Versions that have the field, within the message's.
    pub(crate) versions: Versions,
    pub(crate) nullable: Versions,
    pub(crate) tag: Option<u32>,
    pub(crate) default: Option<String>,
    pub(crate) ignorable: bool,
    /// Set where the field's flexibility differs from the message's.
    pub(crate) flexible: Option<Versions>,
}

impl Field {
    /// Kafka's name in JSON: the first letter in lower case.
    pub(crate) fn json_name(&self) -> String {
        let mut letters = self.name.chars();
        letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
    }

    pub(crate) fn is_nullable(&self) -> bool {
        !self.nullable.is_empty()
    }
}

/// A struct: a message itself, or one inside it.
#[derive(Clone, Debug)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

/// A message with all structs in it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) api_key: Option<i16>,
    pub(crate) name: String,
    pub(crate) versions: Versions,
    pub(crate) flexible: Versions,
    pub(crate) latest_version_unstable: bool,
    pub(crate) listeners: Vec<String>,
    /// The message first, then the structs inside it in order of their appearance.
    pub(crate) structs: Vec<Struct>,
}

impl Message {
    pub(crate) fn structure(&self, name: &str) -> &Struct {
        self.structs
            .iter()
            .find(|structure| structure.name == name)
            .unwrap_or_else(|| unreachable!("{} has no struct {name}", self.name))
    }

    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        self.flexible.contains(version)
    }
}

/// Every message of the folder, by name.
pub(crate) fn read(folder: &Path) -> Result<Vec<Message>, String> {
    let mut messages = Vec::new();
    for path in crate::spec::sorted(folder)? {
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        messages.push(message(&value).map_err(|e| format!("{}: {e}", path.display()))?);
    }
    Ok(messages)
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn versions(value: &Value, key: &str) -> Result<Option<Versions>, String> {
    text(value, key).map(Versions::parse).transpose()
}

fn message(value: &Value) -> Result<Message, String> {
    let kind = match text(value, "type") {
        Some("request") => Kind::Request,
        Some("response") => Kind::Response,
        Some("header") => Kind::Header,
        _ => Kind::Data,
    };
    let name = text(value, "name").ok_or("a message without name")?.to_owned();
    let valid = versions(value, "validVersions")?.ok_or("a message without validVersions")?;
    let mut structs = vec![Struct { name: name.clone(), fields: Vec::new() }];
    structs[0].fields = fields(value, valid, &mut structs)?;
    for common in value.get("commonStructs").and_then(Value::as_array).into_iter().flatten() {
        let name = text(common, "name").ok_or("a common struct without name")?.to_owned();
        let fields = fields(common, valid, &mut structs)?;
        structs.push(Struct { name, fields });
    }
    Ok(Message {
        kind,
        api_key: value
            .get("apiKey")
            .and_then(Value::as_i64)
            .map(|key| i16::try_from(key).map_err(|_| format!("no API key: {key}")))
            .transpose()?,
        name,
        versions: valid,
        flexible: versions(value, "flexibleVersions")?.unwrap_or(Versions::NONE).within(valid),
        latest_version_unstable: value.get("latestVersionUnstable") == Some(&Value::Bool(true)),
        listeners: value
            .get("listeners")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|listener| listener.as_str().map(str::to_owned))
            .collect(),
        structs,
    })
}

fn fields(value: &Value, valid: Versions, structs: &mut Vec<Struct>) -> Result<Vec<Field>, String> {
    let mut out = Vec::new();
    for value in value.get("fields").and_then(Value::as_array).into_iter().flatten() {
        let name = text(value, "name").ok_or("a field without name")?.to_owned();
        let type_name = text(value, "type").ok_or("a field without type")?.to_owned();
        let tagged = versions(value, "taggedVersions")?;
        let versions_of_field =
            versions(value, "versions")?.or(tagged).ok_or("a field without versions")?;
        if value.get("fields").is_some() {
            let name = type_name.trim_start_matches("[]").to_owned();
            let fields = fields(value, valid, structs)?;
            structs.push(Struct { name, fields });
        }
        out.push(Field {
            ty: Type::parse(&type_name),
            type_name,
            versions: versions_of_field.within(valid),
            nullable: versions(value, "nullableVersions")?
                .unwrap_or(Versions::NONE)
                .within(versions_of_field)
                .within(valid),
            tag: value
                .get("tag")
                .and_then(Value::as_u64)
                .map(|tag| u32::try_from(tag).map_err(|_| format!("{name}: no tag: {tag}")))
                .transpose()?,
            default: value.get("default").map(|default| match default {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
            ignorable: value.get("ignorable") == Some(&Value::Bool(true)),
            flexible: versions(value, "flexibleVersions")?,
            name,
        });
    }
    Ok(out)
}
