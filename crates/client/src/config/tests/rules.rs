//! Every rule about values and their combinations, through the door that users take.

use std::time::Duration;

use super::super::*;
use crate::error::ErrorKind;

const SERVERS: (&str, &str) = ("bootstrap.servers", "localhost:9092");

fn producer(properties: &[(&str, &str)]) -> Result<ProducerConfig, String> {
    let all = [&[SERVERS], properties].concat();
    ProducerConfig::from_properties(all).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    })
}

fn consumer(properties: &[(&str, &str)]) -> Result<ConsumerConfig, String> {
    let all = [&[SERVERS], properties].concat();
    ConsumerConfig::from_properties(all).map_err(|error| error.to_string())
}

fn admin(properties: &[(&str, &str)]) -> Result<AdminConfig, String> {
    let all = [&[SERVERS], properties].concat();
    AdminConfig::from_properties(all).map_err(|error| error.to_string())
}

fn warnings(warnings: &Warnings) -> Vec<&str> {
    warnings.iter().map(|warning| warning.property.as_str()).collect()
}

#[test]
fn defaults_are_kafkas_where_the_table_says_so() {
    let config = producer(&[]).unwrap();
    assert!(config.warnings().is_empty());
    assert_eq!(config.acks, Acks::All);
    assert!(config.enable_idempotence);
    assert_eq!(config.max_in_flight_requests_per_connection, 5);
    assert_eq!(config.retries, 2_147_483_647);
    assert_eq!(config.batch_size, 16_384);
    assert_eq!(config.linger, Duration::from_millis(5));
    assert_eq!(config.buffer_memory, 33_554_432);
    assert_eq!(config.max_block, Duration::from_secs(60));
    assert_eq!(config.delivery_timeout, Duration::from_secs(120));
    assert_eq!(config.max_request_size, 1_048_576);
    assert_eq!(config.compression_type, CompressionType::None);
    assert_eq!(config.client.client_id, "milena");
    assert_eq!(config.client.default_api_timeout, Duration::from_secs(60));
    assert_eq!(config.client.connections_max_idle, Some(Duration::from_secs(540)));
    assert_eq!(config.client.receive_buffer_bytes, None);
    assert!(config.client.allow_auto_create_topics);

    let config = consumer(&[]).unwrap();
    assert!(config.warnings().is_empty());
    assert_eq!(config.group_id, None);
    assert!(!config.enable_auto_commit, "there is no group to commit for");
    assert_eq!(config.auto_offset_reset, AutoOffsetReset::Latest);
    assert_eq!(
        config.partition_assignment_strategy,
        [Assignor::Range, Assignor::CooperativeSticky]
    );
    assert_eq!(config.session_timeout, Duration::from_secs(45));

    let config = admin(&[]).unwrap();
    assert_eq!(config.client.connections_max_idle, Some(Duration::from_secs(300)));
    assert_eq!(config.client.default_api_timeout, Duration::from_secs(60));
    assert!(!config.client.allow_auto_create_topics);
}

#[test]
fn texts_become_typed_values() {
    let config = producer(&[
        ("acks", "1"),
        ("enable.idempotence", "false"),
        ("compression.type", "zstd"),
        ("compression.zstd.level", "-7"),
        ("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"),
        ("connections.max.idle.ms", "-1"),
        ("send.buffer.bytes", "4096"),
        ("metadata.recovery.strategy", "none"),
    ])
    .unwrap();
    assert_eq!(config.acks, Acks::Leader);
    assert_eq!(config.compression_type, CompressionType::Zstd);
    assert_eq!(config.compression_zstd_level, -7);
    assert_eq!(config.partitioner_class, PartitionerClass::RoundRobin);
    assert_eq!(config.client.connections_max_idle, None);
    assert_eq!(config.client.send_buffer_bytes, Some(4096));
    assert_eq!(config.client.metadata_recovery_strategy, MetadataRecoveryStrategy::None);

    let config = consumer(&[
        ("group.id", "g"),
        ("group.instance.id", "i"),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "by_duration:PT1H"),
        (
            "partition.assignment.strategy",
            "org.apache.kafka.clients.consumer.StickyAssignor, roundrobin",
        ),
        ("client.rack", "r1"),
    ])
    .unwrap();
    assert_eq!(config.group_id(), Some("g"));
    assert!(config.enable_auto_commit);
    assert_eq!(config.group_instance_id.as_deref(), Some("i"));
    assert_eq!(config.isolation_level, IsolationLevel::ReadCommitted);
    assert_eq!(config.auto_offset_reset, AutoOffsetReset::ByDuration(Duration::from_secs(3600)));
    assert_eq!(config.partition_assignment_strategy, [Assignor::Sticky, Assignor::RoundRobin]);
    assert_eq!(config.client.client_rack.as_deref(), Some("r1"));
}

