//! The reader over every kind of field, from JSON and from TOML.

use serde_json::{Map, Value, json};

use super::{Field, FieldKind, Node, Problems, TableReader};

const INNER: &[Field] = &[
    Field::required("topicName", "Topic", FieldKind::Text, "the topic"),
    Field::optional("partition", "Partition", FieldKind::Integer(0, 9), "the partition"),
];

const FIELDS: &[Field] = &[
    Field::optional("name", "Name", FieldKind::Text, "the name").default("nobody"),
    Field::optional("group", "Group", FieldKind::AnyText, "the group"),
    Field::optional("acks", "Acks", FieldKind::Choice(&["all", "-1", "1"]), "who").default("all"),
    Field::optional("retries", "Retries", FieldKind::Integer(0, i64::MAX), "how often")
        .default("7"),
    Field::optional("headers", "Headers", FieldKind::Boolean, "whether").default("true"),
    Field::optional("offsets", "Offsets", FieldKind::Integers(0, 100), "where to begin"),
    Field::optional("linger", "Linger", FieldKind::Decimal(0, 10), "seconds").default("0.5"),
    Field::optional("rate", "Rate", FieldKind::Decimal(-1, 1), "a rate"),
    Field::optional("topics", "Topics", FieldKind::TextOrList, "the topics"),
    Field::optional("texts", "Texts", FieldKind::Texts, "names and texts"),
    Field::optional("value", "Value", FieldKind::Json, "the value"),
    Field::optional("values", "Values", FieldKind::JsonTable, "the values"),
    Field::optional("topic", "Topic", FieldKind::Record(INNER), "of the topic"),
    Field::optional("places", "Places", FieldKind::Records(INNER), "of the topics"),
    Field::optional("password", "Password", FieldKind::Integer(0, 9), "a number").secret(),
];

#[derive(Debug, PartialEq)]
struct Everything {
    name: Option<String>,
    group: Option<String>,
    acks: Option<String>,
    retries: Option<i64>,
    headers: Option<bool>,
    offsets: Option<Vec<i64>>,
    linger: Option<i64>,
    rate: Option<f64>,
    topics: Option<Vec<String>>,
    texts: Option<Vec<(String, String)>>,
    value: Option<Value>,
    values: Option<Map<String, Value>>,
    topic: Option<(String, Option<i64>)>,
    places: Option<Vec<(String, Option<i64>)>>,
}

fn read_inner(reader: &mut TableReader<'_, '_>) -> Option<(String, Option<i64>)> {
    let topic = reader.text("topicName");
    let partition = reader.integer("partition");
    Some((topic?, partition))
}

fn read(node: &Node, coerces: bool) -> Result<Everything, Problems> {
    let mut problems = Problems::default();
    let mut reader = TableReader::new(node, "config", FIELDS, &mut problems).unwrap();
    if coerces {
        reader = reader.coercing();
    }
    let everything = Everything {
        name: reader.text("name"),
        group: reader.text("group"),
        acks: reader.text("acks"),
        retries: reader.integer("retries"),
        headers: reader.boolean("headers"),
        offsets: reader.integers("offsets"),
        linger: reader.milliseconds("linger"),
        rate: reader.decimal("rate"),
        topics: reader.texts("topics"),
        texts: reader.text_table("texts"),
        value: reader.json("value"),
        values: reader.json_table("values"),
        topic: reader.record("topic", read_inner),
        places: reader.records("places", read_inner),
    };
    reader.integer("password");
    reader.finish();
    problems.or(Some(everything))
}

fn json(value: &Value) -> Result<Everything, Problems> {
    read(&Node::from_json(value), false)
}

#[test]
fn defaults_count_where_a_field_is_absent_or_null() {
    let absent = json(&json!({})).unwrap();
    assert_eq!(absent.name.as_deref(), Some("nobody"));
    assert_eq!(absent.acks.as_deref(), Some("all"));
    assert_eq!((absent.retries, absent.headers, absent.linger), (Some(7), Some(true), Some(500)));
    assert_eq!((absent.rate, absent.value.as_ref(), absent.topic.as_ref()), (None, None, None));
    let nulls: Map<String, Value> =
        FIELDS.iter().map(|field| (field.name.to_owned(), Value::Null)).collect();
    assert_eq!(json(&Value::Object(nulls)).unwrap(), absent);
}

