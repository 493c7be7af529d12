//! The log against a naive model: a list of batches.

use bytes::Bytes;

use super::chunks::Extent;
use super::*;

/// A fixed sequence of numbers: every run does the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn offset_below(&mut self, end: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }
}

fn batch(records_count: i32, padding: usize) -> ValidBatch {
    let marker = end_marker(-1, -1, true, 0, 1);
    let mut bytes = marker.bytes.to_vec();
    bytes.extend(vec![0; padding]);
    let size = bytes.len();
    bytes[8..12].copy_from_slice(&i32::try_from(size - 12).unwrap().to_be_bytes());
    bytes[23..27].copy_from_slice(&(records_count - 1).to_be_bytes());
    let header = BatchHeader::parse(&bytes).unwrap();
    ValidBatch { bytes: Bytes::from(bytes), header, commit_marker: None, coordinator_epoch: -1 }
}

fn base_offsets(extents: &[Extent]) -> Vec<(i64, i32)> {
    let mut bytes = Vec::new();
    for extent in extents {
        match extent {
            Extent::Memory(piece) => bytes.extend_from_slice(piece),
            Extent::Stored { .. } => panic!("nothing is stored"),
        }
    }
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let header = BatchHeader::parse(rest).unwrap();
        found.push((header.base_offset, header.leader_epoch));
        rest = &rest[header.size..];
    }
    found
}

/// First and last offset, size and leader epoch of each batch.
type Model = Vec<(i64, i64, usize, i32)>;

fn expected(model: &Model, offset: i64, bound: i64, bytes_max: usize) -> Vec<(i64, i32)> {
    let mut left = bytes_max;
    let mut out = Vec::new();
    for &(first, last, size, epoch) in model.iter().filter(|batch| batch.1 >= offset) {
        if first >= bound || (!out.is_empty() && size > left) {
            break;
        }
        left = left.saturating_sub(size);
        out.push((first, epoch));
        assert!(last >= first);
    }
    out
}

#[test]
fn reads_what_a_list_of_batches_would_give() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut log = Log::default();
    let (mut model, mut epoch): (Model, i32) = (Vec::new(), 0);
    for _ in 0..4000 {
        let end = log.end_offset();
        match numbers.below(20) {
            0 => {
                let cut = numbers.offset_below(end + 1);
                log.truncate(cut);
                model.retain(|batch| batch.1 < cut);
                epoch += 1;
            }
            1 => {
                let start = numbers.offset_below(end + 1);
                log.advance_start(start);
                model.retain(|batch| batch.1 >= log.start_offset());
            }
            2..12 => {
                let count = i32::try_from(numbers.below(5)).unwrap() + 1;
                let batch = batch(count, usize::try_from(numbers.below(3000)).unwrap());
                let appended = log.append(std::slice::from_ref(&batch), epoch, None).unwrap();
                assert_eq!(appended.base_offset, end);
                model.push((end, end + i64::from(count) - 1, batch.header.size, epoch));
            }
            _ => {
                let offset =
                    log.start_offset() + numbers.offset_below(end - log.start_offset() + 1);
                let bytes_max = usize::try_from(numbers.below(20_000)).unwrap();
                let slice = log.read(offset, log.high_watermark(), bytes_max, true);
                let found = base_offsets(&slice.extents);
                assert_eq!(found, expected(&model, offset, log.high_watermark(), bytes_max));
            }
        }
        let model_end = model.last().map_or_else(|| log.end_offset(), |batch| batch.1 + 1);
        assert_eq!(log.end_offset(), model_end);
        assert!(log.start_offset() <= log.end_offset());
    }
}

#[test]
fn large_reads_share_the_bytes_that_were_appended() {
    let mut log = Log::default();
    log.append(&[batch(1, 300_000)], 0, None).unwrap();
    let first = log.read(0, 1, usize::MAX, true);
    let second = log.read(0, 1, usize::MAX, true);
    let (Extent::Memory(first), Extent::Memory(second)) = (&first.extents[0], &second.extents[0])
    else {
        panic!("everything is in memory")
    };
    assert_eq!(first.as_ptr(), second.as_ptr());
}
