//! The module in flows: `send` and `listener`.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use milena::{ConsumerRecord, metrics::Snapshot};
use serde_json::{Map, Value};

use super::{
    ConsumerConfiguration, Data, Error, HeaderValue, PartitionOffset, Producer,
    ProducerConfiguration, ProducerRecord, RecordMetadata,
};
use crate::{
    connection::Connection,
    connector::{
        Action, ActionConfiguration, ActionError, ActionKind, BoxFuture, Connector, Delivered,
        Delivery, Trigger, TriggerConfiguration, TriggerKind,
    },
    describe::Part,
    settings::{ClientProperties, Field, FieldKind, Node, Origin, Problems, TableReader},
    subscription::{Reaction, Reading, Subscription},
};

const BOOTSTRAP_SERVERS: &str = "bootstrapServers";
const VALUE_TYPE: &str = "valueType";

const SERVERS_FIELD: Field = Field::optional(
    BOOTSTRAP_SERVERS,
    BOOTSTRAP_SERVERS,
    FieldKind::TextOrList,
    "host:port of one broker or more, the constructor's first argument; without it the flow's brokers",
);

const VALUE_TYPE_FIELD: Field = Field::optional(
    VALUE_TYPE,
    VALUE_TYPE,
    FieldKind::Choice(&["text", "bytes"]),
    "whether keys and values are given as texts or as lists of bytes",
)
.default("text");

const SEND_COUNT: usize = ProducerConfiguration::FIELDS.len() + 1;
const LISTENER_COUNT: usize = ConsumerConfiguration::FIELDS.len() + 2;

const SEND: &[Field] = &join::<SEND_COUNT>(&[SERVERS_FIELD], ProducerConfiguration::FIELDS);
const LISTENER: &[Field] =
    &join::<LISTENER_COUNT>(&[SERVERS_FIELD, VALUE_TYPE_FIELD], ConsumerConfiguration::FIELDS);

const fn join<const COUNT: usize>(first: &[Field], others: &[Field]) -> [Field; COUNT] {
    let mut fields = [SERVERS_FIELD; COUNT];
    let mut index = 0;
    while index < COUNT {
        fields[index] =
            if index < first.len() { first[index] } else { others[index - first.len()] };
        index += 1;
    }
    fields
}

pub(crate) static CONNECTOR: Connector = Connector {
    name: super::NAME,
    title: "Ballerina kafka module",
    doc: "Sends records with a Producer's configuration, receives them with a Listener's.",
    shared: &[],
    actions: &[ActionKind {
        part: Part::new(
            "send",
            "config of a step with action = \"send\"",
            SEND,
            r#"{"clientId":"basic-producer","acks":"all","retryCount":3}"#,
        ),
        input: r#"{"topic":"test-kafka-topic","key":"my-key","value":"Hello World, Ballerina"}"#,
        read: |node, path, problems| {
            Some(Arc::new(SendConfiguration::read(node, path, problems)?) as _)
        },
    }],
    triggers: &[TriggerKind {
        part: Part::new(
            "listener",
            "config of a step with trigger = \"listener\"",
            LISTENER,
            r#"{"groupId":"group-id","offsetReset":"earliest","topics":["kafka-topic"]}"#,
        ),
        read: |node, path, problems| {
            Some(Arc::new(ListenerConfiguration::read(node, path, problems)?) as _)
        },
    }],
};

/// The configuration of the action.
#[derive(Debug)]
struct SendConfiguration {
    servers: Vec<String>,
    producer: ProducerConfiguration,
}

impl SendConfiguration {
    fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, SEND, problems)?;
        let servers = reader.texts(BOOTSTRAP_SERVERS).unwrap_or_default();
        let producer = ProducerConfiguration::read_all(&mut reader);
        reader.refuse("transactionalId", "an action has no transactions");
        reader.finish();
        Some(Self { servers, producer: producer? })
    }
}

impl ActionConfiguration for SendConfiguration {
    fn open(&self, connection: &Connection) -> Result<Box<dyn Action>, milena::Error> {
        let producer = Producer::with(&self.client_properties(connection))?;
        Ok(Box::new(Send(Arc::new(producer))))
    }

    fn topic(&self) -> &'static str {
        "of each record"
    }

    fn has_brokers(&self) -> bool {
        !self.servers.is_empty()
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        self.producer.client_properties(&self.servers, connection)
    }
}

/// The action: takes records, and gives where each is.
#[derive(Debug)]
struct Send(Arc<Producer>);

impl Action for Send {
    fn submit(&self, input: Value) -> BoxFuture<'_, Result<Delivery, ActionError>> {
        async move {
            let record = read_record(input).map_err(ActionError::input)?;
            let delivery = self.0.begin(&record).await.map_err(failed)?;
            let producer = Arc::clone(&self.0);
            let answer = async move {
                let metadata = delivery.await.map_err(|error| failed(producer.sent(error)))?;
                let outputs = vec![RecordMetadata::of(&metadata).to_json()];
                let mut delivered = Delivered { outputs, ..Delivered::default() };
                delivered.handle_written(&metadata);
                Ok(delivered)
            };
            Ok(answer.boxed())
        }
        .boxed()
    }

    fn close(&self, within: Duration) -> BoxFuture<'_, Result<(), milena::Error>> {
        self.0.close_within(within).boxed()
    }

    fn metrics(&self) -> Option<Snapshot> {
        Some(self.0.metrics())
    }
}

