//! Random messages in Kafka's JSON, for every message and version of a folder of schemas.
//!
//! Kafka's own converters turn them into bytes, and those bytes are the oracle of a codec. The
//! first variant of each version is the smallest message: nulls where they may be, nothing in
//! arrays, no tagged fields. The others hold extreme numbers, text beyond ASCII, nulls and tags.
//!
//! Same seed, same cases: every case has a random source of its own, seeded by its name.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{LabError, cache};

/// The cases of every schema (`*.json`) of a folder, by name and version: objects with type,
/// apiKey, name, version, flexible and body.
///
/// # Errors
///
/// When the folder cannot be read, or when a schema is not what Kafka's are.
pub fn messages(schemas: &Path, seed: u64, variants: u32) -> Result<Vec<Value>, LabError> {
    let context = || format!("cannot read {}", schemas.display());
    let mut files = Vec::new();
    for entry in schemas.read_dir().map_err(LabError::io(context()))? {
        let path = entry.map_err(LabError::io(context()))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let schema: Value = serde_json::from_str(&cache::read(&file)?).map_err(|error| {
            LabError::Usage(format!("{} is no schema: {error}", file.display()))
        })?;
        add_cases(&schema, seed, variants, &mut cases)
            .ok_or_else(|| LabError::Usage(format!("{} is no schema", file.display())))?;
    }
    Ok(cases)
}

fn add_cases(schema: &Value, seed: u64, variants: u32, cases: &mut Vec<Value>) -> Option<()> {
    let name = schema["name"].as_str()?;
    let valid = Range::parse(schema["validVersions"].as_str()?)?;
    let flexible = Range::of(schema, "flexibleVersions");
    for version in valid.lowest..=valid.highest {
        for variant in 0..variants {
            let random = Random::new(&format!("{seed}/{name}/{version}/{variant}"));
            let mut writer = Writer { schema, version, smallest: variant == 0, random };
            let body = writer.structure(&schema["fields"])?;
            cases.push(json!({
                "type": schema["type"],
                "apiKey": schema.get("apiKey").cloned().unwrap_or_else(|| json!(-1)),
                "name": name,
                "version": version,
                "flexible": flexible.contains(version),
                "body": body,
            }));
        }
    }
    Some(())
}

/// A range of versions, as `2-4`, `2+`, `2` or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    lowest: i32,
    highest: i32,
}

impl Range {
    const NONE: Self = Self { lowest: 0, highest: -1 };

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text == "none" {
            return Some(Self::NONE);
        }
        if let Some(lowest) = text.strip_suffix('+') {
            return Some(Self { lowest: lowest.parse().ok()?, highest: i32::from(i16::MAX) });
        }
        let (lowest, highest) = text.split_once('-').unwrap_or((text, text));
        Some(Self { lowest: lowest.parse().ok()?, highest: highest.parse().ok()? })
    }

    /// The range under a key; none where the key is absent.
    fn of(value: &Value, key: &str) -> Self {
        value.get(key).and_then(Value::as_str).and_then(Self::parse).unwrap_or(Self::NONE)
    }

    fn contains(self, version: i32) -> bool {
        (self.lowest..=self.highest).contains(&version)
    }
}

/// Writes the body of one case.
struct Writer<'a> {
    schema: &'a Value,
    version: i32,
    smallest: bool,
    random: Random,
}

