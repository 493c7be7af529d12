//! Halving a batch that a broker finds too large.

use bytes::Bytes;
use milena_wire::compression::{Compression, Compressor};
use milena_wire::records::{
    Header, Record, RecordBatchBuilder, RecordBatches, SealOptions, SealedBatch,
};

/// The records of a batch of several as two batches of about the same size; `None` if the batch
/// cannot be read back or has one record only.
///
/// Spec: java/RecordAccumulator.splitAndReenqueue@4.x: a batch that is too large is sent in parts,
/// which are halved again as long as they are too large.
pub(super) fn halves(batch: &Bytes, compression: Compression) -> Option<[SealedBatch; 2]> {
    let batch = RecordBatches::new(batch.clone()).next()?.ok()?;
    // We wrote it ourselves: its size is bounded by what was in memory before.
    let records = batch.records(usize::MAX >> 1).ok()?;
    let records: Vec<Record<'_>> = records.iter().collect::<Result<_, _>>().ok()?;
    let middle = records.iter().map(record_size).sum::<usize>() / 2;
    let mut first = RecordBatchBuilder::with_capacity(0);
    let mut second = RecordBatchBuilder::with_capacity(0);
    let mut seen = 0;
    for record in &records {
        // The first half always gets the first record, the second one the last.
        let size = record_size(record);
        let is_first = first.is_empty() || seen + size / 2 < middle;
        let builder = if is_first { &mut first } else { &mut second };
        let headers: Vec<Header<'_>> = record.headers().collect();
        builder.append(record.timestamp, record.key, record.value, &headers).ok()?;
        seen += size;
    }
    if second.is_empty() {
        return None;
    }
    let is_transactional = batch.is_transactional();
    let options = SealOptions { compression, is_transactional, ..SealOptions::default() };
    let mut compressor = Compressor::new();
    let first = first.seal(&options, &mut compressor).ok()?;
    Some([first, second.seal(&options, &mut compressor).ok()?])
}

fn record_size(record: &Record<'_>) -> usize {
    let headers = record.headers();
    let headers: usize = headers
        .map(|header| header.key_bytes().len() + header.value().map_or(0, <[u8]>::len))
        .sum();
    8 + record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(values: &[&[u8]], compression: Compression) -> Bytes {
        let mut builder = RecordBatchBuilder::with_capacity(0);
        for (at, value) in (0..).zip(values) {
            builder.append(at, Some(b"k"), Some(value), &[Header::new("h", None)]).unwrap();
        }
        let options = SealOptions { compression, ..SealOptions::default() };
        builder.seal(&options, &mut Compressor::new()).unwrap().into_bytes()
    }

    fn values(batch: &Bytes) -> Vec<(i64, Vec<u8>)> {
        let batch = RecordBatches::new(batch.clone()).next().unwrap().unwrap();
        batch.verify_crc().unwrap();
        let records = batch.records(1 << 20).unwrap();
        records
            .iter()
            .map(|record| {
                let record = record.unwrap();
                assert_eq!(record.headers().count(), 1);
                (record.timestamp, record.value.unwrap().to_vec())
            })
            .collect()
    }

    #[test]
    fn halves_hold_all_records_in_order() {
        let input: [&[u8]; 4] = [&[1; 100], &[2; 400], &[3; 100], &[4; 100]];
        for compression in [Compression::None, Compression::Snappy] {
            let [first, second] = halves(&batch(&input, compression), compression).unwrap();
            let (first, second) = (values(first.bytes()), values(second.bytes()));
            assert_eq!((first.len(), second.len()), (2, 2));
            let all: Vec<_> = first.into_iter().chain(second).collect();
            assert!(all.iter().map(|(_, value)| &value[..]).eq(input));
            assert!(all.iter().map(|(timestamp, _)| *timestamp).eq(0..4));
        }
    }

    #[test]
    fn large_last_record_stands_alone() {
        let [first, second] =
            halves(&batch(&[b"a", b"b", &[7; 900]], Compression::None), Compression::None).unwrap();
        assert_eq!((first.records_count(), second.records_count()), (2, 1));
    }

    #[test]
    fn one_record_has_no_halves() {
        assert!(halves(&batch(&[b"a"], Compression::None), Compression::None).is_none());
    }
}
