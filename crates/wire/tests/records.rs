//! Record batches: what is written is read, and whatever bytes come, reading ends in order.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use milena_wire::compression::{
    Compression, CompressionType, Compressor, DecompressErrorKind, Decompressor,
};
use milena_wire::records::{
    ControlRecordType, EndTransactionMarker, Header, MeasuredHeaders, RECORD_BATCH_OVERHEAD,
    RecordBatch, RecordBatchBuilder, RecordBatchMut, RecordBatches, RecordErrorKind, Records,
    SealOptions, SealedBatch, TimestampType, convert_to, end_transaction_batch,
};
use proptest::collection::vec;
use proptest::prelude::*;

const LIMIT: usize = 8 << 20;

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn entry() -> impl Strategy<Value = Entry> {
    let bytes = || prop_oneof![vec(any::<u8>(), 0..200), vec(b'a'..b'd', 0..2000)];
    let headers = vec((".{0,12}", proptest::option::of(vec(any::<u8>(), 0..40))), 0..4);
    (any::<i64>(), proptest::option::of(bytes()), proptest::option::of(bytes()), headers)
        .prop_map(|(timestamp, key, value, headers)| Entry { timestamp, key, value, headers })
}

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        Just(Compression::None),
        (1..=9).prop_map(|level| Compression::Gzip { level }),
        Just(Compression::Snappy),
        Just(Compression::Lz4 { level: 9 }),
        prop_oneof![-7..=6, Just(12), Just(19), Just(22)]
            .prop_map(|level| Compression::Zstd { level }),
    ]
}

fn seal(entries: &[Entry], options: &SealOptions) -> SealedBatch {
    let mut builder = RecordBatchBuilder::with_capacity(64);
    for (index, entry) in entries.iter().enumerate() {
        let headers: Vec<_> =
            entry.headers.iter().map(|(key, value)| Header::new(key, value.as_deref())).collect();
        let expected = builder.size_after(
            entry.timestamp,
            entry.key.as_ref().map(Vec::len),
            entry.value.as_ref().map(Vec::len),
            MeasuredHeaders::of(&headers).encoded_len(),
        );
        let before = builder.encoded_len();
        let at = builder
            .append(entry.timestamp, entry.key.as_deref(), entry.value.as_deref(), &headers)
            .unwrap();
        assert_eq!(at as usize, index);
        assert_eq!(builder.encoded_len(), expected);
        let bound = RecordBatchBuilder::size_upper_bound(
            entry.key.as_ref().map(Vec::len),
            entry.value.as_ref().map(Vec::len),
            MeasuredHeaders::of(&headers).encoded_len(),
        );
        assert!(expected - before + RECORD_BATCH_OVERHEAD <= bound);
    }
    builder.seal(options, &mut Compressor::new()).unwrap()
}

fn only_batch(bytes: Bytes) -> RecordBatch {
    let mut batches = RecordBatches::new(bytes);
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch
}

/// Makes the length field say what is there.
fn set_length(batch: &mut [u8]) {
    let length = u32::try_from(batch.len() - 12).unwrap();
    batch[8..12].copy_from_slice(&length.to_be_bytes());
}

fn read(batch: &RecordBatch) -> Vec<(i64, Entry)> {
    let records = batch.records(LIMIT).unwrap();
    records
        .iter()
        .map(|record| {
            let record = record.unwrap();
            let headers = record
                .headers()
                .map(|header| (header.key().into_owned(), header.value().map(<[u8]>::to_vec)))
                .collect();
            let entry = Entry {
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers,
            };
            (record.offset, entry)
        })
        .collect()
}

fn sample(compression: Compression) -> Bytes {
    let entries: Vec<_> = (0..20_u8)
        .map(|index| Entry {
            timestamp: 1_000 + i64::from(index),
            key: (index % 3 != 0).then(|| vec![index; 3]),
            value: (index % 5 != 0).then(|| b"a value, a value, another value".repeat(2)),
            headers: if index % 4 == 0 {
                vec![("h".to_owned(), Some(vec![index])), ("h".to_owned(), None)]
            } else {
                Vec::new()
            },
        })
        .collect();
    seal(&entries, &SealOptions { compression, base_offset: 100, ..SealOptions::default() })
        .into_bytes()
}

