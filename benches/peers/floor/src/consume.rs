//! Fetches every partition from its beginning and walks the records.

use std::time::Instant;

use peer_common::{PARTITION_FETCH_BYTES, Task, consumed};

use crate::{Connection, NAME, PARTITIONS, put_string};

const FETCH_BYTES: i32 = 50 << 20;
const BATCH_HEADER: usize = 61;

pub(crate) fn run(connection: &mut Connection, task: &Task) {
    let begin = Instant::now();
    let mut seen = Seen { offsets: [0; PARTITIONS as usize], records: 0, bytes: 0 };
    while seen.records < task.records {
        let mut request = connection.request(1, 4);
        request.extend((-1_i32).to_be_bytes());
        request.extend(500_i32.to_be_bytes());
        request.extend(1_i32.to_be_bytes());
        request.extend(FETCH_BYTES.to_be_bytes());
        request.push(0);
        request.extend(1_i32.to_be_bytes());
        put_string(&mut request, &task.topic);
        request.extend(PARTITIONS.to_be_bytes());
        for (partition, offset) in (0..PARTITIONS).zip(seen.offsets) {
            request.extend(partition.to_be_bytes());
            request.extend(offset.to_be_bytes());
            request.extend((PARTITION_FETCH_BYTES as i32).to_be_bytes());
        }
        connection.send(request);
        seen.response(connection.receive(), &task.topic);
    }
    consumed(NAME, seen.records, begin, seen.bytes);
}

struct Seen {
    /// What to fetch next, by partition.
    offsets: [i64; PARTITIONS as usize],
    records: usize,
    bytes: usize,
}

impl Seen {
    fn response(&mut self, frame: &[u8], topic: &str) {
        // Correlation id, throttle time, topics and the one topic's name come first.
        let mut at = 4 + 4 + 4 + 2 + topic.len();
        let partitions = i32_at(frame, at);
        at += 4;
        for _ in 0..partitions {
            let partition = i32_at(frame, at) as usize;
            assert_eq!(frame[at + 4..at + 6], [0, 0], "the broker refused a fetch");
            at += 4 + 2 + 8 + 8;
            let aborted = i32_at(frame, at).max(0) as usize;
            at += 4 + aborted * 16;
            let length = i32_at(frame, at).max(0) as usize;
            at += 4;
            self.batches(partition, &frame[at..at + length]);
            at += length;
        }
    }

    fn batches(&mut self, partition: usize, mut bytes: &[u8]) {
        while bytes.len() >= BATCH_HEADER {
            let length = i32_at(bytes, 8) as usize + 12;
            // The last batch may be cut off.
            let Some((batch, rest)) = bytes.split_at_checked(length) else { break };
            self.batch(partition, batch);
            bytes = rest;
        }
    }

    fn batch(&mut self, partition: usize, batch: &[u8]) {
        assert_eq!(crc32c::crc32c(&batch[21..]), i32_at(batch, 17) as u32);
        let (base_offset, count) = (i64_at(batch, 0), i32_at(batch, 57));
        if base_offset < self.offsets[partition] {
            return;
        }
        let mut at = BATCH_HEADER;
        for _ in 0..count {
            let length = varint(batch, &mut at) as usize;
            let end = at + length;
            at += 1;
            varint(batch, &mut at);
            varint(batch, &mut at);
            at += varint(batch, &mut at).max(0) as usize;
            self.bytes += varint(batch, &mut at).max(0) as usize;
            at = end;
        }
        self.records += count as usize;
        self.offsets[partition] = base_offset + i64::from(i32_at(batch, 23)) + 1;
    }
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn varint(bytes: &[u8], at: &mut usize) -> i64 {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return ((value >> 1) as i64) ^ -((value & 1) as i64);
        }
        shift += 7;
    }
}
