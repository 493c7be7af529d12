//! Values to bytes: what is taken, what is refused, and where.

use serde_json::{Value, json};

use super::super::{AvroErrorKind, AvroOptions, AvroSchema, BytesForm, UnionForm, UnknownFields};

fn schema(json: &Value) -> AvroSchema {
    AvroSchema::parse(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn encode(kind: &Value, value: &Value) -> Result<Vec<u8>, String> {
    schema(kind).encode(value, AvroOptions::default()).map_err(|error| error.to_string())
}

#[test]
fn scalars_have_the_bytes_of_the_specification() {
    let fixed = |size: usize| json!({ "type": "fixed", "name": "F", "size": size });
    let logical = |base: &str, logical: &str| json!({ "type": base, "logicalType": logical });
    let decimal = |precision: u32, scale: u32| json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale });
    let fixed_decimal = json!({ "type": "fixed", "name": "F", "size": 4,
        "logicalType": "decimal", "precision": 9, "scale": 2 });
    let duration = json!({ "type": "fixed", "name": "D", "size": 12, "logicalType": "duration" });
    let uuid = "123e4567-e89b-12d3-a456-426614174000";
    let fixed_uuid = json!({ "type": "fixed", "name": "U", "size": 16, "logicalType": "uuid" });
    for (kind, value, bytes) in [
        (json!("null"), json!(null), &[][..]),
        (json!("boolean"), json!(true), &[1]),
        (json!("int"), json!(-64), &[0x7f]),
        (json!("int"), json!(5.0), &[10]),
        (json!("long"), json!(64), &[0x80, 1]),
        (json!("float"), json!(1.5), &[0, 0, 0xc0, 0x3f]),
        (json!("double"), json!(3), &[0, 0, 0, 0, 0, 0, 8, 0x40]),
        (json!("double"), json!("-Infinity"), &[0, 0, 0, 0, 0, 0, 0xf0, 0xff]),
        (json!("string"), json!("foo"), &[6, b'f', b'o', b'o']),
        (json!("bytes"), json!("\u{0}\u{ff}"), &[4, 0, 0xff]),
        (json!("bytes"), json!([0, 255]), &[4, 0, 0xff]),
        (fixed(2), json!("ab"), b"ab"),
        (json!({ "type": "enum", "name": "E", "symbols": ["A", "B"] }), json!("B"), &[2]),
        (json!({ "type": "array", "items": "long" }), json!([3, 27]), &[4, 6, 54, 0]),
        (json!({ "type": "array", "items": "long" }), json!([]), &[0]),
        (json!({ "type": "map", "values": "int" }), json!({ "a": 1 }), &[2, 2, b'a', 2, 0]),
        (decimal(4, 2), json!("12.34"), &[4, 4, 0xd2]),
        (decimal(4, 2), json!(12.34), &[4, 4, 0xd2]),
        (decimal(4, 2), json!(-0.01), &[2, 0xff]),
        (decimal(4, 2), json!(1), &[2, 100]),
        (decimal(4, 0), json!("1e3"), &[4, 3, 0xe8]),
        (fixed_decimal.clone(), json!("-12.34"), &[0xff, 0xff, 0xfb, 0x2e]),
        (fixed_decimal, json!(0.5), &[0, 0, 0, 50]),
        (logical("int", "date"), json!("1970-01-02"), &[2]),
        (logical("int", "date"), json!(1), &[2]),
        (logical("int", "time-millis"), json!("00:00:00.064"), &[0x80, 1]),
        (logical("long", "time-micros"), json!("00:00:00.000001"), &[2]),
        (logical("long", "timestamp-millis"), json!("1970-01-01T01:00:00.001+01:00"), &[2]),
        (logical("long", "timestamp-micros"), json!(1), &[2]),
        (logical("long", "local-timestamp-millis"), json!("1970-01-01T00:00:00.001"), &[2]),
        (logical("string", "uuid"), json!(uuid), &[&[72], uuid.as_bytes()].concat()),
        (
            fixed_uuid,
            json!(uuid),
            b"\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00",
        ),
        (duration.clone(), json!("P1M2DT3S"), &[1, 0, 0, 0, 2, 0, 0, 0, 0xb8, 0xb, 0, 0]),
        (duration, json!({ "months": 1 }), &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        assert_eq!(encode(&kind, &value).as_deref(), Ok(bytes), "{kind} {value}");
    }
}

#[test]
fn values_that_do_not_fit_are_refused_with_what_was_expected() {
    for (kind, value, expected) in [
        (
            json!("int"),
            json!(2_147_483_648_u64),
            "$ is the number 2147483648, which is beyond 32 bits",
        ),
        (
            json!("long"),
            json!(u64::MAX),
            "$ is the number 18446744073709551615, which is beyond 64 bits",
        ),
        (json!("int"), json!(1.5), "$ is the number 1.5: expected a whole number of 32 bits (int)"),
        (json!("int"), json!("5"), "$ is the text \"5\": expected a whole number of 32 bits (int)"),
        (json!("float"), json!(1e300), "$ is the number 1e+300, which is beyond a float"),
        (json!("string"), json!(5), "$ is the number 5: expected a text (string)"),
        (json!("null"), json!(0), "$ is the number 0: expected null"),
        (json!("bytes"), json!("\u{100}"), "$ is the text \"Ā\": expected bytes"),
        (json!("bytes"), json!([256]), "$ is a list: expected bytes"),
        (
            json!({ "type": "fixed", "name": "F", "size": 2 }),
            json!("abc"),
            "$ has 3 bytes: expected 2 bytes",
        ),
        (
            json!({ "type": "enum", "name": "n.E", "symbols": ["RED", "BLUE"] }),
            json!("RAD"),
            "$ is the text \"RAD\": expected one of RED, BLUE (enum n.E); did you mean RED?",
        ),
    ] {
        assert_eq!(encode(&kind, &value).unwrap_err(), expected);
    }
}

#[test]
fn logical_values_that_do_not_fit_are_refused_too() {
    let decimal = json!({ "type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2 });
    let long = json!({ "type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 4 });
    let logical = |base: &str, logical: &str| json!({ "type": base, "logicalType": logical });
    for (kind, value, expected) in [
        (
            decimal.clone(),
            json!("12.345"),
            "$ is the text \"12.345\": expected at most 2 digits behind the point",
        ),
        (
            decimal.clone(),
            json!(123.4),
            "$ is the number 123.4: expected at most 4 digits, 2 of them behind the point",
        ),
        (
            decimal,
            json!("twelve"),
            "$ is the text \"twelve\": expected a number or a text with at most 4 digits, 2 of them \
             behind the point (decimal)",
        ),
        (
            long,
            json!(1_234_567_890_123.456_7),
            "$ is the number 1234567890123.4568, and may have had more digits than a JSON number keeps: \
             expected a text of them",
        ),
        (
            logical("int", "date"),
            json!("2026-02-30"),
            "$ is the text \"2026-02-30\": expected a text like 2026-11-21, or days since 1970 (date)",
        ),
        (
            logical("int", "time-millis"),
            json!(86_400_000),
            "$ is the number 86400000: expected a time within one day",
        ),
        (
            logical("long", "timestamp-millis"),
            json!("2026-11-21T14:30:00"),
            "$ is the text \"2026-11-21T14:30:00\", which has no offset from UTC: expected a text like \
             2026-11-21T14:30:00Z, or milliseconds since 1970 (timestamp)",
        ),
        (
            logical("long", "timestamp-millis"),
            json!("2026-11-21T14:30:00.0001Z"),
            "$ is the text \"2026-11-21T14:30:00.0001Z\", which is finer than the schema's unit: \
             expected a text like 2026-11-21T14:30:00Z, or milliseconds since 1970 (timestamp)",
        ),
        (
            logical("string", "uuid"),
            json!("123"),
            "$ is the text \"123\": expected a text like 123e4567-e89b-12d3-a456-426614174000 (uuid)",
        ),
    ] {
        assert_eq!(encode(&kind, &value).unwrap_err(), expected);
    }
}

/// A record with most of what can be inside one.
fn order() -> Value {
    json!({ "type": "record", "name": "Order", "namespace": "shop", "fields": [
        { "name": "id", "type": "long" },
        { "name": "note", "type": ["null", "string"] },
        { "name": "currency", "type": "string", "default": "EUR" },
        { "name": "items", "type": { "type": "array", "items": {
            "type": "record", "name": "Item", "fields": [
                { "name": "price", "type": { "type": "bytes", "logicalType": "decimal",
                    "precision": 9, "scale": 2 }, "default": "\u{1}\u{2}" },
                { "name": "count", "type": "int", "default": 1 },
            ] } } },
        { "name": "payment", "type": ["null",
            { "type": "record", "name": "Card", "fields": [{ "name": "number", "type": "string" }] },
            { "type": "record", "name": "Cash", "fields": [{ "name": "coins", "type": "int" }] },
            { "type": "map", "values": "long" },
            { "type": "array", "items": "Cash" }, "double", "string"], "default": null },
    ] })
}

#[test]
fn every_problem_is_told_with_its_path() {
    let value = json!({
        "id": "x", "items": [{}, { "price": "1.234", "cuont": 2 }], "payment": { "coins": 2.5 },
        "odd name": 1,
    });
    assert_eq!(
        encode(&order(), &value).unwrap_err(),
        "5 problems: \
         (1) $[\"odd name\"] is no field of shop.Order; \
         (2) $.id is the text \"x\": expected a whole number of 64 bits (long); \
         (3) $.items[1].cuont is no field of shop.Item: did you mean `count`?; \
         (4) $.items[1].price is the text \"1.234\": expected at most 2 digits behind the point; \
         (5) $.payment.coins is the number 2.5: expected a whole number of 32 bits (int)"
    );
}

#[test]
fn absent_fields_take_their_default_or_null() {
    let bytes = encode(&order(), &json!({ "id": 1, "items": [{}] })).unwrap();
    let expected: &[u8] = &[2, 0, 6, b'E', b'U', b'R', 2, 4, 1, 2, 2, 0, 0];
    assert_eq!(bytes, expected);
}

#[test]
fn unknown_fields_are_left_out_when_they_may_be() {
    let kind =
        json!({ "type": "record", "name": "R", "fields": [{ "name": "count", "type": "int" }] });
    let options = AvroOptions { unknown_fields: UnknownFields::Ignore, ..AvroOptions::default() };
    let value = json!({ "count": 1, "more": 2 });
    assert_eq!(schema(&kind).encode(&value, options).unwrap(), [2]);
    assert_eq!(encode(&kind, &value).unwrap_err(), "$.more is no field of R");
}

#[test]
fn a_union_takes_the_first_branch_that_takes_the_value() {
    let payment = |value: Value| {
        let order_value = json!({ "id": 1, "items": [], "payment": value });
        encode(&order(), &order_value)
    };
    for (value, branch) in [
        (json!(null), 0),
        (json!({ "number": "4711" }), 1),
        (json!({ "coins": 3 }), 2),
        (json!({ "cents": 3 }), 3),
        (json!([{ "coins": 3 }]), 4),
        (json!(1), 5),
        (json!("x"), 6),
    ] {
        let bytes = payment(value.clone()).unwrap();
        assert_eq!(bytes[7], branch * 2, "{value}");
    }
    assert_eq!(
        payment(json!(true)).unwrap_err(),
        "$.payment is true: expected one of null, shop.Card, shop.Cash, map, array, double, string"
    );
}

#[test]
fn a_text_goes_to_bytes_only_when_nothing_else_takes_it() {
    assert_eq!(encode(&json!(["bytes", "string"]), &json!("a")).unwrap(), [2, 2, b'a']);
    assert_eq!(encode(&json!(["null", "bytes"]), &json!("a")).unwrap(), [2, 2, b'a']);
    let symbols = json!({ "type": "enum", "name": "E", "symbols": ["A"] });
    assert_eq!(encode(&json!([symbols, "string"]), &json!("A")).unwrap(), [0, 0]);
    assert_eq!(encode(&json!(["int", "long", "double"]), &json!(3_000_000_000_u64)).unwrap()[0], 2);
    assert_eq!(
        encode(&json!(["null", "int"]), &json!(3_000_000_000_u64)).unwrap_err(),
        "$ is the number 3000000000, which is beyond 32 bits"
    );
}

#[test]
fn tags_are_an_option() {
    let kind = json!(["null", "string", { "type": "record", "name": "a.R",
        "fields": [{ "name": "x", "type": ["null", "long"] }] }]);
    let with = |unions: UnionForm, value: Value| {
        let options = AvroOptions { unions, ..AvroOptions::default() };
        schema(&kind).encode(&value, options).map_err(|error| error.to_string())
    };
    for (form, value, expected) in [
        (UnionForm::TagsAccepted, json!({ "string": "x" }), Ok(vec![2, 2, b'x'])),
        (UnionForm::TagsAccepted, json!("x"), Ok(vec![2, 2, b'x'])),
        (UnionForm::TagsAccepted, json!({ "x": 1 }), Ok(vec![4, 2, 2])),
        (UnionForm::Tagged, json!({ "a.R": { "x": { "long": 1 } } }), Ok(vec![4, 2, 2])),
        (UnionForm::Tagged, json!({ "R": { "x": null } }), Ok(vec![4, 0])),
        (
            UnionForm::Tagged,
            json!("x"),
            Err("$ is the text \"x\": expected an object of one of null, string, a.R".to_owned()),
        ),
        (UnionForm::Plain, json!({ "string": "x" }), Err("$.string is no field of a.R".to_owned())),
    ] {
        assert_eq!(with(form, value.clone()), expected, "{form:?} {value}");
    }
}

#[test]
fn bytes_can_be_base64() {
    let options = AvroOptions { bytes: BytesForm::Base64, ..AvroOptions::default() };
    let kind = schema(&json!("bytes"));
    assert_eq!(kind.encode(&json!("AP8="), options).unwrap(), [4, 0, 0xff]);
    assert_eq!(kind.decode(&[4, 0, 0xff], options).unwrap(), json!("AP8="));
    assert!(kind.encode(&json!("ÿ"), options).is_err());
}

#[test]
fn a_type_can_be_inside_itself() {
    let list = json!({ "type": "record", "name": "List", "fields": [
        { "name": "value", "type": "int" }, { "name": "next", "type": ["null", "List"] }] });
    let bytes = encode(&list, &json!({ "value": 1, "next": { "value": 2 } })).unwrap();
    assert_eq!(bytes, [2, 2, 4, 0]);
    let mut deep = json!({ "value": 0 });
    for _ in 0..200 {
        deep = json!({ "value": 0, "next": deep });
    }
    let error = encode(&list, &deep).unwrap_err();
    assert!(error.ends_with(" is more than 160 levels deep"), "{error}");
}

#[test]
fn schemas_can_refer_to_others() {
    let customer = json!({ "type": "record", "name": "Customer", "namespace": "crm", "fields": [
        { "name": "name", "type": "string" }, { "name": "address", "type": "crm.Address" }] });
    let address = json!({ "type": "record", "name": "crm.Address", "fields": [
        { "name": "city", "type": "string" }] });
    let order = json!({ "type": "record", "name": "Order", "fields": [
        { "name": "customer", "type": "crm.Customer" },
        { "name": "to", "type": ["null", "crm.Address"] }] });
    let references = [customer.to_string(), address.to_string()];
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let schema = AvroSchema::parse_with(&order.to_string(), &references).unwrap();
    let value = json!({ "customer": { "name": "a", "address": { "city": "b" } },
        "to": { "city": "c" } });
    let bytes = schema.encode(&value, AvroOptions::default()).unwrap();
    assert_eq!(bytes, [2, b'a', 2, b'b', 2, 2, b'c']);
    assert_eq!(schema.decode(&bytes, AvroOptions::default()).unwrap(), value);
}

#[test]
fn what_is_no_schema_is_told() {
    let field = |kind: Value, default: Value| {
        json!({ "type": "record", "name": "R",
            "fields": [{ "name": "f", "type": kind, "default": default }] })
        .to_string()
    };
    let endless = json!({ "type": "record", "name": "R",
        "fields": [{ "name": "f", "type": "R", "default": {} }] });
    for (text, expected) in [
        ("{".to_owned(), "schema is no JSON: "),
        (json!({ "type": "record", "name": "R", "fields": [{ "name": "a", "type": "Nowhere" }] })
            .to_string(), "schema is no Avro schema: "),
        (field(json!("int"), json!("x")),
            "R.f has a default that does not fit: $ is the text \"x\": expected a whole number"),
        (endless.to_string(), "R.f has a default that does not fit: $.f.f"),
    ] {
        let error = AvroSchema::parse(&text).unwrap_err();
        assert_eq!(error.kind(), AvroErrorKind::Schema);
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    assert!(AvroSchema::parse("string").is_ok());
    assert!(AvroSchema::parse(&field(json!(["null", "string"]), json!("x"))).is_ok());
}

#[test]
fn defaults_that_multiply_are_refused_and_do_not_hang() {
    let mut fields = vec![json!({ "type": "record", "name": "R0", "fields": [] })];
    for level in 1..60 {
        let name = format!("R{}", level - 1);
        fields.push(json!({ "type": "record", "name": format!("R{level}"), "fields": [
            { "name": "a", "type": name, "default": {} },
            { "name": "b", "type": name, "default": {} }] }));
    }
    let error = AvroSchema::parse(&Value::from(fields).to_string()).unwrap_err();
    assert!(error.to_string().contains("has too many values in it"), "{error}");
}
