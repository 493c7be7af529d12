//! The same bytes as apache-avro, and the same values out of its bytes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{AvroOptions, AvroSchema};

/// A type and a value of it, as it comes back out of bytes. Named types have random names.
fn typed_value() -> impl Strategy<Value = (Value, Value)> {
    let decimal = json!({ "type": "bytes", "logicalType": "decimal", "precision": 21, "scale": 2 });
    let date = json!({ "type": "int", "logicalType": "date" });
    let leaf = prop_oneof![
        Just((json!("null"), json!(null))),
        any::<bool>().prop_map(|flag| (json!("boolean"), json!(flag))),
        any::<i32>().prop_map(|int| (json!("int"), json!(int))),
        any::<i64>().prop_map(|long| (json!("long"), json!(long))),
        (-1e30_f64..1e30).prop_map(|double| (json!("double"), json!(double))),
        any::<i16>().prop_map(|int| (json!("float"), json!(f64::from(int) / 8.0))),
        ".{0,8}".prop_map(|text| (json!("string"), json!(text))),
        proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            (json!("bytes"), json!(text))
        }),
        (any::<i64>(), 0..100_i64).prop_map(move |(whole, cents)| {
            (decimal.clone(), json!(format!("{whole}.{cents:02}")))
        }),
        (0..40_000_i64).prop_map(move |days| {
            let text = super::super::calendar::format_date(days);
            (date.clone(), json!(text))
        }),
        (any::<u32>(), 0..3_usize).prop_map(|(name, index)| {
            let symbols = ["A", "B", "C"];
            let name = format!("E{name}");
            (json!({ "type": "enum", "name": name, "symbols": symbols }), json!(symbols[index]))
        }),
        (any::<u32>(), any::<[u8; 3]>()).prop_map(|(name, bytes)| {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            (json!({ "type": "fixed", "name": format!("F{name}"), "size": 3 }), json!(text))
        }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0..3_usize).prop_map(|((kind, value), count)| {
                (json!({ "type": "array", "items": kind }), Value::from(vec![value; count]))
            }),
            (inner.clone(), "[a-z]{1,4}").prop_map(|((kind, value), name)| {
                (json!({ "type": "map", "values": kind }), json!({ name: value }))
            }),
            inner.clone().prop_filter_map("a union has null once", |(kind, value)| {
                let is_other = kind != json!("null") && !kind.is_array();
                is_other.then(|| (json!(["null", kind]), value))
            }),
            (any::<u32>(), proptest::collection::vec(inner, 0..4)).prop_map(|(name, fields)| {
                let mut map = serde_json::Map::new();
                let mut kinds = Vec::new();
                for (index, (kind, value)) in fields.into_iter().enumerate() {
                    let field = format!("f{index}");
                    kinds.push(json!({ "name": field, "type": kind }));
                    map.insert(field, value);
                }
                let name = format!("R{name}");
                (json!({ "type": "record", "name": name, "fields": kinds }), Value::Object(map))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn values_come_back_and_apache_avro_agrees((kind, value) in typed_value()) {
        let text = kind.to_string();
        let Ok(witness) = apache_avro::Schema::parse_str(&text) else {
            // Two types got one name.
            prop_assert!(AvroSchema::parse(&text).is_err());
            return Ok(());
        };
        let schema = AvroSchema::parse(&text).unwrap();
        let options = AvroOptions::default();
        let bytes = schema.encode(&value, options).unwrap();
        prop_assert_eq!(&schema.decode(&bytes, options).unwrap(), &value);

        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&witness).build().unwrap();
        let mut rest = bytes.as_slice();
        let theirs = reader.read_value(&mut rest).unwrap();
        prop_assert!(rest.is_empty());
        let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&witness).build().unwrap();
        let rewritten = writer.write_value_to_vec(theirs).unwrap();
        // Its decimals keep their length, ours are as short as they can be; both were read from ours.
        prop_assert_eq!(rewritten, bytes);
    }
}
