//! Bytes to values, by the schema that wrote them and by others.

use serde_json::{Value, json};

use super::super::{AvroErrorKind, AvroOptions, AvroSchema, LogicalForm, UnionForm};

fn schema(json: &Value) -> AvroSchema {
    AvroSchema::parse(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn evolved(writer: &Value, reader: &Value, value: &Value) -> Result<Value, String> {
    let (writer, reader) = (schema(writer), schema(reader));
    let options = AvroOptions::default();
    let bytes = writer.encode(value, options).map_err(|error| error.to_string())?;
    reader.decode_written_by(&writer, &bytes, options).map_err(|error| {
        assert_eq!(error.kind(), AvroErrorKind::Resolution);
        error.to_string()
    })
}

fn record(name: &str, fields: &Value) -> Value {
    json!({ "type": "record", "name": name, "fields": fields })
}

#[test]
fn logical_types_are_texts_or_numbers() {
    let logical = |base: &str, logical: &str| json!({ "type": base, "logicalType": logical });
    let duration = json!({ "type": "fixed", "name": "D", "size": 12, "logicalType": "duration" });
    let decimal = json!({ "type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2 });
    for (kind, text, number) in [
        (logical("int", "date"), json!("2026-11-21"), json!(20_778)),
        (logical("int", "time-millis"), json!("14:30:00"), json!(52_200_000)),
        (logical("long", "time-micros"), json!("14:30:00.000001"), json!(52_200_000_001_i64)),
        (
            logical("long", "timestamp-millis"),
            json!("2026-11-21T14:30:00Z"),
            json!(1_795_271_400_000_i64),
        ),
        (logical("long", "timestamp-micros"), json!("1969-12-31T23:59:59.999999Z"), json!(-1)),
        (logical("long", "local-timestamp-millis"), json!("1970-01-01T00:00:00.001"), json!(1)),
        (decimal, json!("-12.30"), json!(-12.3)),
        (duration, json!("P1Y2DT3S"), json!({ "months": 12, "days": 2, "millis": 3000 })),
    ] {
        let schema = schema(&kind);
        let numbers = AvroOptions { logical: LogicalForm::Number, ..AvroOptions::default() };
        let bytes = schema.encode(&text, numbers).unwrap();
        assert_eq!(schema.encode(&number, numbers).unwrap(), bytes, "{kind}");
        assert_eq!(schema.decode(&bytes, AvroOptions::default()).unwrap(), text);
        assert_eq!(schema.decode(&bytes, numbers).unwrap(), number);
    }
    let time = schema(&logical("int", "time-millis"));
    assert_eq!(time.decode(&[1], AvroOptions::default()).unwrap(), json!(-1), "no time of a day");
}

#[test]
fn floats_keep_their_shortest_digits() {
    let float = schema(&json!("float"));
    for value in [json!(0.1), json!(1.5e-9), json!("NaN"), json!("-Infinity")] {
        let bytes = float.encode(&value, AvroOptions::default()).unwrap();
        assert_eq!(float.decode(&bytes, AvroOptions::default()).unwrap(), value);
    }
}

#[test]
fn a_tagged_union_comes_back_with_its_tag() {
    let kind = schema(&json!(["null", "string", "long"]));
    let options = AvroOptions { unions: UnionForm::Tagged, ..AvroOptions::default() };
    for value in [json!(null), json!({ "string": "x" }), json!({ "long": 1 })] {
        let bytes = kind.encode(&value, options).unwrap();
        assert_eq!(kind.decode(&bytes, options).unwrap(), value);
    }
}

#[test]
fn blocks_can_have_their_size_before_them() {
    let kind = schema(&json!({ "type": "array", "items": "int" }));
    let value = kind.decode(&[3, 4, 2, 4, 2, 6, 0], AvroOptions::default()).unwrap();
    assert_eq!(value, json!([1, 2, 3]));
}

#[test]
fn fields_are_found_by_name_alias_or_default() {
    let writer = record(
        "a.R",
        &json!([
            { "name": "kept", "type": "int" },
            { "name": "dropped", "type": { "type": "array", "items": "string" } },
            { "name": "old", "type": "string" },
        ]),
    );
    let reader = record(
        "b.R",
        &json!([
            { "name": "added", "type": { "type": "map", "values": "int" }, "default": { "x": 1 } },
            { "name": "new", "aliases": ["old"], "type": ["null", "string"] },
            { "name": "kept", "type": "double" },
        ]),
    );
    let value = json!({ "kept": 7, "dropped": ["a", "b"], "old": "text" });
    assert_eq!(
        evolved(&writer, &reader, &value).unwrap(),
        json!({ "added": { "x": 1 }, "new": "text", "kept": 7.0 })
    );
    let lacking = record("a.R", &json!([{ "name": "kept", "type": "int" }]));
    assert_eq!(
        evolved(&lacking, &reader, &json!({ "kept": 7 })).unwrap_err(),
        "$.new was not written, and has no default where it is read"
    );
}

#[test]
fn types_are_promoted_as_the_specification_has_it() {
    for (writer, reader, value, expected) in [
        ("int", "long", json!(1), json!(1)),
        ("int", "double", json!(1), json!(1.0)),
        ("long", "float", json!(1), json!(1.0)),
        ("float", "double", json!(1.5), json!(1.5)),
        ("string", "bytes", json!("a"), json!("a")),
        ("bytes", "string", json!("a"), json!("a")),
    ] {
        assert_eq!(evolved(&json!(writer), &json!(reader), &value), Ok(expected), "{writer}");
    }
    for (writer, reader, value) in
        [("long", "int", json!(1)), ("string", "int", json!("1")), ("boolean", "int", json!(true))]
    {
        assert!(evolved(&json!(writer), &json!(reader), &value).is_err(), "{writer} {reader}");
    }
}

#[test]
fn unions_enums_and_names_resolve() {
    assert_eq!(evolved(&json!(["int", "string"]), &json!("string"), &json!("x")), Ok(json!("x")));
    assert!(evolved(&json!(["int", "string"]), &json!("string"), &json!(1)).is_err());
    assert_eq!(evolved(&json!("int"), &json!(["null", "double"]), &json!(1)), Ok(json!(1.0)));
    let symbols = |symbols: Value, default: Option<&str>| {
        let mut kind = json!({ "type": "enum", "name": "E", "symbols": symbols });
        if let Some(default) = default {
            kind["default"] = default.into();
        }
        kind
    };
    let writer = symbols(json!(["A", "B", "C"]), None);
    assert_eq!(evolved(&writer, &symbols(json!(["C", "A"]), None), &json!("C")), Ok(json!("C")));
    let with_default = symbols(json!(["A", "Z"]), Some("Z"));
    assert_eq!(evolved(&writer, &with_default, &json!("B")), Ok(json!("Z")));
    assert_eq!(
        evolved(&writer, &symbols(json!(["A"]), None), &json!("B")).unwrap_err(),
        "$ is \"B\": expected one of A (enum E)"
    );
    let fields = json!([{ "name": "a", "type": "int" }]);
    assert!(evolved(&record("R", &fields), &record("S", &fields), &json!({ "a": 1 })).is_err());
    let mut renamed = record("S", &fields);
    renamed["aliases"] = json!(["R"]);
    assert_eq!(evolved(&record("R", &fields), &renamed, &json!({ "a": 1 })), Ok(json!({ "a": 1 })));
}

#[test]
fn what_means_something_else_by_the_same_bytes_is_refused() {
    let decimal = |scale: u32| json!({ "type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale });
    assert!(evolved(&decimal(2), &decimal(3), &json!(1)).is_err());
    let timestamp =
        |unit: &str| json!({ "type": "long", "logicalType": format!("timestamp-{unit}") });
    assert!(evolved(&timestamp("millis"), &timestamp("micros"), &json!(1)).is_err());
    assert_eq!(
        evolved(&json!("long"), &timestamp("millis"), &json!(1)),
        Ok(json!("1970-01-01T00:00:00.001Z"))
    );
}
