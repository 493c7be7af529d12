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
use milena_benches::messages::{
    api_versions_response, fetch_request, fetch_response, join_group_request, join_group_response,
    metadata_response, produce_request, produce_response,
};
use milena_wire::{Decoder, Encoder, Message, frame, messages::ProduceRequest};

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
