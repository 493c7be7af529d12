//! Works of the codec: record batches and messages, without a connection.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use milena_benches::messages;
use milena_wire::{
    Decoder, Encoder, Message,
    compression::Compressor,
    frame,
    records::{RecordBatchBuilder, RecordBatches, SealOptions},
};

/// Records of a batch: 1 MiB of them.
const BATCH_RECORDS: usize = 9_360;

const VALUE: [u8; 100] = [b'v'; 100];

fn fill(builder: &mut RecordBatchBuilder, records: usize) {
    for timestamp in (1_700_000_000_000..).take(records) {
        builder.append(timestamp, None, Some(black_box(&VALUE)), &[]).unwrap();
    }
}

/// Appends records of 100 B to batches, and seals those.
pub(crate) fn append(records: usize) {
    let mut compressor = Compressor::new();
    let mut buffer = BytesMut::with_capacity(1100 * 1024);
    let mut left = records;
    while left > 0 {
        let count = left.min(BATCH_RECORDS);
        left -= count;
        let mut builder = RecordBatchBuilder::with_buffer(std::mem::take(&mut buffer));
        fill(&mut builder, count);
        let sealed = builder.seal(&SealOptions::default(), &mut compressor).unwrap();
        buffer = black_box(sealed).try_into_buffer().unwrap();
    }
}

/// Checks and reads batches of records of 100 B.
pub(crate) fn read(records: usize) {
    let mut builder = RecordBatchBuilder::with_capacity(1 << 20);
    fill(&mut builder, BATCH_RECORDS);
    let sealed = builder.seal(&SealOptions::default(), &mut Compressor::new()).unwrap();
    let bytes = sealed.into_bytes();
    let mut seen = 0;
    while seen < records {
        for batch in RecordBatches::new(black_box(&bytes).clone()) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            let content = batch.records(0).unwrap();
            for record in content.iter().take(records - seen) {
                let record = record.unwrap();
                assert!(record.value.is_some_and(|value| value.len() == VALUE.len()));
                seen += 1;
            }
        }
    }
}

fn encoded<M: Message>(message: &M, version: i16, capacity: usize) -> Bytes {
    let mut encoder = Encoder::with_capacity(capacity);
    message.encode(&mut encoder, version).unwrap();
    encoder.into_bytes()
}

fn decode<M: Message>(message: &M, version: i16, repetitions: usize) {
    let bytes = encoded(message, version, 0);
    for _ in 0..repetitions {
        let read: M = Decoder::new(black_box(&bytes).clone()).message(version).unwrap();
        drop(black_box(read));
    }
}

fn encode<M: Message>(message: &M, version: i16, repetitions: usize) {
    let capacity = encoded(message, version, 0).len();
    for _ in 0..repetitions {
        drop(black_box(encoded(black_box(message), version, capacity)));
    }
}

/// Decodes a Metadata response of 1,000 topics of 10 partitions.
pub(crate) fn decode_metadata(repetitions: usize) {
    decode(&messages::metadata_response(1000, 10), 13, repetitions);
}

/// Encodes a Metadata response of 1,000 topics of 10 partitions.
pub(crate) fn encode_metadata(repetitions: usize) {
    encode(&messages::metadata_response(1000, 10), 13, repetitions);
}

/// Makes the frame of a Produce request with six batches of 16 KiB.
pub(crate) fn frame_produce(repetitions: usize) {
    let request = messages::produce_request();
    for correlation_id in (0..).take(repetitions) {
        let request = black_box(&request);
        drop(black_box(frame::encode_request(13, correlation_id, Some("count"), request).unwrap()));
    }
}

/// Decodes a Produce response of six partitions.
pub(crate) fn decode_produced(repetitions: usize) {
    decode(&messages::produce_response(), 13, repetitions);
}

/// Encodes a Fetch request of 10 topics of 10 partitions.
pub(crate) fn encode_fetch(repetitions: usize) {
    encode(&messages::fetch_request(), 18, repetitions);
}

/// Decodes a Fetch response of 10 topics of 10 partitions with 1 KiB each.
pub(crate) fn decode_fetched(repetitions: usize) {
    decode(&messages::fetch_response(10, 10, 1024), 18, repetitions);
}
