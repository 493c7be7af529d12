//! The configuration of a producer.

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

choice! {
    /// `acks`.
    ProducerAcks {
        /// `all`: every replica in sync has the record.
        All = "all",
        /// `0`: nobody is asked.
        None = "0",
        /// `1`: the leader has it.
        Single = "1",
    }
}

choice! {
    /// `compressionType`.
    CompressionType {
        /// `none`.
        None = "none",
        /// `gzip`.
        Gzip = "gzip",
        /// `snappy`.
        Snappy = "snappy",
        /// `lz4`.
        Lz4 = "lz4",
        /// `zstd`.
        Zstd = "zstd",
    }
}

choice! {
    /// `keySerializerType` and `valueSerializerType`.
    SerializerType {
        /// `SER_BYTE_ARRAY`.
        ByteArray = "SER_BYTE_ARRAY",
        /// `SER_AVRO`.
        Avro = "SER_AVRO",
    }
}

configuration! {
    /// The configuration of a [`Producer`](super::super::Producer). Times are decimals of seconds in JSON.
    ///
    /// ```
    /// use milena_connect::ballerina::{ProducerAcks, ProducerConfiguration};
    ///
    /// let configuration = ProducerConfiguration::from_json(&serde_json::json!({
    ///     "clientId": "basic-producer", "acks": "all", "retryCount": 3, "linger": 0.0015,
    /// }))?;
    /// assert_eq!(configuration.acks, ProducerAcks::All);
    /// assert_eq!(configuration.linger, Some(std::time::Duration::from_millis(1)));
    /// # Ok::<(), milena_connect::Problems>(())
    /// ```
    ProducerConfiguration {
        acks: ProducerAcks, "acks", "acks", Some("1"),
            "which brokers have a record before it counts as sent";
        compression_type: CompressionType, "compressionType", "compression.type", Some("none"),
            "how batches are compressed";
        client_id: Option<String>, "clientId", "client.id", None,
            "the client id that the brokers see";
        metrics_recording_level: Option<String>, "metricsRecordingLevel", "metrics.recording.level", None,
            "how much Java's metrics record";
        metric_reporter_classes: Option<String>, "metricReporterClasses", "metric.reporters", None,
            "classes of Java";
        partitioner_class: Option<String>, "partitionerClass", "partitioner.class", None,
            "the class of Java that chooses partitions";
        interceptor_classes: Option<String>, "interceptorClasses", "interceptor.classes", None,
            "classes of Java";
        transactional_id: Option<String>, "transactionalId", "transactional.id", None,
            "the id under which transactions are found again; needs enableIdempotence";
        schema_registry_url: Option<String>, "schemaRegistryUrl", "", None,
            "of Avro, which is refused";
        avro_schema: Option<String>, "avroSchema", "", None,
            "deprecated, and without effect in the module";
        key_schema: Option<String>, "keySchema", "", None,
            "of Avro, which is refused";
        value_schema: Option<String>, "valueSchema", "", None,
            "of Avro, which is refused";
        schema_registry_config: Properties, "schemaRegistryConfig", "", None,
            "of Avro, which is refused";
        key_serializer_type: SerializerType, "keySerializerType", "", Some("SER_BYTE_ARRAY"),
            "how keys become bytes";
        value_serializer_type: SerializerType, "valueSerializerType", "", Some("SER_BYTE_ARRAY"),
            "how values become bytes";
        buffer_memory: Option<i64>, "bufferMemory", "buffer.memory", None,
            "how many bytes of records may wait";
        retry_count: Option<i64>, "retryCount", "retries", None,
            "how often a record is sent again";
        batch_size: Option<i64>, "batchSize", "batch.size", None,
            "how many bytes of records for one partition go together";
        send_buffer: Option<i64>, "sendBuffer", "send.buffer.bytes", None,
            "bytes of the socket's send buffer";
        receive_buffer: Option<i64>, "receiveBuffer", "receive.buffer.bytes", None,
            "bytes of the socket's receive buffer";
        max_request_size: Option<i64>, "maxRequestSize", "max.request.size", None,
            "the most bytes of a request";
        metrics_num_samples: Option<i64>, "metricsNumSamples", "metrics.num.samples", None,
            "how many samples Java's metrics keep";
        max_in_flight_requests_per_connection: Option<i64>, "maxInFlightRequestsPerConnection", "max.in.flight.requests.per.connection", None,
            "how many requests wait for an answer at once";
        linger: Option<Duration>, "linger", "linger.ms", None,
            "how many seconds a batch waits for more records";
        reconnect_backoff_time: Option<Duration>, "reconnectBackoffTime", "reconnect.backoff.ms", None,
            "seconds before a broker is connected to again";
        reconnect_backoff_max_time: Option<Duration>, "reconnectBackoffMaxTime", "reconnect.backoff.max.ms", None,
            "the most of these seconds";
        retry_backoff_time: Option<Duration>, "retryBackoffTime", "retry.backoff.ms", None,
            "seconds before a request is sent again";
        max_block: Option<Duration>, "maxBlock", "max.block.ms", None,
            "how many seconds send waits for metadata and memory";
        request_timeout: Option<Duration>, "requestTimeout", "request.timeout.ms", None,
            "how many seconds a request waits for its answer";
        metadata_max_age: Option<Duration>, "metadataMaxAge", "metadata.max.age.ms", None,
            "seconds after which metadata is asked for again";
        metrics_sample_window: Option<Duration>, "metricsSampleWindow", "metrics.sample.window.ms", None,
            "seconds of a sample of Java's metrics";
        connections_max_idle_time: Option<Duration>, "connectionsMaxIdleTime", "connections.max.idle.ms", None,
            "seconds after which an idle connection is closed";
        transaction_timeout: Option<Duration>, "transactionTimeout", "transaction.timeout.ms", None,
            "seconds after which a transaction is aborted";
        enable_idempotence: bool, "enableIdempotence", "enable.idempotence", Some("false"),
            "whether a record is written once however often it is sent";
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

impl ProducerConfiguration {
    /// Reads the fields; whoever calls it has more fields in the same table, and finishes the reader.
    pub(in super::super) fn read_all(reader: &mut TableReader<'_, '_>) -> Option<Self> {
        let configuration = Self::read_fields(reader)?;
        let is_avro = |kind| kind == SerializerType::Avro;
        refuse_avro(reader, "keySerializerType", is_avro(configuration.key_serializer_type));
        refuse_avro(reader, "valueSerializerType", is_avro(configuration.value_serializer_type));
        Some(configuration)
    }

    /// The producer's properties in the order in which they are set: the later counts. `servers` are the
    /// brokers, unless the connection has others.
    #[must_use]
    pub fn client_properties(
        &self,
        servers: &[String],
        connection: &Connection,
    ) -> ClientProperties {
        const SERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArraySerializer";
        let mut properties = ClientProperties::default();
        connection.set_servers(&servers.join(","), &mut properties);
        self.set_fields(&mut properties);
        properties.set(Origin::Connector, "key.serializer", SERIALIZER);
        properties.set(Origin::Connector, "value.serializer", SERIALIZER);
        set_security(
            &mut properties,
            connection,
            self.security_protocol,
            self.secure_socket.as_ref(),
            self.auth.as_ref(),
        );
        connection.finish(properties, ClientKind::Producer, &self.additional_properties.0)
    }
}