fn samples() -> Vec<Bytes> {
    let mut samples = Vec::new();
    for codec in CompressionType::ALL {
        let batch = sample(codec.into());
        for magic in 0..2 {
            if let Ok(set) = convert_to(magic, &only_batch(batch.clone()), LIMIT) {
                samples.push(set);
            }
        }
        samples.push(batch);
    }
    samples
}

/// Reads everything that can be read, and does everything else that takes foreign bytes.
fn consume(bytes: &Bytes) {
    const SMALL_LIMIT: usize = 1 << 20;
    let mut batches = RecordBatches::new(bytes.clone());
    let _ = batches.incomplete_size();
    for batch in batches.by_ref() {
        let Ok(batch) = batch else { continue };
        let _ = batch.verify_crc();
        let _ = (batch.last_sequence(), batch.next_offset(), batch.delete_horizon_ms());
        for magic in 0..2 {
            let _ = convert_to(magic, &batch, SMALL_LIMIT);
        }
        match batch.records(SMALL_LIMIT) {
            Ok(records) => {
                for record in records.iter().flatten() {
                    let _ = records.slice_ref(record.value.unwrap_or_default());
                    let _ = record.headers().map(|header| header.key().len()).sum::<usize>();
                    if batch.is_control() {
                        let _ = ControlRecordType::parse(record.key.unwrap_or_default());
                        let _ = EndTransactionMarker::parse(record.value.unwrap_or_default());
                    }
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(batches.next().is_none());
    let mut copy = bytes.to_vec();
    if let Ok(mut batch) = RecordBatchMut::new(&mut copy) {
        batch.set_producer(1, 2, 3);
        batch.set_log_append_time(4);
        batch.set_base_offset(i64::MAX);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        entries in vec(entry(), 1..40),
        compression in compression(),
        base_offset in 0..i64::MAX - 100,
    ) {
        let options = SealOptions { compression, base_offset, ..SealOptions::default() };
        let sealed = seal(&entries, &options);
        let batch = only_batch(sealed.bytes().clone());
        batch.verify_crc().unwrap();
        prop_assert_eq!(batch.base_offset(), base_offset);
        prop_assert_eq!(batch.records_count(), i32::try_from(entries.len()).ok());
        let last = (base_offset..).nth(entries.len() - 1);
        prop_assert_eq!(Some(batch.last_offset()), last);
        prop_assert_eq!(batch.base_timestamp(), entries[0].timestamp);
        let max_timestamp = entries.iter().map(|entry| entry.timestamp).max();
        prop_assert_eq!(Some(batch.max_timestamp()), max_timestamp);
        let expected: Vec<_> = (base_offset..).zip(entries).collect();
        prop_assert_eq!(read(&batch), expected);
    }

    #[test]
    fn changed_headers_keep_the_checksum_right(
        entries in vec(entry(), 0..10),
        compression in compression(),
        producer_id in any::<i64>(),
        producer_epoch in any::<i16>(),
        base_sequence in any::<i32>(),
        timestamp in any::<i64>(),
    ) {
        let mut sealed = seal(&entries, &SealOptions { compression, ..SealOptions::default() });
        let before = sealed.bytes().clone();
        sealed.set_producer(producer_id, producer_epoch, base_sequence);
        let batch = only_batch(sealed.bytes().clone());
        batch.verify_crc().unwrap();
        prop_assert_eq!(batch.producer_id(), producer_id);
        prop_assert_eq!(batch.producer_epoch(), producer_epoch);
        prop_assert_eq!(batch.base_sequence(), base_sequence);
        only_batch(before).verify_crc().unwrap();

        let mut stored = batch.as_bytes().to_vec();
        let mut edit = RecordBatchMut::new(&mut stored).unwrap();
        edit.set_base_offset(77);
        edit.set_partition_leader_epoch(5);
        edit.set_log_append_time(timestamp);
        let batch = only_batch(stored.into());
        batch.verify_crc().unwrap();
        prop_assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
        prop_assert_eq!(batch.partition_leader_epoch(), 5);
        let seen = read(&batch);
        prop_assert!(seen.iter().all(|(_, entry)| entry.timestamp == timestamp));
        prop_assert!(seen.iter().map(|(offset, _)| *offset).eq((77..).take(entries.len())));
    }

    #[test]
    fn mutated_batches_are_read_to_some_end(
        which in 0..15_usize,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let samples = samples();
        let mut bytes = samples[which % samples.len()].to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        consume(&bytes.into());
    }

    #[test]
    fn any_bytes_are_read_to_some_end(bytes in vec(any::<u8>(), 0..300), magic in 0..3_u8) {
        consume(&bytes.clone().into());
        // The same with a length and a magic that lead further.
        let mut bytes = bytes;
        if bytes.len() > RECORD_BATCH_OVERHEAD {
            set_length(&mut bytes);
            bytes[16] = magic;
            consume(&bytes.into());
        }
    }

    #[test]
    fn decompressed_blocks_never_exceed_the_limit(
        codec in prop::sample::select(CompressionType::ALL.to_vec()),
        content in vec(b'a'..b'c', 0..3000),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        limit in 0..4000_usize,
    ) {
        let mut block = Vec::new();
        Compressor::new().compress(codec.into(), &content, &mut block).unwrap();
        let is_changed = !changes.is_empty();
        for (at, byte) in changes {
            if !block.is_empty() {
                let at = at.index(block.len());
                block[at] = byte;
            }
        }
        let mut output = Vec::new();
        let result = Decompressor::new().decompress(codec, &block, limit, &mut output);
        prop_assert!(output.len() <= limit);
        match result {
            Err(ref error) if !is_changed => {
                prop_assert_eq!(error.kind(), &DecompressErrorKind::LimitExceeded { limit });
                prop_assert!(content.len() > limit);
            }
            _ => {}
        }
        if !is_changed && content.len() <= limit {
            prop_assert_eq!(output, content);
        }
    }
}

#[test]
fn every_truncation_ends_quietly() {
    for sample in samples() {
        let whole = RecordBatches::new(sample.clone()).count();
        for length in 0..sample.len() {
            let cut = sample.slice(..length);
            let mut batches = RecordBatches::new(cut.clone());
            let complete = batches.by_ref().filter(Result::is_ok).count();
            assert!(complete < whole);
            assert_eq!(batches.is_truncated(), batches.position() != length);
            if length >= 12 && complete == 0 {
                let size = RecordBatches::new(sample.clone()).next().unwrap().unwrap().size_bytes();
                assert_eq!(batches.incomplete_size(), Some(size));
            }
            consume(&cut);
        }
    }
}

#[test]
fn every_truncation_of_the_records_is_an_error() {
    for codec in CompressionType::ALL {
        let sample = sample(codec.into());
        for length in RECORD_BATCH_OVERHEAD..sample.len() {
            let mut cut = sample[..length].to_vec();
            set_length(&mut cut);
            let batch = only_batch(cut.into());
            assert!(batch.verify_crc().is_err());
            let failed = match batch.records(LIMIT) {
                Ok(records) => records.iter().any(|record| record.is_err()),
                Err(_) => true,
            };
            assert!(failed, "{codec} cut at {length}");
        }
    }
}

#[test]
fn rejects_batch_length_below_header() {
    for (length, magic, expected) in [(-1, 2, 14), (13, 0, 14), (21, 1, 22), (48, 2, 49)] {
        let mut bytes = vec![0; 100];
        bytes[8..12].copy_from_slice(&i32::to_be_bytes(length));
        bytes[16] = magic;
        let error = RecordBatches::new(bytes.into()).next().unwrap().unwrap_err();
        let kind = RecordErrorKind::BatchLengthBelowHeader { length, expected };
        assert_eq!((error.kind(), error.position()), (&kind, 8));
    }
}

#[test]
fn errors_say_which_batch_and_where() {
    let good = sample(Compression::None);
    let mut bytes = good.to_vec();
    let mut bad = good.to_vec();
    // The attributes of the first record are at byte 63, its timestamp delta behind them.
    bad[61] = 0x7f;
    bytes.extend_from_slice(&bad);
    let second = RecordBatches::new(bytes.into()).nth(1).unwrap().unwrap();
    assert_eq!(second.position(), good.len());
    let records = second.records(0).unwrap();
    let error = records.iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), &RecordErrorKind::NegativeLength { field: "record", length: -64 });
    assert_eq!(error.position(), good.len() + 61);
    assert_eq!(error.base_offset(), Some(100));
    assert_eq!(records.iter().count(), 1);
}

#[test]
fn rejects_unknown_magic_codec_and_counts() {
    let cases: [(usize, u8, RecordErrorKind); 4] = [
        (16, 3, RecordErrorKind::UnknownMagic { magic: 3 }),
        (22, 6, RecordErrorKind::UnknownCompression { id: 6 }),
        (57, 0xff, RecordErrorKind::NegativeRecordsCount { count: -16_777_196 }),
        (23, 0x80, RecordErrorKind::InvalidLastOffsetDelta { delta: i32::MIN + 19 }),
    ];
    for (at, byte, kind) in cases {
        let mut bytes = sample(Compression::None).to_vec();
        bytes[at] = byte;
        let mut batches = RecordBatches::new(bytes.into());
        assert_eq!(batches.next().unwrap().unwrap_err().kind(), &kind);
        assert!(batches.next().is_none());
    }
}

#[test]
fn rejects_a_records_count_that_the_bytes_do_not_have() {
    for (count, failures) in [(21_u32, 1), (19, 1), (u32::MAX >> 1, 1), (20, 0)] {
        let mut bytes = sample(Compression::None).to_vec();
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        let records = only_batch(bytes.into()).records(0).unwrap();
        assert_eq!(records.iter().filter(Result::is_err).count(), failures, "{count}");
        assert!(records.iter().size_hint().1.unwrap() < 1_000);
    }
}

#[test]
fn a_damaged_byte_fails_the_checksum() {
    for sample in samples() {
        // Message sets converted without compression have many messages; the last one is enough.
        let last = RecordBatches::new(sample.clone()).last().unwrap().unwrap();
        let mut bytes = last.as_bytes().to_vec();
        let at = bytes.len() - 1;
        bytes[at] ^= 1;
        let error = only_batch(bytes.into()).verify_crc().unwrap_err();
        assert!(matches!(error.kind(), RecordErrorKind::CrcMismatch { .. }));
    }
}

#[test]
fn a_limit_that_is_exceeded_is_named() {
    for codec in
        [Compression::Snappy, Compression::Gzip { level: 1 }, Compression::Zstd { level: 3 }]
    {
        let batch = only_batch(sample(codec));
        let error = batch.records(10).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.ends_with("more than the limit of 10 bytes"), "{cause}");
    }
}

#[test]
fn records_that_do_not_shrink_are_sent_uncompressed() {
    let entry = Entry { timestamp: 1, key: None, value: Some(vec![7]), headers: Vec::new() };
    for codec in CompressionType::ALL {
        let options = SealOptions { compression: codec.into(), ..SealOptions::default() };
        let sealed = seal(std::slice::from_ref(&entry), &options);
        let batch = only_batch(sealed.into_bytes());
        assert_eq!(batch.compression(), CompressionType::None);
        assert_eq!(read(&batch), [(0, entry.clone())]);
    }
}

#[test]
fn snappy_is_read_framed_concatenated_and_raw() {
    let (first, second) = (b"first stream, first stream".repeat(9), b"second".repeat(40));
    let mut block = Vec::new();
    let mut compressor = Compressor::new();
    compressor.compress(Compression::Snappy, &first, &mut block).unwrap();
    compressor.compress(Compression::Snappy, &second, &mut block).unwrap();
    let raw = snap::raw::Encoder::new().compress_vec(&first).unwrap();
    let mut decompressor = Decompressor::new();
    let mut output = Vec::new();
    decompressor.decompress(CompressionType::Snappy, &block, LIMIT, &mut output).unwrap();
    assert_eq!(output, [first.as_slice(), &second].concat());
    output.clear();
    decompressor.decompress(CompressionType::Snappy, &raw, LIMIT, &mut output).unwrap();
    assert_eq!(output, first);
}

#[test]
fn concatenated_frames_are_read_whole() {
    for codec in [CompressionType::Gzip, CompressionType::Lz4, CompressionType::Zstd] {
        let mut block = Vec::new();
        let mut compressor = Compressor::new();
        for part in ["one ", "two ", "three"] {
            compressor.compress(codec.into(), part.as_bytes(), &mut block).unwrap();
        }
        let mut output = Vec::new();
        Decompressor::new().decompress(codec, &block, 13, &mut output).unwrap();
        assert_eq!(output, b"one two three", "{codec}");
        let error = Decompressor::new().decompress(codec, &block, 12, &mut output).unwrap_err();
        assert_eq!(error.kind(), &DecompressErrorKind::LimitExceeded { limit: 12 });
    }
}

#[test]
fn lz4_frames_of_other_writers_are_read() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    use std::io::Write;
    let content: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(i) / 7 % 61) as u8).collect();
    for mode in [BlockMode::Independent, BlockMode::Linked] {
        for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max4MB] {
            for checksums in [false, true] {
                let info = FrameInfo::new()
                    .block_mode(mode)
                    .block_size(size)
                    .block_checksums(checksums)
                    .content_checksum(checksums)
                    .content_size(checksums.then_some(300_000));
                let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
                encoder.write_all(&content).unwrap();
                let frame = encoder.finish().unwrap();
                let mut output = b"before".to_vec();
                let mut decompressor = Decompressor::new();
                decompressor
                    .decompress(CompressionType::Lz4, &frame, content.len(), &mut output)
                    .unwrap();
                assert_eq!(&output[6..], content);
                for damaged in [7, frame.len() - 1] {
                    let mut frame = frame.clone();
                    frame[damaged] ^= 0x10;
                    let mut output = Vec::new();
                    let result = decompressor.decompress(
                        CompressionType::Lz4,
                        &frame,
                        content.len(),
                        &mut output,
                    );
                    assert!(result.is_err() || !checksums);
                }
            }
        }
    }
}

