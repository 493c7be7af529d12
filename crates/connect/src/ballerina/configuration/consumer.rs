//! The configuration of a consumer, which is a listener's too.

use std::time::Duration;

use milena::config::ClientKind;
use serde_json::Value;

use super::{
    Properties, refuse_avro,
    security::{AuthenticationConfiguration, SecureSocket, SecurityProtocol},
    set_security,
    setting::{Setting, choice, configuration, field},
};
use crate::{
    connection::Connection,
    settings::{ClientProperties, Field, FieldKind, Origin, Problems, TableReader},
};

/// The property that decides about commits, also when it is an additional one.
const ENABLE_AUTO_COMMIT: &str = "enable.auto.commit";

choice! {
    /// `offsetReset`.
    OffsetResetMethod {
        /// `earliest`.
        Earliest = "earliest",
        /// `latest`.
        Latest = "latest",
        /// `none`.
        None = "none",
    }
}

choice! {
    /// `isolationLevel`.
    IsolationLevel {
        /// `read_committed`.
        Committed = "read_committed",
        /// `read_uncommitted`.
        Uncommitted = "read_uncommitted",
    }
}

choice! {
    /// `keyDeserializerType` and `valueDeserializerType`.
    DeserializerType {
        /// `DES_BYTE_ARRAY`.
        ByteArray = "DES_BYTE_ARRAY",
        /// `DES_AVRO`.
        Avro = "DES_AVRO",
    }
}

configuration! {
    /// The configuration of a [`Consumer`](super::super::Consumer) or a
    /// [`Listener`](super::super::Listener). Times are decimals of seconds in JSON, but for
    /// `maxPollInterval`.
    ///
    /// ```
    /// use milena_connect::ballerina::ConsumerConfiguration;
    ///
    /// let configuration = ConsumerConfiguration::from_json(&serde_json::json!({
    ///     "groupId": "group-id", "offsetReset": "earliest", "topics": ["kafka-topic"],
    /// }))?;
    /// assert!(configuration.auto_commit);
    /// # Ok::<(), milena_connect::Problems>(())
    /// ```
    ConsumerConfiguration {
        group_id: Option<String>, "groupId", "group.id", None,
            "the consumer group; without one nothing can be subscribed to";
        topics: Vec<String>, "topics", "", None,
            "the topics to subscribe to";
        offset_reset: Option<OffsetResetMethod>, "offsetReset", "auto.offset.reset", None,
            "where to begin without a committed offset";
        partition_assignment_strategy: Option<String>, "partitionAssignmentStrategy", "partition.assignment.strategy", None,
            "the class of Java that spreads partitions";
        metrics_recording_level: Option<String>, "metricsRecordingLevel", "metrics.recording.level", None,
            "how much Java's metrics record";
        metrics_reporter_classes: Option<String>, "metricsReporterClasses", "metric.reporters", None,
            "classes of Java";
        client_id: Option<String>, "clientId", "client.id", None,
            "the client id that the brokers see";
        interceptor_classes: Option<String>, "interceptorClasses", "interceptor.classes", None,
            "classes of Java";
        isolation_level: Option<IsolationLevel>, "isolationLevel", "isolation.level", None,
            "whether records of open and aborted transactions are given";
        schema_registry_url: Option<String>, "schemaRegistryUrl", "", None,
            "of Avro, which is refused";
        schema_registry_config: Properties, "schemaRegistryConfig", "", None,
            "of Avro, which is refused";
        key_deserializer_type: DeserializerType, "keyDeserializerType", "", Some("DES_BYTE_ARRAY"),
            "what keys are read as";
        value_deserializer_type: DeserializerType, "valueDeserializerType", "", Some("DES_BYTE_ARRAY"),
            "what values are read as";
        session_timeout: Option<Duration>, "sessionTimeout", "session.timeout.ms", None,
            "seconds without a heartbeat after which the group goes on without this member";
        heart_beat_interval: Option<Duration>, "heartBeatInterval", "heartbeat.interval.ms", None,
            "seconds between heartbeats";
        metadata_max_age: Option<Duration>, "metadataMaxAge", "metadata.max.age.ms", None,
            "seconds after which metadata is asked for again";
        auto_commit_interval: Option<Duration>, "autoCommitInterval", "auto.commit.interval.ms", None,
            "seconds between automatic commits";
        max_partition_fetch_bytes: Option<i64>, "maxPartitionFetchBytes", "max.partition.fetch.bytes", None,
            "the most bytes of a partition in one fetch";
        send_buffer: Option<i64>, "sendBuffer", "send.buffer.bytes", None,
            "bytes of the socket's send buffer";
        receive_buffer: Option<i64>, "receiveBuffer", "receive.buffer.bytes", None,
            "bytes of the socket's receive buffer";
        fetch_min_bytes: Option<i64>, "fetchMinBytes", "fetch.min.bytes", None,
            "for how many bytes a fetch waits";
        fetch_max_bytes: Option<i64>, "fetchMaxBytes", "fetch.max.bytes", None,
            "the most bytes of a fetch";
        fetch_max_wait_time: Option<Duration>, "fetchMaxWaitTime", "fetch.max.wait.ms", None,
            "how many seconds a fetch waits";
        reconnect_backoff_time: Option<Duration>, "reconnectBackoffTime", "reconnect.backoff.ms", None,
            "seconds before a broker is connected to again";
        reconnect_backoff_time_max: Option<Duration>, "reconnectBackoffTimeMax", "reconnect.backoff.max.ms", None,
            "the most of these seconds";
        retry_backoff: Option<Duration>, "retryBackoff", "retry.backoff.ms", None,
            "seconds before a request is sent again";
        metrics_sample_window: Option<Duration>, "metricsSampleWindow", "metrics.sample.window.ms", None,
            "seconds of a sample of Java's metrics";
        metrics_num_samples: Option<i64>, "metricsNumSamples", "metrics.num.samples", None,
            "how many samples Java's metrics keep";
        request_timeout: Option<Duration>, "requestTimeout", "request.timeout.ms", None,
            "how many seconds a request waits for its answer";
        connection_max_idle_time: Option<Duration>, "connectionMaxIdleTime", "connections.max.idle.ms", None,
            "seconds after which an idle connection is closed";
        max_poll_records: Option<i64>, "maxPollRecords", "max.poll.records", None,
            "the most records of one poll";
        max_poll_interval: Option<i64>, "maxPollInterval", "max.poll.interval.ms", None,
            "milliseconds between polls after which the group goes on without this member";
        default_api_timeout: Option<Duration>, "defaultApiTimeout", "default.api.timeout.ms", None,
            "how many seconds a call takes at most";
        polling_timeout: Duration, "pollingTimeout", "", Some("1"),
            "how many seconds a poll of a listener waits";
        polling_interval: Duration, "pollingInterval", "", Some("1"),
            "seconds between the polls of a listener";
        concurrent_consumers: i64, "concurrentConsumers", "", Some("1"),
            "how many members of the group a listener is";
        decouple_processing: bool, "decoupleProcessing", "", Some("false"),
            "without effect, as in the module";
        auto_commit: bool, "autoCommit", "enable.auto.commit", Some("true"),
            "whether records count as processed as soon as they are given";
        check_crcs: bool, "checkCRCS", "", Some("true"),
            "whether checksums of records are checked";
        exclude_internal_topics: bool, "excludeInternalTopics", "", Some("true"),
            "whether a pattern leaves Kafka's own topics out";
        validation: bool, "validation", "", Some("true"),
            "whether records are validated";
        auto_seek_on_validation_failure: bool, "autoSeekOnValidationFailure", "", Some("true"),
            "whether a record that cannot be read, or is not valid, is skipped";
        secure_socket: Option<SecureSocket>, "secureSocket", "", None,
            "TLS";
        auth: Option<AuthenticationConfiguration>, "auth", "", None,
            "SASL; it has an effect with SASL_PLAINTEXT and SASL_SSL";
        security_protocol: SecurityProtocol, "securityProtocol", "", Some("PLAINTEXT"),
            "whether TLS and SASL are used";
        additional_properties: Properties, "additionalProperties", "", None,
            "client properties by Kafka's names; they come last and override all others";
    }
}

