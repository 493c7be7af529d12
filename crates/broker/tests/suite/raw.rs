//! A client of nothing but frames over one connection, and shorthands for requests.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use milena_broker::Broker;
use milena_wire::compression::{Compression, Compressor};
use milena_wire::frame::{decode_response, encode_request};
use milena_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use milena_wire::messages::fetch_response::PartitionData;
use milena_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use milena_wire::messages::produce_response::PartitionProduceResponse;
use milena_wire::messages::{FetchRequest, ProduceRequest};
use milena_wire::records::{RecordBatchBuilder, RecordBatches, SealOptions};
use milena_wire::{ErrorCode, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Everything in these tests happens within this time, or the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// The last version of Fetch that names topics instead of ids.
pub(crate) const FETCH_BY_NAME: i16 = 12;
/// The last version of Produce that names topics instead of ids.
pub(crate) const PRODUCE_BY_NAME: i16 = 12;

pub(crate) struct Client<S = TcpStream> {
    stream: S,
    next_id: i32,
}

impl Client {
    /// Connects to the first node.
    pub(crate) async fn connect(broker: &Broker) -> Self {
        let servers = broker.bootstrap_servers();
        Self::connect_to(servers.split(',').next().unwrap()).await
    }

    /// Connects to the node with this index.
    pub(crate) async fn connect_node(broker: &Broker, index: usize) -> Self {
        Self::connect_to(broker.bootstrap_servers().split(',').nth(index).unwrap()).await
    }

    pub(crate) async fn connect_to(address: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, next_id: 1 }
    }

    /// Sends a request and waits for its response.
    pub(crate) async fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.try_ask(version, request)
            .await
            .unwrap_or_else(|| panic!("{} {version}: the connection was closed", R::NAME))
    }

    /// As `ask`; `None` when the broker closes the connection.
    pub(crate) async fn try_ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Option<R::Response> {
        let id = self.send(version, request).await;
        let frame = self.receive_frame().await?;
        let (answered, response) = decode_response::<R>(frame, version).unwrap();
        assert_eq!(answered, id, "{} {version}: answers have to come in order", R::NAME);
        Some(response)
    }

    /// Sends a request without waiting.
    pub(crate) async fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        let id = self.next_id;
        self.next_id += 1;
        let frame = encode_request(version, id, Some("raw"), request).unwrap();
        self.send_bytes(&frame.to_bytes()).await;
        id
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        // The broker may close the connection while it is written to.
        drop(self.stream.write_all(bytes).await);
        drop(self.stream.flush().await);
    }

    /// The next frame without its length; `None` when the connection ends.
    pub(crate) async fn receive_frame(&mut self) -> Option<Bytes> {
        let read = async {
            let length = self.stream.read_i32().await.ok()?;
            let mut frame = BytesMut::zeroed(usize::try_from(length).unwrap());
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(frame.freeze())
        };
        tokio::time::timeout(DEADLINE, read)
            .await
            .expect("the broker answers or closes the connection")
    }

    /// Produces one batch with acks=all.
    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let request = produce_request(topic, partition, records);
        let mut response = self.ask(PRODUCE_BY_NAME, &request).await;
        response.responses.remove(0).partition_responses.remove(0)
    }

    /// Produces values without a producer id and returns the base offset.
    pub(crate) async fn produce_values(
        &mut self,
        topic: &str,
        partition: i32,
        values: &[&str],
    ) -> i64 {
        let produced = self.produce(topic, partition, batch(values, &SealOptions::default())).await;
        assert_eq!(ErrorCode(produced.error_code), ErrorCode::NONE);
        produced.base_offset
    }

    /// Fetches one partition without a session and without waiting.
    pub(crate) async fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> PartitionData {
        self.fetch_with(topic, partition, offset, |_| {}).await
    }

    pub(crate) async fn fetch_with(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
        change: impl FnOnce(&mut FetchRequest),
    ) -> PartitionData {
        let mut request = fetch_request(topic, &[(partition, offset)]);
        change(&mut request);
        let mut response = self.ask(FETCH_BY_NAME, &request).await;
        response.responses.remove(0).partitions.remove(0)
    }
}

pub(crate) fn produce_request(topic: &str, partition: i32, records: Bytes) -> ProduceRequest {
    let data =
        PartitionProduceData { index: partition, records: Some(records), ..Default::default() };
    let topic =
        TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

pub(crate) fn fetch_request(topic: &str, partitions: &[(i32, i64)]) -> FetchRequest {
    let partition = |&(partition, fetch_offset): &(i32, i64)| FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 50 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.into(),
            partitions: partitions.iter().map(partition).collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A batch of values at the present time.
pub(crate) fn batch(values: &[&str], options: &SealOptions) -> Bytes {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    batch_at(i64::try_from(now.as_millis()).unwrap(), values, options)
}

/// A batch whose records are one millisecond apart.
pub(crate) fn batch_at(timestamp: i64, values: &[&str], options: &SealOptions) -> Bytes {
    let mut builder = RecordBatchBuilder::with_capacity(1024);
    for (timestamp, value) in (timestamp..).zip(values) {
        builder.append(timestamp, None, Some(value.as_bytes()), &[]).unwrap();
    }
    builder.seal(options, &mut Compressor::new()).unwrap().into_bytes()
}

/// A batch of an idempotent producer.
pub(crate) fn idempotent(
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    values: &[&str],
) -> Bytes {
    let options = SealOptions { producer_id, producer_epoch, base_sequence, ..Default::default() };
    batch(values, &options)
}

pub(crate) fn compressed(compression: Compression, values: &[&str]) -> Bytes {
    batch(values, &SealOptions { compression, ..Default::default() })
}

/// The data records in fetched bytes, as offset and value.
pub(crate) fn values(data: &PartitionData) -> Vec<(i64, String)> {
    let mut out = Vec::new();
    for batch in RecordBatches::new(data.records.clone().unwrap_or_default()) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        if batch.is_control() {
            continue;
        }
        for record in batch.records(1 << 20).unwrap().iter() {
            let record = record.unwrap();
            out.push((record.offset, String::from_utf8(record.value.unwrap().to_vec()).unwrap()));
        }
    }
    out
}

pub(crate) fn code(raw: i16) -> ErrorCode {
    ErrorCode(raw)
}