#[test]
fn our_lz4_frames_are_read_by_another_reader() {
    use std::io::Read;
    for length in [0, 1, 65_533, 65_534, 65_535, 200_000_u32] {
        let content: Vec<u8> = (0..length).map(|i| (i.wrapping_mul(i) / 7 % 61) as u8).collect();
        let mut frame = Vec::new();
        Compressor::new().compress(Compression::Lz4 { level: 9 }, &content, &mut frame).unwrap();
        let mut output = Vec::new();
        lz4_flex::frame::FrameDecoder::new(frame.as_slice()).read_to_end(&mut output).unwrap();
        assert_eq!(output, content);
    }
}

#[test]
fn delete_horizon_stands_for_the_base_timestamp() {
    let mut bytes = sample(Compression::None).to_vec();
    bytes[22] |= 1 << 6;
    let batch = only_batch(bytes.into());
    assert_eq!(batch.delete_horizon_ms(), Some(1_000));
    assert_eq!(only_batch(sample(Compression::None)).delete_horizon_ms(), None);
}

#[test]
fn transaction_markers_go_both_ways() {
    for is_committed in [true, false] {
        let batch = only_batch(end_transaction_batch(is_committed, 9, 3, 12, 1_000));
        batch.verify_crc().unwrap();
        assert!(batch.is_control() && batch.is_transactional());
        assert_eq!((batch.producer_id(), batch.producer_epoch()), (9, 3));
        assert_eq!((batch.base_sequence(), batch.last_sequence()), (-1, -1));
        let records = batch.records(0).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        let kind = ControlRecordType::parse(record.key.unwrap()).unwrap();
        let expected =
            if is_committed { ControlRecordType::Commit } else { ControlRecordType::Abort };
        assert_eq!(kind, expected);
        let marker = EndTransactionMarker::parse(record.value.unwrap()).unwrap();
        assert_eq!(marker, EndTransactionMarker { version: 0, coordinator_epoch: 12 });
        assert_eq!(convert_to(1, &batch, LIMIT).unwrap(), Bytes::new());
    }
    assert!(ControlRecordType::parse(&[0, 0, 0]).is_err());
    assert!(ControlRecordType::parse(&[0x80, 0, 0, 1]).is_err());
    assert_eq!(ControlRecordType::parse(&[0, 9, 0, 99]).unwrap(), ControlRecordType::Unknown(99));
    assert!(EndTransactionMarker::parse(&[0; 5]).is_err());
}