#[test]
fn builders_and_properties_give_the_same() {
    let built = ProducerConfig::builder("localhost:9092")
        .acks(Acks::None)
        .enable_idempotence(false)
        .linger(Duration::from_millis(20))
        .batch_size(1 << 20)
        .compression_type(CompressionType::Gzip)
        .compression_gzip_level(9)
        .partitioner_class(PartitionerClass::RoundRobin)
        .build()
        .unwrap();
    let read = producer(&[
        ("acks", "0"),
        ("enable.idempotence", "false"),
        ("linger.ms", "20"),
        ("batch.size", "1048576"),
        ("compression.type", "gzip"),
        ("compression.gzip.level", "9"),
        ("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"),
    ])
    .unwrap();
    assert_eq!(format!("{built:?}"), format!("{read:?}"));

    let built = ConsumerConfig::builder("localhost:9092")
        .group_id("g")
        .auto_offset_reset(AutoOffsetReset::ByDuration(Duration::from_millis(1500)))
        .partition_assignment_strategy(&[Assignor::Sticky])
        .fetch_max_bytes(1000)
        .isolation_level(IsolationLevel::ReadCommitted)
        .build()
        .unwrap();
    let read = consumer(&[
        ("group.id", "g"),
        ("auto.offset.reset", "by_duration:PT1.5S"),
        ("partition.assignment.strategy", "sticky"),
        ("fetch.max.bytes", "1000"),
        ("isolation.level", "read_committed"),
    ])
    .unwrap();
    assert_eq!(format!("{built:?}"), format!("{read:?}"));
}

#[test]
fn builders_check_ranges_too() {
    let error = ProducerConfig::builder("localhost:9092")
        .compression_zstd_level(23)
        .batch_size(usize::MAX)
        .metadata_max_idle(Duration::from_secs(1))
        .build()
        .unwrap_err()
        .to_string();
    for part in ["3 problems", "compression.zstd.level", "batch.size", "metadata.max.idle.ms"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn later_values_count() {
    let file = Properties::parse(b"linger.ms=1\nacks=all\nlinger.ms=2\n").unwrap();
    let config = ProducerConfig::builder("a:1")
        .linger(Duration::from_millis(9))
        .properties_file(&file)
        .property("bootstrap.servers", "b:2")
        .build()
        .unwrap();
    assert_eq!(config.linger, Duration::from_millis(2));
    assert_eq!(config.client.bootstrap_servers[0].to_string(), "b:2");
    assert_eq!(warnings(config.warnings()), ["linger.ms"]);
    let warning = config.warnings().iter().next().unwrap();
    assert_eq!(
        warning.to_string(),
        "linger.ms (line 3): it is there twice, and the later one counts"
    );
}

#[test]
fn all_problems_are_in_one_message_with_their_lines() {
    let file = Properties::parse(
        b"bootstrap.servers=localhost\nlinger.ms=x\n\nacks=2\ntransaction.two.phase.commit.enable=true\nssl.cipher.suites=RC4\n",
    )
    .unwrap();
    let error = ProducerConfig::from_properties_file(&file).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid configuration: producer: 5 problems: \
         (1) linger.ms (line 2): \"x\": expected a whole number of milliseconds, 0 or more; \
         (2) acks (line 4): \"2\": expected one of all, -1, 0, 1; \
         (3) transaction.two.phase.commit.enable (line 5): \"true\": Kafka has this property, but it is \
         not supported: transactions are prepared and committed in one step; \
         (4) ssl.cipher.suites (line 6): \"RC4\": Kafka has this property, but it is not supported: \
         the suites are rustls's own, all of them with forward secrecy and AEAD; \
         (5) bootstrap.servers (line 1): \"localhost\": expected host:port, such as broker1:9092 or \
         [::1]:9092"
    );
}

#[test]
fn unknown_names_are_warnings() {
    let config = producer(&[
        ("liger.ms", "7"),
        ("metadata.broker.list", "x:1"),
        ("session.timeout.ms", "45000"),
        ("schema.registry.url", "http://localhost"),
    ])
    .unwrap();
    let texts: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "liger.ms: Kafka has no such property; did you mean `linger.ms`?",
            "metadata.broker.list: it is librdkafka's name and has no effect; Kafka has \
             `bootstrap.servers`",
            "session.timeout.ms: it is for consumer, and has no effect on producer",
            "schema.registry.url: Kafka has no such property; it has no effect",
        ]
    );
}

