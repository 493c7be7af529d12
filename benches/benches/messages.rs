//! Messages: decoding and encoding, beside the crate `kafka-protocol` for the same bytes.
//!
//! `cargo bench -p milena-benches --bench messages [FILTER]` prints a Markdown table: the best time
//! of several rounds, and what one call allocates. Both codecs read and write the same bytes, which
//! is checked before anything is measured. A decoded value is dropped within its time.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::{
    messages as witness,
    protocol::{Decodable, Encodable},
};
use milena_wire::{
    Decoder, Encoder, Int32Array, Message, Uuid, frame,
    messages::{
        ApiVersionsResponse, FetchRequest, FetchResponse, JoinGroupRequest, JoinGroupResponse,
        MetadataResponse, ProduceRequest, ProduceResponse, api_versions_response::ApiVersion,
        fetch_request::*, fetch_response, fetch_response::FetchableTopicResponse,
        join_group_request::JoinGroupRequestProtocol, join_group_response::JoinGroupResponseMember,
        metadata_response::*, produce_request::*, produce_response,
        produce_response::TopicProduceResponse,
    },
};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(60);

/// Bytes that the heap has free before anything is measured.
const HEAP_BYTES: usize = 16 << 20;

/// Makes the heap what that of a program is which has run for a while: with room in it.
///
/// An allocator whose last bytes become free gives them back to the system, and gets them anew, page
/// by page, for the next value. A benchmark that does nothing else would measure that.
fn warm_heap() -> Option<Vec<u8>> {
    let mut blocks: Vec<Vec<u8>> = (0..HEAP_BYTES / 65_536).map(|_| vec![1; 65_536]).collect();
    // The last one stays, so that the room before it is not at the heap's end.
    blocks.pop()
}

/// What one call costs.
#[derive(Clone, Copy)]
struct Cost {
    nanos: f64,
    allocations: u64,
    bytes: u64,
}

fn cost<T>(mut work: impl FnMut() -> T) -> Cost {
    let mut output = None;
    let counted = allocation_counter::measure(|| output = Some(work()));
    drop(output);
    let started = Instant::now();
    drop(black_box(work()));
    let once = started.elapsed().max(Duration::from_nanos(50));
    let times = (ROUND.as_nanos() / once.as_nanos()).clamp(1, 1_000_000);
    let mut nanos = f64::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..times {
            drop(black_box(work()));
        }
        nanos = nanos.min(started.elapsed().as_secs_f64() * 1e9 / times as f64);
    }
    Cost { nanos, allocations: counted.count_total, bytes: counted.bytes_total }
}

struct Bench {
    filter: Option<String>,
}

impl Bench {
    fn is_wanted(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()))
    }

    /// Both codecs for one message: ours, and `T` of the witness.
    fn compare<M: Message, T: Decodable + Encodable>(&self, what: &str, version: i16, message: &M) {
        let name = format!("{} v{version}{what}", M::NAME);
        if !self.is_wanted(&name) {
            return;
        }
        let bytes = encode(message, version, 0);
        let read: M = Decoder::new(bytes.clone()).message(version).unwrap();
        assert_eq!(read, *message, "{name} comes back");
        let witness = T::decode(&mut bytes.clone(), version).unwrap();
        let mut written = BytesMut::new();
        witness.encode(&mut written, version).unwrap();
        assert_eq!(written, bytes, "{name} is the same bytes");

        let length = bytes.len();
        row(
            &format!("decode {name}"),
            length,
            cost(|| Decoder::new(black_box(&bytes).clone()).message::<M>(version).unwrap()),
            cost(|| T::decode(&mut black_box(&bytes).clone(), version).unwrap()),
        );
        row(
            &format!("encode {name}"),
            length,
            cost(|| encode(black_box(message), version, length)),
            cost(|| {
                let mut buffer = BytesMut::with_capacity(length);
                black_box(&witness).encode(&mut buffer, version).unwrap();
                buffer.freeze()
            }),
        );
    }

    /// A request as it leaves: length, header and message, with the batches as segments of their own.
    fn frame(&self, request: &ProduceRequest) {
        let name = "frame of ProduceRequest v13";
        if !self.is_wanted(name) {
            return;
        }
        let bytes = encode(request, 13, 0);
        let theirs = witness::ProduceRequest::decode(&mut bytes.clone(), 13).unwrap();
        let header = witness::RequestHeader::default()
            .with_request_api_version(13)
            .with_correlation_id(7)
            .with_client_id(Some("bench".to_owned().into()));
        let write = || {
            let capacity = header.compute_size(2).unwrap() + theirs.compute_size(13).unwrap();
            let mut buffer = BytesMut::with_capacity(capacity + 4);
            buffer.put_u32(u32::try_from(capacity).unwrap());
            header.encode(&mut buffer, 2).unwrap();
            theirs.encode(&mut buffer, 13).unwrap();
            buffer.freeze()
        };
        let ours = || frame::encode_request(13, 7, Some("bench"), black_box(request)).unwrap();
        assert_eq!(ours().to_bytes(), write());
        row(name, write().len(), cost(ours), cost(write));
    }
}

