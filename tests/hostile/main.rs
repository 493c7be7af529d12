//! Hostile bytes cost little: no message of any version asks for much more memory than has arrived.
//!
//! One test in a binary of its own, since it counts what the whole process allocates.

use std::io::{BufRead as _, BufReader};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::read::GzDecoder;
use milena_wire::{Decoder, Message, for_each_message};
use peak_alloc::PeakAlloc;
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What a decode may ask for: this much, and so many times the bytes it is given.
const ALLOWANCE: usize = 64 * 1024;
const FACTOR: usize = 32;

/// A message's decoder, which says nothing of what it read: only its memory matters.
type Decode = fn(Bytes, i16) -> bool;

fn decode<M: Message>(bytes: Bytes, version: i16) -> bool {
    Decoder::new(bytes).message::<M>(version).is_ok()
}

fn decoders() -> Vec<(&'static str, Decode)> {
    macro_rules! all {
        ($($message:ident,)*) => {
            vec![$((milena_wire::messages::$message::NAME, decode::<milena_wire::messages::$message>),)*]
        };
    }
    for_each_message!(all)
}

/// The bytes of Kafka's own vectors, with name and version.
fn vectors() -> Vec<(String, i16, Vec<u8>)> {
    let file: &[u8] = include_bytes!("../golden/messages.jsonl.gz");
    BufReader::new(GzDecoder::new(file))
        .lines()
        .map(|line| {
            let case: Value =
                serde_json::from_str(&line.expect("the file is whole")).expect("JSON");
            let digits = case["hex"].as_str().expect("hex").as_bytes().chunks(2);
            let bytes = digits.map(|pair| {
                u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hex")
            });
            let version = case["version"].as_i64().and_then(|v| i16::try_from(v).ok());
            (
                case["name"].as_str().expect("a name").to_owned(),
                version.expect("a version"),
                bytes.collect(),
            )
        })
        .collect()
}

/// Lengths that lie, as an attacker would write them over what stands at a position.
const LENGTHS: [&[u8]; 6] = [
    &[0x7f, 0xff, 0xff, 0xff],
    &[0x7f, 0xff],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0x7f],
    &[0x80, 0x80, 0x80, 0x80, 0x08],
    &[0x00, 0x0f, 0xff, 0xff],
];

/// The vector with the bytes at a position replaced.
fn overwritten(vector: &[u8], position: usize, with: &[u8]) -> Bytes {
    let mut bytes = BytesMut::from(vector);
    bytes.truncate(position);
    bytes.put_slice(with);
    bytes.put_slice(vector.get(position + with.len()..).unwrap_or_default());
    bytes.freeze()
}

/// The vector up to a position, then a count that is true: so many items of the same small bytes.
fn filled(vector: &[u8], position: usize, count: &[u8], filler: u8, fill: usize) -> Bytes {
    let mut bytes = BytesMut::from(&vector[..position]);
    bytes.put_slice(count);
    bytes.put_bytes(filler, fill);
    bytes.freeze()
}

/// The most that decoding asks for beyond what there is already.
fn cost(decode: Decode, bytes: &Bytes, version: i16) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    decode(bytes.clone(), version);
    ALLOCATOR.peak_usage().saturating_sub(before)
}

#[test]
fn no_message_costs_more_than_a_small_multiple_of_its_bytes() {
    let decoders = decoders();
    let mut inputs = 0_usize;
    let mut worst: Vec<(usize, String)> = Vec::new();
    for (name, version, vector) in vectors() {
        let (_, decode) = decoders.iter().find(|(known, _)| *known == name).expect("a message");
        let mut check = |bytes: Bytes, how: &str, position: usize| {
            inputs += 1;
            let cost = cost(*decode, &bytes, version);
            let allowed = ALLOWANCE + FACTOR * bytes.len();
            if cost > allowed {
                let text = format!(
                    "{name} v{version}, {how} at {position}: {cost} bytes for {}",
                    bytes.len()
                );
                worst.push((cost - allowed, text));
            }
        };
        // A long vector's positions repeat what its first ones are: arrays of the same structs.
        let step = vector.len() / 160 + 1;
        for position in (0..vector.len()).step_by(step) {
            for length in LENGTHS {
                check(overwritten(&vector, position, length), "a lying length", position);
            }
            check(Bytes::copy_from_slice(&vector[..position]), "a cut", position);
        }
        // 16 KiB of items that are as small as can be, counted as varint, int32 and int16.
        for position in (0..vector.len().min(120)).step_by(step) {
            for filler in [0, 1, 2] {
                for count in [&[0x80, 0x40][..], &[0x00, 0x00, 0x1f, 0xff], &[0x1f, 0xff]] {
                    check(filled(&vector, position, count, filler, 16_384), "filler", position);
                }
            }
        }
    }
    worst.sort_unstable();
    let total = worst.len();
    let worst: Vec<_> = worst.into_iter().rev().map(|(_, text)| text).take(20).collect();
    assert!(worst.is_empty(), "{total} of {inputs} inputs cost too much:\n{}", worst.join("\n"));
    assert!(inputs > 1_000_000, "only {inputs} inputs");
}
