//! Record batches: appending, sealing, checking, reading, and every codec both ways.
//!
//! `cargo bench -p milena-benches --bench records [FILTER]` prints the best of several rounds, and a
//! Markdown table of what the crate `kafka-protocol` takes for the same batches.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    indexmap::IndexMap,
    protocol::StrBytes,
    records::{self as witness, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions},
};
use milena_wire::compression::{Compression, Compressor, Decompressor};
use milena_wire::records::{Header, RecordBatchBuilder, RecordBatches, SealOptions};

/// Many and short: on a machine that is shared, a short one has a chance to run alone.
const ROUNDS: usize = 100;
const ROUND: Duration = Duration::from_millis(4);

struct Bench {
    filter: Option<String>,
}

impl Bench {
    fn is_wanted(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()))
    }

    /// Runs `work`, which handles `records` records in `bytes` bytes, and prints its best time.
    fn run(&self, name: &str, records: u32, bytes: usize, work: impl FnMut()) {
        if !self.is_wanted(name) {
            return;
        }
        let best = best(work);
        let per_record = best * 1e9 / f64::from(records);
        println!(
            "{name:<42} {per_record:>9.2} ns/record {:>9.2} M records/s {:>9.0} MB/s",
            1e3 / per_record,
            bytes as f64 / best / 1e6
        );
    }
}

/// The best time of a call, in seconds.
fn best(mut work: impl FnMut()) -> f64 {
    let [best] = best_in_turn([&mut work]);
    best
}

/// The best time of a call of each, in seconds. They take turns: the clock of a processor changes.
fn best_in_turn<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let times = works.each_mut().map(|work| {
        let started = Instant::now();
        work();
        let once = started.elapsed().max(Duration::from_nanos(50));
        (ROUND.as_nanos() / once.as_nanos()).clamp(1, 1_000_000)
    });
    let mut best = [f64::MAX; N];
    for _ in 0..ROUNDS {
        for ((work, times), best) in works.iter_mut().zip(times).zip(&mut best) {
            let started = Instant::now();
            for _ in 0..times {
                work();
            }
            *best = best.min(started.elapsed().as_secs_f64() / times as f64);
        }
    }
    best
}

/// Bytes that compress as JSON events do: a linear congruential generator picks the fields.
fn event(state: &mut u64, len: usize) -> Vec<u8> {
    let mut next = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        *state >> 33
    };
    let mut value = Vec::new();
    while value.len() < len {
        let kind = ["click", "view", "purchase", "login"][(next() % 4) as usize];
        let (user, page, session) = (next() % 500_000, next() % 1_000, next());
        value.extend_from_slice(
            format!(
                "{{\"event\":\"{kind}\",\"user\":\"u{user:06}\",\"page\":\"/products/{page}\",\
                 \"session\":\"{session:08x}\",\"ok\":{}}}",
                page % 2 == 0
            )
            .as_bytes(),
        );
    }
    value.truncate(len);
    value
}

fn values(count: usize, len: usize) -> Vec<Vec<u8>> {
    let mut state = 42;
    (0..count).map(|_| event(&mut state, len)).collect()
}

fn fill(mut builder: RecordBatchBuilder, values: &[Vec<u8>], with: Fields) -> RecordBatchBuilder {
    let headers = [Header::new("trace", Some(b"0123456789abcdef"))];
    let headers = if with.header { headers.as_slice() } else { &[] };
    let key = with.key.then_some(b"key-0001".as_slice());
    for (value, timestamp) in values.iter().zip(1_700_000_000_000..) {
        builder.append(timestamp, key, Some(value), headers).unwrap();
    }
    builder
}

#[derive(Clone, Copy)]
struct Fields {
    key: bool,
    header: bool,
}

const PLAIN: Fields = Fields { key: false, header: false };

fn sealed(values: &[Vec<u8>], with: Fields, compression: Compression) -> Bytes {
    let builder = fill(RecordBatchBuilder::with_capacity(1024), values, with);
    let options = SealOptions { compression, ..SealOptions::default() };
    builder.seal(&options, &mut Compressor::new()).unwrap().into_bytes()
}