#[test]
fn json_and_toml_read_alike() {
    let from_json = json(&json!({
        "name": "ada", "group": "", "acks": "ALL", "retries": 5.0, "headers": false,
        "offsets": [1, 2], "linger": 1.0019, "rate": -0.25, "topics": "cars",
        "texts": { "a": "x", "b": 2, "c": true }, "value": [1, { "x": 1.5 }],
        "values": { "k": null, "l": 9_007_199_254_740_993_i64 },
        "topic": { "topicName": "cars" }, "places": [{ "topicName": "a", "partition": 9 }],
    }))
    .unwrap();
    let toml = r#"
        name = "ada"
        group = ""
        acks = "ALL"
        retries = 5.0
        headers = false
        offsets = [1, 2]
        linger = 1.0019
        rate = -0.25
        topics = ["cars"]
        texts = { a = "x", b = 2, c = true }
        value = [1, { x = 1.5 }]
        values = { l = 9007199254740993 }
        topic.topicName = "cars"
        [[places]]
        topicName = "a"
        partition = 9
    "#;
    let mut from_toml = read(&Node::from_toml(toml).unwrap(), false).unwrap();
    assert_eq!(from_json.linger, Some(1001));
    assert_eq!(from_json.group.as_deref(), Some(""));
    // TOML has no null.
    from_toml.values.as_mut().unwrap().insert("k".to_owned(), Value::Null);
    assert_eq!(from_toml, from_json);
}

#[test]
fn all_problems_are_told_at_once_with_their_paths() {
    let problems = json(&json!({
        "name": 5, "acks": "two", "retries": -1, "headers": "yes", "offsets": [1, 101],
        "linger": 10.5, "rate": "fast", "topics": [1], "texts": { "a": [] }, "values": [],
        "topic": { "topicname": "cars" }, "places": [{ "topicName": "a", "partition": 10 }, {}],
        "password": 4711, "retires": 3,
    }))
    .unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "config.name is the number 5: expected a text, the name",
            "config.acks is the text \"two\": expected one of all, -1, 1, who",
            "config.retries is the number -1: expected a whole number from 0, how often",
            "config.headers is the text \"yes\": expected true or false, whether",
            "config.offsets is a list: expected a list of whole numbers from 0 to 100, where to \
             begin",
            "config.linger is 10.5: expected a number from 0 to 10, seconds",
            "config.rate is the text \"fast\": expected a number from -1 to 1, a rate",
            "config.topics is a list: expected a text or a list of texts, the topics",
            "config.texts.a is a list: expected a text",
            "config.values is a list: expected a table of names and values, the values",
            "config.topic.topicname is not known here: did you mean `topicName`?",
            "config.topic.topicName is missing: expected a text, the topic",
            "config.places[0].partition is the number 10: expected a whole number from 0 to 9, the \
             partition",
            "config.places[1].topicName is missing: expected a text, the topic",
            "config.password is a number: expected a whole number from 0 to 9, a number",
            "config.retires is not known here: did you mean `retries`?",
        ]
    );
}

#[test]
fn a_coercing_reader_takes_texts_for_numbers_and_numbers_for_texts() {
    let value = json!({
        "name": 5, "acks": -1, "retries": " 3 ", "headers": "FALSE", "offsets": ["1", 2],
        "linger": "0.25", "rate": "", "topics": [1, "b"],
        "topic": { "topicName": true, "partition": "4" },
    });
    let read = |coerces| read(&Node::from_json(&value), coerces);
    let everything = read(true).unwrap();
    assert_eq!((everything.name.as_deref(), everything.acks.as_deref()), (Some("5"), Some("-1")));
    assert_eq!((everything.retries, everything.headers), (Some(3), Some(false)));
    assert_eq!((everything.linger, everything.rate), (Some(250), None));
    assert_eq!(everything.topics.unwrap(), ["1", "b"]);
    assert_eq!(everything.offsets.unwrap(), [1, 2]);
    assert_eq!(everything.topic, Some(("true".to_owned(), Some(4))));
    assert_eq!(read(false).unwrap_err().iter().count(), 10);
}

#[test]
fn what_a_secret_was_put_into_is_described_by_its_kind_alone() {
    let mut node = Node::from_json(&json!("hush"));
    node.is_secret = true;
    assert_eq!(node.describe(), "a text");
    assert!(!format!("{node:?}").contains("hush"));
}
