//! Defaults, problems, and the order of properties.

use milena::config::{ConsumerConfig, ProducerConfig};
use serde_json::{Value, json};

use super::*;

fn servers() -> Vec<String> {
    vec!["a:9092".to_owned(), "b:9092".to_owned()]
}

fn producer(value: &Value) -> ProducerConfiguration {
    ProducerConfiguration::from_json(value).unwrap()
}

fn consumer(value: &Value) -> ConsumerConfiguration {
    ConsumerConfiguration::from_json(value).unwrap()
}

#[test]
fn a_producer_without_fields_has_the_modules_defaults() {
    let properties =
        ProducerConfiguration::default().client_properties(&servers(), &Connection::default());
    assert_eq!(
        properties.to_string(),
        "bootstrap.servers = a:9092,b:9092 (configuration)\n\
         acks = 1 (configuration)\n\
         compression.type = none (configuration)\n\
         enable.idempotence = false (configuration)\n\
         key.serializer = org.apache.kafka.common.serialization.ByteArraySerializer (connector)\n\
         value.serializer = org.apache.kafka.common.serialization.ByteArraySerializer (connector)\n\
         security.protocol = PLAINTEXT (configuration)\n"
    );
    let config = ProducerConfig::from_properties(properties.pairs()).unwrap();
    assert!(config.warnings().is_empty(), "{}", config.warnings());
}

/// What a producer with all fields sets.
const ALL: &str = "\
        bootstrap.servers = a:9092,b:9092 (configuration)\n\
        acks = all (configuration)\n\
        compression.type = gzip (configuration)\n\
        client.id = basic (configuration)\n\
        metrics.recording.level = INFO (configuration)\n\
        partitioner.class = P (configuration)\n\
        interceptor.classes = I (configuration)\n\
        transactional.id = t (configuration)\n\
        buffer.memory = 1 (configuration)\n\
        retries = 3 (configuration)\n\
        batch.size = 2 (configuration)\n\
        send.buffer.bytes = 4 (configuration)\n\
        receive.buffer.bytes = 5 (configuration)\n\
        max.request.size = 6 (configuration)\n\
        metrics.num.samples = 7 (configuration)\n\
        max.in.flight.requests.per.connection = 8 (configuration)\n\
        linger.ms = 1 (configuration)\n\
        reconnect.backoff.ms = 1000 (configuration)\n\
        reconnect.backoff.max.ms = 1500 (configuration)\n\
        retry.backoff.ms = 100 (configuration)\n\
        max.block.ms = 5000 (configuration)\n\
        request.timeout.ms = 10000 (configuration)\n\
        metadata.max.age.ms = 300000 (configuration)\n\
        metrics.sample.window.ms = 30000 (configuration)\n\
        connections.max.idle.ms = 540000 (configuration)\n\
        transaction.timeout.ms = 60000 (configuration)\n\
        enable.idempotence = true (configuration)\n\
        key.serializer = org.apache.kafka.common.serialization.ByteArraySerializer (connector)\n\
        value.serializer = org.apache.kafka.common.serialization.ByteArraySerializer (connector)\n\
        security.protocol = SASL_SSL (configuration)\n\
        ssl.truststore.location = trust.p12 (credentials)\n\
        ssl.truststore.password = ******** (credentials)\n\
        ssl.keystore.location = key.p12 (credentials)\n\
        ssl.keystore.password = ******** (credentials)\n\
        ssl.key.password = ******** (credentials)\n\
        ssl.protocol = TLS (credentials)\n\
        ssl.enabled.protocols = TLSv1.3,TLSv1.2 (credentials)\n\
        sasl.mechanism = PLAIN (credentials)\n\
        sasl.jaas.config = ******** (credentials)\n\
        linger.ms = 9 (additional properties)\n";