fn appending(bench: &Bench) {
    let kinds = [
        ("append 10 B", 10, PLAIN),
        ("append 100 B", 100, PLAIN),
        ("append 100 B with key", 100, Fields { key: true, header: false }),
        ("append 100 B with key and header", 100, Fields { key: true, header: true }),
        ("append 1 KiB", 1024, PLAIN),
    ];
    for (name, len, with) in kinds {
        let values = values(128, len);
        let mut buffer = BytesMut::with_capacity(256 * 1024);
        let bytes = sealed(&values, with, Compression::None).len();
        bench.run(name, 128, bytes, || {
            let builder = RecordBatchBuilder::with_buffer(std::mem::take(&mut buffer));
            buffer = black_box(fill(builder, black_box(&values), with)).into_buffer();
        });
    }
}

fn reading(bench: &Bench) {
    let kinds = [
        ("read 10 B", 10, PLAIN),
        ("read 100 B", 100, PLAIN),
        ("read 100 B with key and header", 100, Fields { key: true, header: true }),
    ];
    for (name, len, with) in kinds {
        let batch = sealed(&values(1000, len), with, Compression::None);
        bench.run(name, 1000, batch.len(), || {
            for batch in RecordBatches::new(black_box(batch.clone())) {
                let records = batch.unwrap().records(0).unwrap();
                let mut sum = 0;
                for record in &records {
                    let record = record.unwrap();
                    sum += record.value.map_or(0, <[u8]>::len) + record.headers().len();
                }
                black_box(sum);
            }
        });
    }
    let batch = sealed(&values(1000, 100), PLAIN, Compression::None);
    bench.run("verify the checksum, 100 B", 1000, batch.len(), || {
        for batch in RecordBatches::new(black_box(batch.clone())) {
            batch.unwrap().verify_crc().unwrap();
        }
    });
}

fn sealing(bench: &Bench) {
    for (name, count) in [("16 KiB", 146), ("1 MiB", 9_360)] {
        let values = values(count, 100);
        let records = u32::try_from(count).unwrap();
        let mut buffer = BytesMut::with_capacity(1100 * 1024);
        let mut compressor = Compressor::new();
        let bytes = sealed(&values, PLAIN, Compression::None).len();
        bench.run(&format!("append and seal, {name} of 100 B"), records, bytes, || {
            let builder = RecordBatchBuilder::with_buffer(std::mem::take(&mut buffer));
            let filled = fill(builder, black_box(&values), PLAIN);
            let sealed = filled.seal(&SealOptions::default(), &mut compressor).unwrap();
            buffer = sealed.try_into_buffer().unwrap();
        });
        let builder = fill(RecordBatchBuilder::with_capacity(1024), &values, PLAIN);
        let mut sealed = builder.seal(&SealOptions::default(), &mut compressor).unwrap();
        let mut sequence = 0;
        bench.run(&format!("set the producer of {name}"), records, bytes, || {
            sequence += 1;
            black_box(&mut sealed).set_producer(1, 2, sequence);
        });
    }
}

fn codecs(bench: &Bench) {
    let codecs = [
        ("gzip 1", Compression::Gzip { level: 1 }),
        ("gzip 6", Compression::Gzip { level: 6 }),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4 { level: 9 }),
        ("zstd 1", Compression::Zstd { level: 1 }),
        ("zstd 3", Compression::Zstd { level: 3 }),
    ];
    for (size, count) in [("16 KiB", 16), ("64 KiB", 63), ("1 MiB", 1_000)] {
        let values = values(count, 1024);
        let records = u32::try_from(count).unwrap();
        let plain = sealed(&values, PLAIN, Compression::None);
        let content = &plain[61..];
        let mut compressor = Compressor::new();
        let mut decompressor = Decompressor::new();
        for (name, compression) in codecs {
            let mut block = Vec::new();
            compressor.compress(compression, content, &mut block).unwrap();
            let ratio = content.len() as f64 / block.len() as f64;
            let name = format!("{name} {size}, ratio {ratio:.2}");
            bench.run(&format!("compress {name}"), records, content.len(), || {
                block.clear();
                compressor.compress(compression, black_box(content), &mut block).unwrap();
            });
            let codec = compression.codec();
            bench.run(&format!("decompress {name}"), records, content.len(), || {
                // As for a fetched batch: the content goes to the consumer.
                let mut output = Vec::new();
                decompressor.decompress(codec, &block, 1 << 21, &mut output).unwrap();
                black_box(output);
            });
        }
    }
}