fn encode<M: Message>(message: &M, version: i16, capacity: usize) -> Bytes {
    let mut encoder = Encoder::with_capacity(capacity);
    message.encode(&mut encoder, version).unwrap();
    encoder.into_bytes()
}

fn row(name: &str, length: usize, ours: Cost, theirs: Cost) {
    println!(
        "| {name} | {length} | {} | {} | {:.1} | {} | {} | {} | {} |",
        time(ours.nanos),
        time(theirs.nanos),
        theirs.nanos / ours.nanos,
        ours.allocations,
        theirs.allocations,
        ours.bytes,
        theirs.bytes,
    );
}

fn time(nanos: f64) -> String {
    if nanos < 1e4 { format!("{nanos:.0} ns") } else { format!("{:.1} us", nanos / 1e3) }
}

fn topic_name(number: u32) -> String {
    format!("orders.region-{number:04}.v1")
}

/// A topic's id: any bytes but zeros.
fn topic_id(number: u32) -> Uuid {
    Uuid((1..=16).map(|n| n ^ number.to_be_bytes()[3]).collect::<Vec<u8>>().try_into().unwrap())
}

fn numbers(count: u32) -> impl Iterator<Item = i32> {
    (0..count).map(|number| i32::try_from(number).unwrap())
}

fn produce_request() -> ProduceRequest {
    let records = Some(Bytes::from(vec![7; 16_384]));
    let partition = |index| PartitionProduceData {
        index,
        records: records.clone(),
        ..PartitionProduceData::default()
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            topic_id: topic_id(1),
            partition_data: numbers(6).map(partition).collect(),
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

fn produce_response() -> ProduceResponse {
    let partition = |index| produce_response::PartitionProduceResponse {
        index,
        base_offset: 1_000_000,
        log_append_time_ms: -1,
        log_start_offset: 0,
        ..produce_response::PartitionProduceResponse::default()
    };
    ProduceResponse {
        responses: vec![TopicProduceResponse {
            topic_id: topic_id(1),
            partition_responses: numbers(6).map(partition).collect(),
            ..TopicProduceResponse::default()
        }],
        ..ProduceResponse::default()
    }
}

/// A first request of a session.
fn fetch_request() -> FetchRequest {
    let partition = |partition| FetchPartition {
        partition,
        current_leader_epoch: 4,
        fetch_offset: 1_000_000,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    };
    FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 50 << 20,
        session_epoch: 0,
        topics: (0..10)
            .map(|number| FetchTopic {
                topic_id: topic_id(number),
                partitions: numbers(10).map(partition).collect(),
                ..FetchTopic::default()
            })
            .collect(),
        ..FetchRequest::default()
    }
}

fn fetch_response(topics: u32, partitions: u32, records: usize) -> FetchResponse {
    let records = Some(Bytes::from(vec![7; records]));
    let partition = |partition_index| fetch_response::PartitionData {
        partition_index,
        high_watermark: 1_000_100,
        last_stable_offset: 1_000_100,
        log_start_offset: 0,
        aborted_transactions: Some(Vec::new()),
        records: records.clone(),
        ..fetch_response::PartitionData::default()
    };
    FetchResponse {
        session_id: 99,
        responses: (0..topics)
            .map(|number| FetchableTopicResponse {
                topic_id: topic_id(number),
                partitions: numbers(partitions).map(partition).collect(),
                ..FetchableTopicResponse::default()
            })
            .collect(),
        ..FetchResponse::default()
    }
}

fn metadata_response(topics: u32, partitions: u32) -> MetadataResponse {
    let partition = |partition_index: i32| {
        let replicas: Int32Array = (0..3).map(|replica| (partition_index + replica) % 6).collect();
        MetadataResponsePartition {
            partition_index,
            leader_id: partition_index % 6,
            leader_epoch: 4,
            isr_nodes: replicas.clone(),
            replica_nodes: replicas,
            ..MetadataResponsePartition::default()
        }
    };
    MetadataResponse {
        brokers: numbers(6)
            .map(|node_id| MetadataResponseBroker {
                node_id,
                host: format!("broker-{node_id}.kafka.internal").into(),
                port: 9092,
                rack: Some("eu-1a".into()),
                ..MetadataResponseBroker::default()
            })
            .collect(),
        cluster_id: Some("5L6g3nShT-eMCtK--X86sw".into()),
        controller_id: 1,
        topics: (0..topics)
            .map(|number| MetadataResponseTopic {
                name: Some(topic_name(number).into()),
                topic_id: topic_id(number),
                partitions: numbers(partitions).map(partition).collect(),
                ..MetadataResponseTopic::default()
            })
            .collect(),
        ..MetadataResponse::default()
    }
}

/// As many APIs as a broker of 4.3 names.
fn api_versions_response() -> ApiVersionsResponse {
    let api = |api_key| ApiVersion { api_key, max_version: 9, ..ApiVersion::default() };
    ApiVersionsResponse {
        api_keys: (0..62).map(api).collect(),
        finalized_features_epoch: 12,
        ..ApiVersionsResponse::default()
    }
}

fn subscription() -> Bytes {
    Bytes::from(vec![3; 120])
}

fn join_group_request() -> JoinGroupRequest {
    let protocol = |name: &str| JoinGroupRequestProtocol {
        name: name.into(),
        metadata: subscription(),
        ..JoinGroupRequestProtocol::default()
    };
    JoinGroupRequest {
        group_id: "payments".into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        member_id: "crm-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a".into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range"), protocol("cooperative-sticky")],
        reason: Some("the subscription has changed".into()),
        ..JoinGroupRequest::default()
    }
}

/// The leader's, which has every member's subscription.
fn join_group_response() -> JoinGroupResponse {
    let member = |number| JoinGroupResponseMember {
        member_id: format!("crm-{number:04}-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a").into(),
        metadata: subscription(),
        ..JoinGroupResponseMember::default()
    };
    JoinGroupResponse {
        generation_id: 17,
        protocol_type: Some("consumer".into()),
        protocol_name: Some("cooperative-sticky".into()),
        leader: "crm-0000-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a".into(),
        member_id: "crm-0000-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a".into(),
        members: (0..100).map(member).collect(),
        ..JoinGroupResponse::default()
    }
}

fn main() {
    // Cargo passes --bench; the first other argument is a filter.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let bench = Bench { filter };
    let heap = warm_heap();
    println!(
        "| what | bytes | Milena | kafka-protocol | times as fast | allocations | of kafka-protocol | bytes allocated | of kafka-protocol |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    let produce = produce_request();
    bench.compare::<_, witness::ProduceRequest>(", 6 x 16 KiB", 13, &produce);
    bench.frame(&produce);
    bench.compare::<_, witness::ProduceResponse>(", 6 partitions", 13, &produce_response());
    bench.compare::<_, witness::FetchRequest>(", 10 x 10 partitions", 18, &fetch_request());
    let fetched = fetch_response(1, 6, 65_536);
    bench.compare::<_, witness::FetchResponse>(", 6 x 64 KiB", 18, &fetched);
    let fetched = fetch_response(10, 10, 1024);
    bench.compare::<_, witness::FetchResponse>(", 10 x 10 x 1 KiB", 18, &fetched);
    let metadata = metadata_response(1, 6);
    bench.compare::<_, witness::MetadataResponse>(", 1 topic x 6", 13, &metadata);
    let metadata = metadata_response(1000, 10);
    bench.compare::<_, witness::MetadataResponse>(", 1,000 topics x 10", 13, &metadata);
    bench.compare::<_, witness::ApiVersionsResponse>(", 62 APIs", 4, &api_versions_response());
    bench.compare::<_, witness::JoinGroupRequest>(", 2 protocols", 9, &join_group_request());
    bench.compare::<_, witness::JoinGroupResponse>(", 100 members", 9, &join_group_response());
    drop(heap);
}
