//! What reading and appending records allocates: nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use milena_wire::compression::{Compression, CompressionType, Compressor, Decompressor};
use milena_wire::records::{
    Header, RecordBatchBuilder, RecordBatchMut, RecordBatches, SealOptions,
};

fn filled(mut builder: RecordBatchBuilder, records: u32) -> RecordBatchBuilder {
    let value = [b'v'; 100];
    let headers = [Header::new("trace", Some(b"1")), Header::new("trace", None)];
    for index in 0..records {
        let headers = if index % 3 == 0 { headers.as_slice() } else { &[] };
        builder.append(1_000 + i64::from(index), Some(b"key"), Some(&value), headers).unwrap();
    }
    builder
}

fn batch(records: u32, compression: Compression) -> Bytes {
    let builder = filled(RecordBatchBuilder::with_capacity(1024), records);
    let options = SealOptions { compression, ..SealOptions::default() };
    builder.seal(&options, &mut Compressor::new()).unwrap().into_bytes()
}

/// Walks all records, their headers too, and gives their number.
fn walk(frame: Bytes) -> u64 {
    let mut count = 0;
    for batch in RecordBatches::new(frame) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        let records = batch.records(0).unwrap();
        for record in &records {
            let record = record.unwrap();
            let value = records.slice_ref(record.value.unwrap());
            count += 1 + record.headers().count() as u64 / 100 + value.len() as u64 / 1000;
        }
    }
    count
}

#[test]
fn reading_uncompressed_records_allocates_nothing() {
    let one = batch(500, Compression::None);
    let mut frame = BytesMut::new();
    for _ in 0..3 {
        frame.extend_from_slice(&one);
    }
    // Frames are parts of a receive buffer, whose memory is shared from the start.
    let frame = frame.split().freeze();
    let shared = frame.clone();
    let mut count = 0;
    let allocations = allocation_counter::measure(|| count = walk(shared));
    assert_eq!(count, 1500);
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn appending_within_the_capacity_allocates_nothing() {
    let mut builder = RecordBatchBuilder::with_capacity(1 << 20);
    let allocations = allocation_counter::measure(|| {
        let taken =
            std::mem::replace(&mut builder, RecordBatchBuilder::with_buffer(BytesMut::new()));
        builder = filled(taken, 5_000);
    });
    // One for the header of the builder that stood in.
    assert!(allocations.count_total <= 1, "{allocations:?}");
    assert_eq!(builder.records_count(), 5_000);
}

#[test]
fn a_buffer_that_comes_back_serves_the_next_batch() {
    let mut compressor = Compressor::new();
    let mut buffer = BytesMut::with_capacity(1 << 18);
    let options = SealOptions { compression: Compression::Snappy, ..SealOptions::default() };
    // The first round makes the codec's tables.
    for round in 0..4 {
        let mut returned = BytesMut::new();
        let allocations = allocation_counter::measure(|| {
            let builder = RecordBatchBuilder::with_buffer(std::mem::take(&mut buffer));
            let sealed = filled(builder, 1_000).seal(&options, &mut compressor).unwrap();
            returned = sealed.try_into_buffer().unwrap();
        });
        buffer = returned;
        assert!(buffer.capacity() >= 1 << 18, "capacity {}", buffer.capacity());
        if round > 0 {
            assert!(allocations.count_total <= 2, "round {round}: {allocations:?}");
        }
    }
}

#[test]
fn sequences_are_set_in_place_while_nobody_shares_the_batch() {
    let builder = filled(RecordBatchBuilder::with_capacity(1 << 16), 100);
    let mut sealed = builder.seal(&SealOptions::default(), &mut Compressor::new()).unwrap();
    let at = sealed.bytes().as_ptr();
    sealed.set_producer(7, 1, 40);
    sealed.set_producer(7, 2, 0);
    assert_eq!(sealed.bytes().as_ptr(), at);
    let mut copy = sealed.bytes().to_vec();
    let mut edit = RecordBatchMut::new(&mut copy).unwrap();
    let allocations = allocation_counter::measure(|| edit.set_log_append_time(5));
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn decompressing_allocates_in_proportion_to_what_is_there() {
    // Frames that promise much and hold little; the limit alone would allow it.
    let limit = 1 << 30;
    let promises: [(CompressionType, Vec<u8>); 6] = [
        // Raw snappy whose length says 1 GiB - 1.
        (CompressionType::Snappy, vec![0xff, 0xff, 0xff, 0xff, 0x03, 0, 1]),
        // zstd, single segment, content size of 1 GiB - 1, one block of 3 bytes.
        (
            CompressionType::Zstd,
            vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0x3f, 0x19, 0, 0, 1, 2, 3],
        ),
        // The same behind a skippable frame.
        (
            CompressionType::Zstd,
            vec![
                0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9, 0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff,
                0xff, 0x3f, 0x19, 0, 0, 1, 2, 3,
            ],
        ),
        // zstd with a window of 128 MiB and one empty block.
        (CompressionType::Zstd, vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0, 0]),
        // lz4 with blocks of 4 MiB and a block of one byte.
        (CompressionType::Lz4, lz4_with_block_of_4_mib()),
        // gzip, a stored block that says 65,535 bytes and ends.
        (CompressionType::Gzip, vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0xff, 0xff, 0, 0, 1]),
    ];
    for (codec, input) in promises {
        let mut decompressor = Decompressor::new();
        let mut output = Vec::new();
        let mut result = Ok(());
        let allocations = allocation_counter::measure(|| {
            result = decompressor.decompress(codec, &input, limit, &mut output);
        });
        assert!(allocations.bytes_max < 512 * 1024, "{codec}: {allocations:?} {result:?}");
    }
}

fn lz4_with_block_of_4_mib() -> Vec<u8> {
    let mut frame = vec![0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73];
    frame.extend_from_slice(&1_u32.to_le_bytes());
    frame.extend_from_slice(&[0x00, 0, 0, 0, 0]);
    frame
}