/// Records as the witness has them: in one batch, and ready to be written.
fn witnessed(values: &[Vec<u8>], with: Fields) -> Vec<witness::Record> {
    let header = || (StrBytes::from_static_str("trace"), Some(Bytes::from("0123456789abcdef")));
    let record = |(number, value): (i32, &Vec<u8>)| witness::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 7,
        producer_epoch: 1,
        timestamp_type: witness::TimestampType::Creation,
        offset: number.into(),
        sequence: number,
        timestamp: 1_700_000_000_000 + i64::from(number),
        key: with.key.then(|| Bytes::from("key-0001")),
        value: Some(Bytes::from(value.clone())),
        headers: with.header.then(header).into_iter().collect::<IndexMap<_, _>>(),
    };
    (0..).zip(values).map(record).collect()
}

/// A record whose parts keep the batch alive.
#[expect(dead_code, reason = "what a caller would look at")]
struct Kept {
    offset: i64,
    timestamp: i64,
    key: Option<Bytes>,
    value: Option<Bytes>,
    headers: Vec<(Bytes, Option<Bytes>)>,
}

/// Both codecs for the same batch.
struct Pair {
    records: Vec<witness::Record>,
    bytes: Bytes,
    compressor: Compressor,
}

impl Pair {
    /// A batch that both write alike.
    fn new(len: usize, with: Fields) -> Self {
        let records = witnessed(&values(1000, len), with);
        let mut pair = Self { records, bytes: Bytes::new(), compressor: Compressor::new() };
        let mut theirs = BytesMut::new();
        pair.encode_theirs(&mut theirs);
        let ours = pair.encode(BytesMut::new());
        assert_eq!(ours, theirs, "both write the same bytes");
        pair.bytes = theirs.freeze();
        assert_eq!((pair.keep().len(), pair.walk()), (1000, len * 1000));
        pair
    }

    fn encode_theirs(&self, buffer: &mut BytesMut) {
        let compression = witness::Compression::None;
        let options = RecordEncodeOptions { version: 2, compression };
        RecordBatchEncoder::encode(buffer, black_box(&self.records), &options).unwrap();
    }

    /// What no encoder can do without: copies what is in the records, and takes the checksum of that.
    fn copy(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        for record in black_box(&self.records) {
            buffer.extend_from_slice(record.key.as_deref().unwrap_or_default());
            buffer.extend_from_slice(record.value.as_deref().unwrap_or_default());
            for (name, value) in &record.headers {
                buffer.extend_from_slice(name.as_bytes());
                buffer.extend_from_slice(value.as_deref().unwrap_or_default());
            }
        }
        black_box(crc32c::crc32c(buffer));
    }

    /// Gives the buffer back, with the batch in it.
    fn encode(&mut self, buffer: BytesMut) -> BytesMut {
        let mut builder = RecordBatchBuilder::with_buffer(buffer);
        let mut headers = Vec::new();
        for record in black_box(&self.records) {
            headers.clear();
            for (name, value) in &record.headers {
                headers.push(Header::new(name, value.as_deref()));
            }
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder.append(record.timestamp, key, value, &headers).unwrap();
        }
        let (producer_id, producer_epoch, base_sequence) = (7, 1, 0);
        let options =
            SealOptions { producer_id, producer_epoch, base_sequence, ..SealOptions::default() };
        let sealed = builder.seal(&options, &mut self.compressor).unwrap();
        sealed.try_into_buffer().unwrap()
    }

