//! Messages, record batches and compression.

use bytes::Bytes;
use milena_wire::{
    Decoder, Encoder, Message,
    compression::{Compression, CompressionType, Compressor, Decompressor},
    for_each_message,
    records::{RecordBatchBuilder, RecordBatches, SealOptions},
};

/// What a batch of a fuzzed set may decompress to.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Decodes any bytes as any message: the first two bytes choose it and its version.
///
/// What decodes can be encoded again, to bytes that decode to the same.
pub fn messages(data: &[u8]) {
    let Some((&[message, version], bytes)) = data.split_first_chunk() else { return };
    let decoders = decoders();
    let (decode, versions) = decoders[usize::from(message) % decoders.len()];
    let version = versions.0 + i16::from(version) % (versions.1 - versions.0 + 1);
    decode(Bytes::copy_from_slice(bytes), version);
}

type Decode = fn(Bytes, i16);

fn decoders() -> Vec<(Decode, (i16, i16))> {
    macro_rules! all {
        ($($message:ident,)*) => {
            vec![$({
                use milena_wire::messages::$message as M;
                (round_trip::<M>, (M::MIN_VERSION, M::MAX_VERSION))
            },)*]
        };
    }
    for_each_message!(all)
}

fn round_trip<M: Message>(bytes: Bytes, version: i16) {
    let Ok(message) = Decoder::new(bytes).message::<M>(version) else { return };
    let encode = |message: &M| {
        let mut encoder = Encoder::new();
        message.encode(&mut encoder, version).expect("what was decoded can be encoded");
        encoder.into_bytes()
    };
    let encoded = encode(&message);
    let again: M =
        Decoder::new(encoded.clone()).message(version).expect("what was encoded can be decoded");
    // By the bytes: a float that is no number differs from itself.
    assert_eq!(encode(&again), encoded);
}

/// Reads any bytes as record batches.
///
/// The records of a batch can be written again, and read as what they were.
pub fn records(data: &[u8]) {
    for batch in RecordBatches::new(Bytes::copy_from_slice(data)) {
        let Ok(batch) = batch else { return };
        let _ = batch.verify_crc();
        let Ok(records) = batch.records(BATCH_BYTES_MAX) else { continue };
        let mut builder = RecordBatchBuilder::with_capacity(1024);
        let mut read = Vec::new();
        for record in &records {
            let Ok(record) = record else { break };
            let headers: Vec<_> = record.headers().collect();
            let copied = headers.iter().copied();
            if builder.append_with(record.timestamp, record.key, record.value, copied).is_err() {
                break;
            }
            read.push((record.timestamp, record.key, record.value, headers));
        }
        if read.is_empty() {
            continue;
        }
        let options = SealOptions::default();
        let sealed = builder.seal(&options, &mut Compressor::new()).expect("no codec can fail");
        let batch = RecordBatches::new(sealed.into_bytes()).next().expect("one").expect("whole");
        batch.verify_crc().expect("the checksum is that of the bytes");
        let again = batch.records(usize::MAX).expect("nothing is compressed");
        assert_eq!(again.iter().count(), read.len());
        for (record, was) in again.iter().zip(&read) {
            let record = record.expect("it was written whole");
            let headers: Vec<_> = record.headers().collect();
            assert_eq!(&(record.timestamp, record.key, record.value, headers), was);
        }
    }
}

/// Decompresses any bytes with any codec, and compresses them: the first byte chooses.
///
/// Nothing exceeds its limit, and what was compressed decompresses to what it was.
pub fn decompression(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let codecs = [
        CompressionType::Gzip,
        CompressionType::Snappy,
        CompressionType::Lz4,
        CompressionType::Zstd,
    ];
    let codec = codecs[usize::from(choice) % codecs.len()];
    let limit = 16 << (choice >> 4);
    let mut output = Vec::new();
    let _ = Decompressor::new().decompress(codec, bytes, limit, &mut output);
    assert!(output.len() <= limit, "{} bytes where {limit} are allowed", output.len());

    let compression = Compression::from(codec);
    let mut compressed = Vec::new();
    Compressor::new().compress(compression, bytes, &mut compressed).expect("any bytes compress");
    let mut plain = Vec::new();
    Decompressor::new()
        .decompress(codec, &compressed, bytes.len(), &mut plain)
        .expect("what was compressed decompresses within its own size");
    assert_eq!(plain, bytes);
}