impl ConsumerConfiguration {
    /// Reads the fields; whoever calls it has more fields in the same table, and finishes the reader.
    pub(in super::super) fn read_all(reader: &mut TableReader<'_, '_>) -> Option<Self> {
        let configuration = Self::read_fields(reader)?;
        let is_avro = |kind| kind == DeserializerType::Avro;
        refuse_avro(reader, "keyDeserializerType", is_avro(configuration.key_deserializer_type));
        refuse_avro(
            reader,
            "valueDeserializerType",
            is_avro(configuration.value_deserializer_type),
        );
        Some(configuration)
    }

    /// Whether offsets are committed as soon as records are given: `autoCommit`, or the additional
    /// property that overrides it.
    #[must_use]
    pub fn commits_itself(&self) -> bool {
        let additional = self.additional_properties.value(ENABLE_AUTO_COMMIT);
        additional.map_or(self.auto_commit, |text| text.trim().eq_ignore_ascii_case("true"))
    }

    /// The consumer's properties in the order in which they are set: the later counts. `servers` are the
    /// brokers, unless the connection has others.
    #[must_use]
    pub fn client_properties(
        &self,
        servers: &[String],
        connection: &Connection,
    ) -> ClientProperties {
        const DESERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArrayDeserializer";
        let mut properties = ClientProperties::default();
        connection.set_servers(&servers.join(","), &mut properties);
        self.set_fields(&mut properties);
        for (name, value) in [
            ("check.crcs", self.check_crcs),
            ("exclude.internal.topics", self.exclude_internal_topics),
        ] {
            if !value {
                properties.set(Origin::Configuration, name, "false");
            }
        }
        properties.set(Origin::Connector, "key.deserializer", DESERIALIZER);
        properties.set(Origin::Connector, "value.deserializer", DESERIALIZER);
        set_security(
            &mut properties,
            connection,
            self.security_protocol,
            self.secure_socket.as_ref(),
            self.auth.as_ref(),
        );
        connection.finish(properties, ClientKind::Consumer, &self.additional_properties.0)
    }
}