fn failed(error: Error) -> ActionError {
    let message = error.to_string();
    ActionError { message, delivered: Delivered::default(), source: error.into_client() }
}

const RECORD: &[Field] = &[
    Field::required("topic", "topic", FieldKind::Text, "where to send"),
    Field::optional("key", "key", FieldKind::Json, "which records belong together"),
    Field::optional("value", "value", FieldKind::Json, "the content"),
    Field::optional(
        "timestamp",
        "timestamp",
        FieldKind::Integer(0, i64::MAX),
        "milliseconds since 1970",
    ),
    Field::optional(
        "partition",
        "partition",
        FieldKind::Integer(0, i32::MAX as i64),
        "the partition's number",
    ),
    Field::optional("headers", "headers", FieldKind::JsonTable, "texts and lists of texts"),
];

/// Reads a `ProducerRecord`: a text is sent as it is, anything else as its JSON.
fn read_record(input: Value) -> Result<ProducerRecord, Problems> {
    let mut problems = Problems::default();
    let node = Node::from_json(&input);
    let record = (|| {
        let mut reader = TableReader::new(&node, "record", RECORD, &mut problems)?;
        let topic = reader.text("topic");
        let (timestamp, partition) = (reader.integer("timestamp"), reader.integer("partition"));
        let headers = reader.json_table("headers").map(|table| read_headers(&mut reader, table));
        if !reader.has("value") {
            reader.problem("value", "is missing: expected the content");
        }
        reader.finish();
        // The input itself has the numbers as they were written.
        let Value::Object(mut fields) = input else { return None };
        let mut record = ProducerRecord::new(topic?, fields.remove("value")?);
        record.key = fields.remove("key").filter(|key| !key.is_null()).map(Data::from);
        record.timestamp = timestamp;
        record.partition = partition.and_then(|number| i32::try_from(number).ok());
        record.headers = headers.unwrap_or_default();
        Some(record)
    })();
    problems.or(record)
}

fn read_headers(
    reader: &mut TableReader<'_, '_>,
    table: Map<String, Value>,
) -> Vec<(String, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, value) in table {
        let value = match value {
            Value::String(text) => Some(HeaderValue::Text(text)),
            Value::Array(items) => {
                let texts = items.into_iter().map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                });
                texts.collect::<Option<Vec<_>>>().map(HeaderValue::Texts)
            }
            _ => None,
        };
        match value {
            Some(value) => headers.push((name, value)),
            None => reader.problem(
                "headers",
                format_args!("has {name:?}, which is no text: expected a text or a list of texts"),
            ),
        }
    }
    headers
}

/// The configuration of the trigger.
#[derive(Debug)]
struct ListenerConfiguration {
    servers: Vec<String>,
    consumer: ConsumerConfiguration,
    topic: String,
    is_text: bool,
}

impl ListenerConfiguration {
    fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, LISTENER, problems)?;
        let servers = reader.texts(BOOTSTRAP_SERVERS).unwrap_or_default();
        let is_text = reader.text(VALUE_TYPE).is_none_or(|kind| kind == "text");
        let consumer = ConsumerConfiguration::read_all(&mut reader);
        let topic = consumer.as_ref().and_then(|consumer| match consumer.topics.as_slice() {
            [topic] => Some(topic.clone()),
            _ => None,
        });
        if topic.is_none() {
            reader
                .problem("topics", "is not one topic, which is what a trigger reads: expected one");
        }
        if consumer.as_ref().is_some_and(|consumer| consumer.group_id.is_none()) {
            let why =
                "is missing: The groupId of the consumer must be set to subscribe to the topics";
            reader.problem("groupId", why);
        }
        reader.finish();
        Some(Self { servers, consumer: consumer?, topic: topic?, is_text })
    }
}

impl TriggerConfiguration for ListenerConfiguration {
    fn open(&self, connection: &Connection) -> Result<Box<dyn Trigger>, milena::Error> {
        let properties = self.client_properties(connection);
        let reading = AsRecord { is_text: self.is_text };
        Ok(Box::new(Subscription::new(&properties, &self.topic, None, reading)?))
    }

    fn topic(&self) -> &str {
        &self.topic
    }

    fn has_brokers(&self) -> bool {
        !self.servers.is_empty()
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        let mut properties = self.consumer.client_properties(&self.servers, connection);
        // What was accepted is committed by whoever runs the flow.
        properties.set_all(Origin::Connector, &[("enable.auto.commit", "false")]);
        properties
    }
}

/// Records become JSON with the module's names.
struct AsRecord {
    is_text: bool,
}

impl Reading for AsRecord {
    fn read(&self, record: &ConsumerRecord<'_>) -> Reaction {
        Reaction::Emit(output(record, self.is_text))
    }
}