#[test]
fn a_producer_with_all_fields_sets_exactly_these_properties_in_this_order() {
    let configuration = producer(&serde_json::from_str(r#"{
        "acks": "all", "compressionType": "gzip", "clientId": "basic", "metricsRecordingLevel": "INFO",
        "metricReporterClasses": "", "partitionerClass": "P", "interceptorClasses": "I",
        "transactionalId": "t", "schemaRegistryUrl": "http://r", "avroSchema": "{}", "keySchema": "{}",
        "valueSchema": "{}", "schemaRegistryConfig": { "baseUrl": "http://r" },
        "keySerializerType": "SER_BYTE_ARRAY", "valueSerializerType": "SER_BYTE_ARRAY",
        "bufferMemory": 1, "retryCount": 3, "batchSize": 2, "sendBuffer": 4, "receiveBuffer": 5,
        "maxRequestSize": 6, "metricsNumSamples": 7, "maxInFlightRequestsPerConnection": 8,
        "linger": 0.0019, "reconnectBackoffTime": 1, "reconnectBackoffMaxTime": 1.5,
        "retryBackoffTime": 0.1, "maxBlock": 5, "requestTimeout": 10, "metadataMaxAge": 300,
        "metricsSampleWindow": 30, "connectionsMaxIdleTime": 540, "transactionTimeout": 60,
        "enableIdempotence": true, "securityProtocol": "SASL_SSL",
        "secureSocket": {
            "cert": { "path": "trust.p12", "password": "hush" },
            "key": { "keyStore": { "path": "key.p12", "password": "hush" }, "keyPassword": "hush" },
            "protocol": { "name": "TLS", "versions": ["TLSv1.3", "TLSv1.2"] },
            "ciphers": ["X"], "provider": "Y"
        },
        "auth": { "username": "alice", "password": "hu\"sh" },
        "additionalProperties": { "linger.ms": "9" }
    }"#).unwrap());
    let properties = configuration.client_properties(&servers(), &Connection::default());
    assert_eq!(properties.to_string(), ALL);
    assert_eq!(
        properties.value("sasl.jaas.config"),
        Some(
            "org.apache.kafka.common.security.plain.PlainLoginModule required \
             username=\"alice\" password=\"hu\\\"sh\";"
        )
    );
    let shown = format!("{configuration:?}");
    assert!(!shown.contains("hush") && !shown.contains("hu\\\"sh"), "{shown}");
}

#[test]
fn a_consumer_sets_exactly_these_properties_in_this_order() {
    let properties = consumer(&json!({ "groupId": "g", "topics": "t" }))
        .client_properties(&servers(), &Connection::default());
    let own = "bootstrap.servers = a:9092,b:9092 (configuration)\n\
               group.id = g (configuration)\n\
               enable.auto.commit = true (configuration)\n\
               key.deserializer = org.apache.kafka.common.serialization.ByteArrayDeserializer (connector)\n\
               value.deserializer = org.apache.kafka.common.serialization.ByteArrayDeserializer (connector)\n\
               security.protocol = PLAINTEXT (configuration)\n";
    assert_eq!(properties.to_string(), own);
    let config = ConsumerConfig::from_properties(properties.pairs()).unwrap();
    assert!(config.warnings().is_empty(), "{}", config.warnings());

    let properties = consumer(&serde_json::from_str(r#"{
        "groupId": "g", "topics": ["t", "u"], "offsetReset": "earliest", "clientId": "c",
        "isolationLevel": "read_committed", "sessionTimeout": 45, "heartBeatInterval": 3,
        "metadataMaxAge": 300, "autoCommitInterval": 5, "maxPartitionFetchBytes": 1, "sendBuffer": 2,
        "receiveBuffer": 3, "fetchMinBytes": 4, "fetchMaxBytes": 5, "fetchMaxWaitTime": 0.5,
        "reconnectBackoffTime": 0.05, "reconnectBackoffTimeMax": 1, "retryBackoff": 0.1,
        "metricsSampleWindow": 30, "metricsNumSamples": 2, "requestTimeout": 30,
        "connectionMaxIdleTime": 540, "maxPollRecords": 500, "maxPollInterval": 300000,
        "defaultApiTimeout": 60, "autoCommit": false, "checkCRCS": false,
        "excludeInternalTopics": false, "securityProtocol": "SASL_PLAINTEXT",
        "auth": { "mechanism": "SCRAM-SHA-256", "username": "alice", "password": "x" },
        "additionalProperties": { "enable.auto.commit": "true" }
    }"#).unwrap());
    assert!(properties.commits_itself(), "the additional property decides");
    let properties = properties.client_properties(&servers(), &Connection::default());
    let names: Vec<String> =
        properties.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
    let expected = [
        "bootstrap.servers=a:9092,b:9092",
        "group.id=g",
        "auto.offset.reset=earliest",
        "client.id=c",
        "isolation.level=read_committed",
        "session.timeout.ms=45000",
        "heartbeat.interval.ms=3000",
        "metadata.max.age.ms=300000",
        "auto.commit.interval.ms=5000",
        "max.partition.fetch.bytes=1",
        "send.buffer.bytes=2",
        "receive.buffer.bytes=3",
        "fetch.min.bytes=4",
        "fetch.max.bytes=5",
        "fetch.max.wait.ms=500",
        "reconnect.backoff.ms=50",
        "reconnect.backoff.max.ms=1000",
        "retry.backoff.ms=100",
        "metrics.sample.window.ms=30000",
        "metrics.num.samples=2",
        "request.timeout.ms=30000",
        "connections.max.idle.ms=540000",
        "max.poll.records=500",
        "max.poll.interval.ms=300000",
        "default.api.timeout.ms=60000",
        "enable.auto.commit=false",
        "check.crcs=false",
        "exclude.internal.topics=false",
        "key.deserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer",
        "value.deserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer",
        "security.protocol=SASL_PLAINTEXT",
        "sasl.mechanism=SCRAM-SHA-256",
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"alice\" password=\"x\";",
        "enable.auto.commit=true",
    ];
    assert_eq!(names, expected);
}

#[test]
fn an_embedded_broker_needs_no_security() {
    let mut connection = Connection::anonymous(vec!["c:1".to_owned()], "x");
    connection.is_embedded = true;
    let configuration = consumer(&json!({
        "groupId": "g", "securityProtocol": "SASL_SSL",
        "auth": { "username": "alice", "password": "x" },
        "secureSocket": { "cert": "ca.pem" },
    }));
    let properties = configuration.client_properties(&servers(), &connection);
    assert_eq!(properties.value("bootstrap.servers"), Some("c:1"));
    assert!(properties.iter().all(|one| connection.keeps(&one.name)), "{properties}");
}

#[test]
fn files_of_pem_are_read_and_their_texts_are_the_properties() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let configuration = producer(&json!({
        "securityProtocol": "SSL",
        "secureSocket": {
            "cert": path("ca"),
            "key": { "certFile": path("cert"), "keyFile": path("key"), "keyPassword": "hush" },
        },
    }));
    configuration.secure_socket.as_ref().unwrap().check().unwrap();
    let properties = configuration.client_properties(&servers(), &Connection::default());
    let set: Vec<_> = properties
        .iter()
        .filter(|one| one.name.starts_with("ssl."))
        .map(|one| (one.name.as_str(), one.value.as_str()))
        .collect();
    assert_eq!(
        set,
        [
            ("ssl.truststore.certificates", "ca"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.keystore.certificate.chain", "cert"),
            ("ssl.keystore.key", "key"),
            ("ssl.keystore.type", "PEM"),
            ("ssl.key.password", "hush"),
        ]
    );
    std::fs::remove_file(folder.path().join("key")).unwrap();
    let error = configuration.secure_socket.unwrap().check().unwrap_err();
    assert!(error.starts_with("Error reading private key file : "), "{error}");
}

#[test]
fn every_problem_is_told_at_once() {
    let problems = ProducerConfiguration::from_json(&json!({
        "acks": "2", "linger": "soon", "clientID": "x",
        "auth": { "mechanism": "OAUTHBEARER", "password": 7 },
        "secureSocket": { "cert": { "path": "x" }, "key": { "certFile": "x" } },
    }))
    .unwrap_err()
    .to_string();
    for part in [
        "config.acks is the text \"2\": expected one of all, 0, 1",
        "config.linger is the text \"soon\": expected a number",
        "config.clientID is not known here: did you mean `clientId`?",
        "config.auth.mechanism is the text \"OAUTHBEARER\"",
        "config.auth.password is a number: expected a text",
        "config.auth.username is missing",
        "config.secureSocket.cert is neither: expected the path of a PEM file",
        "config.secureSocket.key has neither keyStore, nor certFile and keyFile",
    ] {
        assert!(problems.contains(part), "{part}\n{problems}");
    }
    let avro = json!({ "valueSerializerType": "SER_AVRO", "keySerializerType": "SER_AVRO",
        "keySchema": "{}" });
    let problems = ProducerConfiguration::from_json(&avro).unwrap_err().to_string();
    for part in [
        "config.keySchema is no Avro schema: ",
        "config.valueSchema is missing: expected an Avro schema, as the serializer is SER_AVRO",
        "config.schemaRegistryConfig has no baseUrl: expected one such as http://localhost:8081",
    ] {
        assert!(problems.contains(part), "{part}\n{problems}");
    }
    let problems = ConsumerConfiguration::from_json(&json!({ "keyDeserializerType": "DES_AVRO" }))
        .unwrap_err();
    let expected = "config.schemaRegistryConfig has no baseUrl";
    assert!(problems.to_string().starts_with(expected), "{problems}");
}