#[test]
fn sequences_wrap_around() {
    let mut sealed = seal(&[], &SealOptions::default());
    assert_eq!(only_batch(sealed.bytes().clone()).last_sequence(), -1);
    let options = SealOptions { base_sequence: i32::MAX - 1, ..SealOptions::default() };
    let entry = Entry { timestamp: 1, key: None, value: None, headers: Vec::new() };
    sealed = seal(&vec![entry; 4], &options);
    assert_eq!(only_batch(sealed.into_bytes()).last_sequence(), 1);
}

#[test]
fn inner_messages_must_follow_the_rules_of_their_wrapper() {
    let wrapper = convert_to(1, &only_batch(sample(Compression::Snappy)), LIMIT).unwrap();
    // An outer offset below the last inner one.
    let mut bytes = wrapper.to_vec();
    bytes[..8].copy_from_slice(&5_i64.to_be_bytes());
    let error = only_batch(bytes.into()).records(LIMIT).unwrap_err();
    let kind = RecordErrorKind::WrapperOffsetBelowInner { outer: 5, inner: 19 };
    assert_eq!(error.kind(), &kind);
    // Old librdkafka: outer offset 0 and inner offsets that stay as they are.
    let mut bytes = wrapper.to_vec();
    bytes[..8].copy_from_slice(&0_i64.to_be_bytes());
    let seen = read(&only_batch(bytes.into()));
    assert!(seen.iter().map(|(offset, _)| *offset).eq(0..20));
    // A wrapper of magic 0 with messages of magic 1.
    let mut outer = BytesMut::from(&wrapper[..18]);
    outer[16] = 0;
    outer.extend_from_slice(&wrapper[26..]);
    set_length(&mut outer);
    let records = only_batch(outer.freeze()).records(LIMIT).unwrap();
    let error = records.iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), &RecordErrorKind::InnerMagicDiffers { inner: 1, outer: 0 });
}

#[test]
fn a_value_shares_the_memory_of_its_batch() {
    let records = only_batch(sample(Compression::None)).records(0).unwrap();
    let record = records.iter().nth(1).unwrap().unwrap();
    let value = record.value.unwrap();
    assert_eq!(records.slice_ref(value).as_ptr(), value.as_ptr());
    assert_eq!(records.slice_ref(b"elsewhere"), Bytes::from_static(b"elsewhere"));
    assert!(records.slice_ref(&[]).is_empty());
}

#[test]
fn batches_and_codec_contexts_move_between_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Compressor>();
    is_send::<Decompressor>();
    is_send::<RecordBatchBuilder>();
    is_send::<SealedBatch>();
    is_sync::<SealedBatch>();
    is_send::<Records>();
    is_sync::<Records>();
    is_sync::<RecordBatch>();
}