/// A record as JSON, with the module's names.
fn output(record: &ConsumerRecord<'_>, is_text: bool) -> Value {
    let content = |bytes: &[u8]| {
        if is_text { String::from_utf8_lossy(bytes).into() } else { Value::from(bytes.to_vec()) }
    };
    let mut json = Map::new();
    if let Some(key) = record.key {
        json.insert("key".to_owned(), content(key));
    }
    json.insert("value".to_owned(), record.value.map_or(Value::Null, content));
    json.insert("timestamp".to_owned(), record.timestamp.into());
    let offset = PartitionOffset::new(record.topic, record.partition, record.offset);
    json.insert("offset".to_owned(), offset.to_json());
    let headers = super::Headers::of(&record.to_owned());
    let headers = headers.read(&[super::HeaderType::Text, super::HeaderType::Texts]);
    let headers = headers.into_iter().map(|(name, value)| match value {
        HeaderValue::Texts(texts) => (name, Value::from(texts)),
        other => {
            let first = other.parts().first().copied().unwrap_or_default().to_vec();
            (name, String::from_utf8_lossy(&first).into())
        }
    });
    json.insert("headers".to_owned(), Value::Object(headers.collect()));
    Value::Object(json)
}

#[cfg(test)]
mod tests {
    use milena_broker::Broker;
    use serde_json::json;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn open(broker: &Broker) -> (Box<dyn Action>, Box<dyn Trigger>) {
        let connection = Connection::anonymous(vec![broker.bootstrap_servers()], "test");
        let mut problems = Problems::default();
        let node = |value: Value| Node::from_json(&value);
        let send = (CONNECTOR.actions[0].read)(&node(json!({})), "config", &mut problems);
        let fields = json!({ "groupId": "g", "topics": "t", "offsetReset": "earliest" });
        let listen = (CONNECTOR.triggers[0].read)(&node(fields), "config", &mut problems);
        assert!(problems.is_empty(), "{problems}");
        (send.unwrap().open(&connection).unwrap(), listen.unwrap().open(&connection).unwrap())
    }

    #[tokio::test]
    async fn records_are_sent_and_come_back_in_the_modules_shape() {
        let broker = Broker::builder().topic("t", 1).start().await.unwrap();
        let (send, mut trigger) = open(&broker);
        let record = json!({
            "topic": "t", "key": "k", "value": { "n": 1.5 }, "timestamp": 17, "partition": 0,
            "headers": { "a": "1", "b": ["2", "3"] },
        });
        let delivered = send.submit(record).await.unwrap().await.unwrap();
        assert_eq!(
            delivered.outputs[0].to_string(),
            r#"{"offset":0,"timestamp":17,"serializedKeySize":1,"serializedValueSize":9,"topic":"t","partition":0}"#
        );
        trigger.start().await.unwrap();
        let mut emissions = Vec::new();
        while emissions.is_empty() {
            emissions = trigger.next(PATIENCE).await.unwrap();
        }
        assert_eq!(
            emissions[0].output.to_string(),
            r#"{"key":"k","value":"{\"n\":1.5}","timestamp":17,"offset":{"partition":{"topic":"t","partition":0},"offset":0},"headers":{"a":"1","b":["2","3"]}}"#
        );
        trigger.close(PATIENCE).await.unwrap();
        send.close(PATIENCE).await.unwrap();
    }

    #[test]
    fn inputs_and_configurations_tell_every_problem() {
        let error = read_record(json!({ "topc": "t", "partition": -1, "headers": { "a": 7 } }));
        assert_eq!(
            error.unwrap_err().to_string(),
            "5 problems: \
             (1) record.partition is the number -1: expected a whole number from 0 to 2147483647, \
             the partition's number; \
             (2) record.headers has \"a\", which is no text: expected a text or a list of texts; \
             (3) record.value is missing: expected the content; \
             (4) record.topc is not known here: did you mean `topic`?; \
             (5) record.topic is missing: expected a text, where to send"
        );
        let mut problems = Problems::default();
        let node = Node::from_json(&json!({ "topics": ["a", "b"] }));
        assert!(ListenerConfiguration::read(&node, "config", &mut problems).is_none());
        let problems = problems.to_string();
        assert!(problems.contains("config.topics is not one topic"), "{problems}");
        assert!(problems.contains("config.groupId is missing"), "{problems}");
        let mut problems = Problems::default();
        let node = Node::from_json(&json!({ "transactionalId": "t", "enableIdempotence": true }));
        let _ = SendConfiguration::read(&node, "config", &mut problems);
        let expected = "config.transactionalId does not belong here: an action has no transactions";
        assert_eq!(problems.to_string(), expected);
    }

    #[test]
    fn a_flows_commits_are_its_own() {
        let mut problems = Problems::default();
        let node = Node::from_json(&json!({
            "groupId": "g", "topics": "t",
            "additionalProperties": { "enable.auto.commit": "true" },
        }));
        let listen = ListenerConfiguration::read(&node, "config", &mut problems).unwrap();
        let properties = listen.client_properties(&Connection::default());
        assert_eq!(properties.value("enable.auto.commit"), Some("false"));
    }
}