    fn decode_theirs(&self) -> usize {
        let decoded = RecordBatchDecoder::decode(&mut black_box(&self.bytes).clone()).unwrap();
        black_box(decoded.records).len()
    }

    /// Looks at every part of each record as a consumer does, and keeps none. Gives the bytes of the
    /// values.
    fn walk(&self) -> usize {
        let (mut values, mut others) = (0, 0);
        for batch in RecordBatches::new(black_box(&self.bytes).clone()) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            for record in &batch.records(0).unwrap() {
                let record = record.unwrap();
                values += record.value.map_or(0, <[u8]>::len);
                others ^= record.offset ^ record.timestamp;
                others ^= i64::from(record.key.is_some_and(|key| key.starts_with(b"key")));
                for header in record.headers() {
                    others ^= i64::from(header.key_bytes() == b"trace" && header.value().is_some());
                }
            }
        }
        black_box(others);
        values
    }

    /// Gives what the witness gives: each record as a value of its own.
    fn keep(&self) -> Vec<Kept> {
        let mut kept = Vec::new();
        for batch in RecordBatches::new(black_box(&self.bytes).clone()) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            let records = batch.records(0).unwrap();
            let slice = |part: &[u8]| records.slice_ref(part);
            // As the witness does; what a peer claims is a reason to reserve only here.
            kept.reserve(batch.records_count().map_or(0, |count| usize::try_from(count).unwrap()));
            for record in &records {
                let record = record.unwrap();
                let header =
                    |header: Header<'_>| (slice(header.key_bytes()), header.value().map(slice));
                kept.push(Kept {
                    offset: record.offset,
                    timestamp: record.timestamp,
                    key: record.key.map(slice),
                    value: record.value.map(slice),
                    headers: record.headers().map(header).collect(),
                });
            }
        }
        kept
    }
}

fn row(name: &str, ours: f64, theirs: f64) {
    let rate = |seconds: f64| 1000.0 / seconds / 1e6;
    let times = theirs / ours;
    println!("| {name} | {:.1} | {:.1} | {times:.1} |", rate(ours), rate(theirs));
}

/// The table of both codecs, in millions of records a second.
fn compared(bench: &Bench) {
    if !bench.is_wanted("kafka-protocol") {
        return;
    }
    println!(
        "\n| 1,000 records in a batch | Milena, M/s | kafka-protocol, M/s | times as fast |\n\
         | --- | --- | --- | --- |"
    );
    for (name, len, with) in [
        ("10 B", 10, PLAIN),
        ("100 B", 100, PLAIN),
        ("100 B with key and header", 100, Fields { key: true, header: true }),
        ("1 KiB", 1024, PLAIN),
    ] {
        let mut pair = Pair::new(len, with);
        let mut buffer = BytesMut::with_capacity(pair.bytes.len() + 1024);
        let mut other = BytesMut::with_capacity(buffer.capacity());
        let witness = Pair::new(len, with);
        let mut copied = Vec::with_capacity(buffer.capacity());
        let [ours, theirs, floor] = best_in_turn([
            &mut || buffer = pair.encode(std::mem::take(&mut buffer)),
            &mut || {
                other.clear();
                witness.encode_theirs(black_box(&mut other));
            },
            &mut || witness.copy(&mut copied),
        ]);
        row(&format!("encode {name}"), ours, theirs);
        row(&format!("copy and checksum {name}, no more"), floor, theirs);
        let [walked, kept, theirs] = best_in_turn([
            &mut || {
                black_box(pair.walk());
            },
            &mut || drop(black_box(pair.keep())),
            &mut || {
                black_box(pair.decode_theirs());
            },
        ]);
        row(&format!("decode {name}, walked over"), walked, theirs);
        row(&format!("decode {name}, all kept"), kept, theirs);
    }
}

fn main() {
    // Cargo passes --bench; the first other argument is a filter.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let bench = Bench { filter };
    appending(&bench);
    sealing(&bench);
    reading(&bench);
    codecs(&bench);
    compared(&bench);
}