#[test]
fn unsupported_properties_are_errors_unless_they_ask_for_nothing() {
    for (name, text) in [
        ("transaction.two.phase.commit.enable", "true"),
        ("interceptor.classes", "a.B"),
        ("config.providers", "env"),
        ("key.serializer", "io.confluent.kafka.serializers.KafkaAvroSerializer"),
        ("partitioner.rack.aware", "true"),
        ("security.providers", "x"),
        ("ssl.cipher.suites", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("sasl.oauthbearer.assertion.file", "/assertion"),
        ("sasl.login.callback.handler.class", "a.B"),
    ] {
        let error = producer(&[(name, text)]).unwrap_err();
        assert!(error.contains(name) && error.contains("not supported"), "{name}: {error}");
    }
    for (name, text) in [
        ("key.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
        ("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
        ("interceptor.classes", ""),
        ("transaction.two.phase.commit.enable", "false"),
        ("transaction.timeout.ms", "60000"),
        ("security.providers", ""),
    ] {
        let config = producer(&[(name, text)]).unwrap();
        assert!(config.warnings().is_empty(), "{name}: {}", config.warnings());
    }
    assert!(consumer(&[("group.protocol", "consumer")]).unwrap_err().contains("later release"));
    assert!(consumer(&[("group.protocol", "CLASSIC")]).is_ok());
    assert!(consumer(&[("group.remote.assignor", "uniform")]).is_err());
    assert!(admin(&[("bootstrap.controllers", "c:1")]).unwrap_err().contains("bootstrap.servers"));
}

#[test]
fn transactions_need_idempotence() {
    let config = producer(&[("transactional.id", "t")]).unwrap();
    assert!(config.warnings().is_empty());
    assert_eq!(config.transactional_id.as_deref(), Some("t"));
    assert_eq!(config.transaction_timeout, Duration::from_secs(60));
    let built = ProducerConfig::builder("localhost:9092")
        .transactional_id("t")
        .transaction_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let read = producer(&[("transactional.id", "t"), ("transaction.timeout.ms", "5000")]).unwrap();
    assert_eq!(format!("{built:?}"), format!("{read:?}"));
    for (name, text) in [
        ("enable.idempotence", "false"),
        ("acks", "1"),
        ("retries", "0"),
        ("max.in.flight.requests.per.connection", "6"),
    ] {
        let error = producer(&[("transactional.id", "t"), (name, text)]).unwrap_err();
        assert!(error.contains(name) && error.contains("as transactional.id is set"), "{error}");
    }
    assert!(producer(&[("transactional.id", "")]).is_err());
}

#[test]
fn ignored_properties_are_warnings_unless_they_are_defaults() {
    let config =
        producer(&[("metrics.num.samples", "3"), ("metrics.sample.window.ms", "30000")]).unwrap();
    assert_eq!(warnings(config.warnings()), ["metrics.num.samples"]);
    assert!(
        producer(&[("metrics.num.samples", "0")]).is_err(),
        "its range is checked all the same"
    );
}

#[test]
fn bootstrap_servers_are_required_and_checked_one_by_one() {
    let missing = ProducerConfig::from_properties([("acks", "all")]).unwrap_err().to_string();
    assert!(missing.contains("bootstrap.servers: it is required"), "{missing}");
    let empty = AdminConfig::builder(" , ").build().unwrap_err().to_string();
    assert!(empty.contains("bootstrap.servers: it is required"), "{empty}");
    let error = ProducerConfig::builder("a:1,b,c:0").build().unwrap_err().to_string();
    assert!(error.contains("2 problems"), "{error}");
    assert!(error.contains("\"b\": expected host:port"), "{error}");
    assert!(error.contains("\"c:0\": expected a port from 1 to 65535"), "{error}");
    let config = ProducerConfig::builder("a:1, b:2,").build().unwrap();
    assert_eq!(config.client.bootstrap_servers.len(), 2);
}

#[test]
fn idempotence_asked_for_by_name_refuses_what_breaks_it() {
    for (name, text) in [
        ("acks", "1"),
        ("acks", "0"),
        ("retries", "0"),
        ("max.in.flight.requests.per.connection", "6"),
    ] {
        let error = producer(&[("enable.idempotence", "true"), (name, text)]).unwrap_err();
        assert!(error.contains(name) && error.contains("enable.idempotence=true"), "{error}");

        let config = producer(&[(name, text)]).unwrap();
        assert!(!config.enable_idempotence, "{name}={text} switches the default off, as in Java");
        assert_eq!(warnings(config.warnings()), [name]);

        let config = producer(&[("enable.idempotence", "false"), (name, text)]).unwrap();
        assert!(config.warnings().is_empty());
    }
    assert!(producer(&[("acks", "-1")]).unwrap().enable_idempotence);
}

#[test]
fn delivery_timeout_covers_linger_and_one_request() {
    let error = producer(&[("delivery.timeout.ms", "30004")]).unwrap_err();
    assert!(error.contains("\"30004\": expected 30005 or more"), "{error}");
    assert!(producer(&[("delivery.timeout.ms", "30005")]).is_ok());
    let config = producer(&[("request.timeout.ms", "200000")]).unwrap();
    assert_eq!(config.delivery_timeout, Duration::from_millis(200_005));
    assert_eq!(warnings(config.warnings()), ["delivery.timeout.ms"]);
}

#[test]
fn a_refused_value_is_not_compared_with_others() {
    let error = producer(&[("delivery.timeout.ms", "1"), ("linger.ms", "x")]).unwrap_err();
    assert!(!error.contains("delivery.timeout.ms"), "{error}");
}

#[test]
fn partitioners_are_known_by_their_classes() {
    let old = "org.apache.kafka.clients.producer.internals.DefaultPartitioner";
    let config = producer(&[("partitioner.class", old)]).unwrap();
    assert_eq!(config.partitioner_class, PartitionerClass::Default);
    assert_eq!(config.warnings().len(), 1);
    for class in ["a.B", "org.apache.kafka.clients.producer.UniformStickyPartitioner"] {
        assert!(producer(&[("partitioner.class", class)]).is_err(), "{class}");
    }
}

#[test]
fn backoffs_grow_or_are_constant() {
    let config = producer(&[("retry.backoff.ms", "5000")]).unwrap();
    assert_eq!(config.client.retry_backoff_max, Duration::from_secs(5));
    assert!(config.warnings().is_empty());
    let config =
        producer(&[("reconnect.backoff.ms", "500"), ("reconnect.backoff.max.ms", "100")]).unwrap();
    assert_eq!(config.client.reconnect_backoff, Duration::from_millis(100));
    assert_eq!(warnings(config.warnings()), ["reconnect.backoff.ms"]);
}

#[test]
fn a_record_may_not_be_promised_more_room_than_there_is() {
    let config = producer(&[("buffer.memory", "1000")]).unwrap();
    assert_eq!(warnings(config.warnings()), ["max.request.size"]);
}

#[test]
fn heartbeats_come_before_the_session_ends() {
    let error = consumer(&[("session.timeout.ms", "3000")]).unwrap_err();
    assert!(error.contains("heartbeat.interval.ms: \"3000\": expected less than"), "{error}");
    assert!(consumer(&[("session.timeout.ms", "3001")]).is_ok());
}

#[test]
fn a_fetch_waits_less_than_a_request_may_take() {
    assert!(consumer(&[("fetch.max.wait.ms", "30000")]).unwrap_err().contains("fetch.max.wait.ms"));
}

#[test]
fn auto_commit_needs_a_group() {
    let error = consumer(&[("enable.auto.commit", "true")]).unwrap_err();
    assert!(error.contains("there is nothing to commit to without group.id"), "{error}");
    assert!(consumer(&[("group.id", "")]).unwrap_err().contains("group.id"));
    let config = consumer(&[("group.instance.id", "i")]).unwrap();
    assert_eq!(warnings(config.warnings()), ["group.instance.id"]);
}

#[test]
fn offset_reset_is_a_word_or_a_duration() {
    for text in ["smallest", "by_duration:1h", "by_duration:-PT1H", "by_duration:", ""] {
        let error = consumer(&[("auto.offset.reset", text)]).unwrap_err();
        assert!(error.contains("expected earliest, latest, none"), "{text}: {error}");
    }
}

#[test]
fn assignors_are_known_once_each() {
    const NAME: &str = "partition.assignment.strategy";
    for text in ["", "a.B", "range,RangeAssignor"] {
        assert!(consumer(&[(NAME, text)]).unwrap_err().contains(NAME), "{text:?}");
    }
}

#[test]
fn an_admin_call_has_the_time_of_one_request() {
    let error = admin(&[("default.api.timeout.ms", "1000")]).unwrap_err();
    assert!(error.contains("\"1000\": expected 30000 or more"), "{error}");
    let config = admin(&[("request.timeout.ms", "90000")]).unwrap();
    assert_eq!(config.client.default_api_timeout, Duration::from_secs(90));
}

#[test]
fn properties_of_camundas_connector_are_accepted() {
    let config = producer(&[
        (
            "sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule   required username='u' \
             password='p';",
        ),
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "PLAIN"),
        ("key.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
        ("value.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
        ("session.timeout.ms", "45000"),
        ("client.dns.lookup", "use_all_dns_ips"),
        ("acks", "all"),
        ("delivery.timeout.ms", "45000"),
        ("max.block.ms", "60000"),
        ("linger.ms", "0"),
        ("request.timeout.ms", "30000"),
        ("heartbeat.interval.ms", "3000"),
        ("default.api.timeout.ms", "60000"),
    ])
    .unwrap();
    assert_eq!(
        warnings(config.warnings()),
        ["session.timeout.ms", "heartbeat.interval.ms", "default.api.timeout.ms"]
    );
}
