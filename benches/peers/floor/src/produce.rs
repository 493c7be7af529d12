//! Encodes batches and keeps five of them in flight.

use std::time::Instant;

use peer_common::{Records, Task, produced};

use crate::{Connection, NAME, PARTITIONS, put_string};

const IN_FLIGHT: usize = 5;
const BATCH_HEADER: usize = 61;
const TIMESTAMP: i64 = 1_700_000_000_000;

pub(crate) fn run(connection: &mut Connection, task: &Task, values: &Records, batch_bytes: usize) {
    let begin = Instant::now();
    let mut left = values.take(task.records).map(|(_, value)| value).peekable();
    let (mut in_flight, mut partition) = (0, 0_i32);
    // Of a response: correlation id, topics, name, partitions, partition, and then the error code.
    let error_at = 4 + 4 + 2 + task.topic.len() + 4 + 4;
    while left.peek().is_some() || in_flight > 0 {
        while left.peek().is_some() && in_flight < IN_FLIGHT {
            let mut request = connection.request(0, 7);
            request.extend((-1_i16).to_be_bytes());
            request.extend((-1_i16).to_be_bytes());
            request.extend(30_000_i32.to_be_bytes());
            request.extend(1_i32.to_be_bytes());
            put_string(&mut request, &task.topic);
            request.extend(1_i32.to_be_bytes());
            request.extend(partition.to_be_bytes());
            put_batch(&mut request, &mut left, batch_bytes);
            connection.send(request);
            partition = (partition + 1) % PARTITIONS;
            in_flight += 1;
        }
        let response = connection.receive();
        assert_eq!(response[error_at..error_at + 2], [0, 0], "the broker refused a batch");
        in_flight -= 1;
    }
    produced(NAME, task.records, begin, 0);
}

fn put_batch<'a>(
    request: &mut Vec<u8>,
    values: &mut std::iter::Peekable<impl Iterator<Item = &'a Vec<u8>>>,
    batch_bytes: usize,
) {
    let length_at = request.len();
    request.extend([0; 4]);
    let begin = request.len();
    request.reserve(batch_bytes + 256);
    request.extend([0; BATCH_HEADER]);
    let mut count = 0_i32;
    while let Some(value) = values.peek() {
        if request.len() - begin + value.len() + 20 > batch_bytes {
            break;
        }
        put_record(request, count, value);
        count += 1;
        values.next();
    }
    let length = i32::try_from(request.len() - begin).expect("a small batch");
    request[length_at..begin].copy_from_slice(&length.to_be_bytes());
    seal(&mut request[begin..], length, count);
}

fn put_record(request: &mut Vec<u8>, offset_delta: i32, value: &[u8]) {
    let (offset_delta, value_bytes) = (i64::from(offset_delta), value.len() as i64);
    let body = 4 + varint_bytes(offset_delta) + varint_bytes(value_bytes) + value.len();
    put_varint(request, body as i64);
    request.extend([0, 0]); // attributes, timestamp delta
    put_varint(request, offset_delta);
    put_varint(request, -1); // no key
    put_varint(request, value_bytes);
    request.extend_from_slice(value);
    request.push(0); // no headers
}

fn seal(batch: &mut [u8], length: i32, count: i32) {
    batch[8..12].copy_from_slice(&(length - 12).to_be_bytes());
    batch[16] = 2;
    batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    batch[27..35].copy_from_slice(&TIMESTAMP.to_be_bytes());
    batch[35..43].copy_from_slice(&TIMESTAMP.to_be_bytes());
    batch[43..57].fill(0xff); // no producer id, epoch and sequence
    batch[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn put_varint(buffer: &mut Vec<u8>, value: i64) {
    let mut left = zigzag(value);
    while left >= 0x80 {
        buffer.push(left as u8 | 0x80);
        left >>= 7;
    }
    buffer.push(left as u8);
}

fn varint_bytes(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}