impl Writer<'_> {
    fn structure(&mut self, fields: &Value) -> Option<Value> {
        let mut body = Map::new();
        for field in fields.as_array()? {
            let key = if field.get("versions").is_some() { "versions" } else { "taggedVersions" };
            if !Range::of(field, key).contains(self.version) {
                continue;
            }
            let is_tagged = Range::of(field, "taggedVersions").contains(self.version);
            if is_tagged && (self.smallest || self.random.is_one_in(3)) {
                continue;
            }
            let is_nullable = Range::of(field, "nullableVersions").contains(self.version);
            let value = self.value(field, field["type"].as_str()?, is_nullable)?;
            body.insert(camel_case(field["name"].as_str()?), value);
        }
        Some(Value::Object(body))
    }

    fn value(&mut self, field: &Value, kind: &str, is_nullable: bool) -> Option<Value> {
        if is_nullable && (self.smallest || self.random.is_one_in(5)) {
            return Some(Value::Null);
        }
        if let Some(element) = kind.strip_prefix("[]") {
            return self.array(field, element);
        }
        if kind.starts_with(|first: char| first.is_ascii_uppercase()) {
            let fields = self.fields_of(field, kind)?;
            return self.structure(&fields);
        }
        if self.smallest { smallest(kind) } else { self.primitive(kind) }
    }

    fn array(&mut self, field: &Value, element: &str) -> Option<Value> {
        let count = if self.smallest { 0 } else { self.random.below(4) };
        let keys = self.keys_of(field, element);
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..count {
            let item = self.value(field, element, false)?;
            // Kafka keeps arrays with keys as sets: no key may come twice.
            let key_of =
                |item: &Value| keys.iter().map(|k| item.get(k).cloned()).collect::<Vec<_>>();
            if keys.is_empty() || items.iter().all(|other| key_of(other) != key_of(&item)) {
                items.push(item);
            }
        }
        Some(Value::Array(items))
    }

    /// The names of the fields that are the keys of an array's elements.
    fn keys_of(&self, field: &Value, element: &str) -> Vec<String> {
        let fields = self.fields_of(field, element).unwrap_or(Value::Null);
        let is_key = |field: &&Value| field.get("mapKey").and_then(Value::as_bool) == Some(true);
        let all = fields.as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(is_key).filter_map(|f| f["name"].as_str()).map(camel_case).collect()
    }

    /// The fields of a structure, given in place or under its name.
    fn fields_of(&self, field: &Value, name: &str) -> Option<Value> {
        if let Some(fields) = field.get("fields").filter(|fields| !is_empty(fields)) {
            return Some(fields.clone());
        }
        let shared = self.schema.get("commonStructs")?.as_array()?;
        let found = shared.iter().find(|one| one["name"].as_str() == Some(name))?;
        Some(found["fields"].clone())
    }

    fn primitive(&mut self, kind: &str) -> Option<Value> {
        let random = &mut self.random;
        Some(match kind {
            "bool" => json!(random.is_one_in(2)),
            "int8" => json!(random.signed(8)),
            "int16" => json!(random.signed(16)),
            "int32" => json!(random.signed(32)),
            "int64" => json!(random.signed(64)),
            "uint16" => json!(random.unsigned(16)),
            "uint32" => json!(random.unsigned(32)),
            "float64" => {
                let any = f64::from(u32::try_from(random.below(1 << 22)).ok()?) / 4.0;
                json!(random.one_of(&[0.0, 1.5, -2.25, any]))
            }
            "string" => json!(random.text()),
            "uuid" => json!(URL_SAFE_NO_PAD.encode(random.bytes(16))),
            "bytes" | "records" => {
                let length = random.one_of(&[0, 1, 5, 60, 200]);
                json!(STANDARD.encode(random.bytes(length)))
            }
            _ => return None,
        })
    }
}

fn is_empty(fields: &Value) -> bool {
    fields.as_array().is_none_or(Vec::is_empty)
}

fn smallest(kind: &str) -> Option<Value> {
    Some(match kind {
        "bool" => json!(false),
        "float64" => json!(0.0),
        "uuid" => json!("AAAAAAAAAAAAAAAAAAAAAA"),
        "string" | "bytes" | "records" => json!(""),
        "int8" | "int16" | "int32" | "int64" | "uint16" | "uint32" => json!(0),
        _ => return None,
    })
}

/// Kafka's JSON begins the names of the schema with a small letter.
fn camel_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// `SplitMix64`: a few lines, and good enough to pick test values.
struct Random {
    state: u64,
}

impl Random {
    fn new(name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        let state = digest.iter().take(8).fold(0, |state, &byte| state << 8 | u64::from(byte));
        Self { state }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn is_one_in(&mut self, end: u64) -> bool {
        self.below(end) == 0
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        let index = self.below(values.len() as u64);
        values[usize::try_from(index).expect("less than the length")]
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// An integer of that many bits: an end of its range, next to zero, or any.
    fn signed(&mut self, bits: u32) -> i64 {
        let highest = i64::MAX >> (64 - bits);
        let any = self.next().cast_signed() >> (64 - bits);
        self.one_of(&[0, 1, -1, highest, -highest - 1, any])
    }

    fn unsigned(&mut self, bits: u32) -> u64 {
        let any = self.next() >> (64 - bits);
        self.one_of(&[0, 1, u64::MAX >> (64 - bits), any])
    }

    fn text(&mut self) -> String {
        let letters: Vec<char> =
            "abcdefghijklmnopqrstuvwxyzABC0123456789._-éñ漢字🦀".chars().collect();
        let length = self.one_of(&[0, 1, 3, 8, 17, 40, 130]);
        (0..length).map(|_| self.one_of(&letters)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_a_version_range() {
        assert_eq!(Range::parse("2-4"), Some(Range { lowest: 2, highest: 4 }));
        assert_eq!(Range::parse("3"), Some(Range { lowest: 3, highest: 3 }));
        assert!(Range::parse("1+").unwrap().contains(17));
        assert!(!Range::parse("none").unwrap().contains(0));
        assert_eq!(Range::parse("x"), None);
    }

    #[test]
    fn gives_the_same_cases_for_the_same_seed_and_nothing_but_defaults_in_the_first() {
        let schema = json!({
            "name": "R", "type": "request", "apiKey": 9, "validVersions": "0-1",
            "flexibleVersions": "1+",
            "fields": [
                {"name": "Name", "type": "string", "versions": "0+", "nullableVersions": "1+"},
                {"name": "Ids", "type": "[]int32", "versions": "1+"},
                {"name": "Tagged", "type": "int8", "versions": "1+", "taggedVersions": "1+"},
            ],
        });
        let of = |seed| {
            let mut cases = Vec::new();
            add_cases(&schema, seed, 3, &mut cases).unwrap();
            cases
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_eq!(of(1)[0]["body"], json!({"name": ""}));
        assert_eq!(of(1)[3]["body"], json!({"name": null, "ids": []}));
        assert_eq!(of(1)[3]["flexible"], json!(true));
    }
}
