//! Works whose instructions `cargo xtask count` counts: `milena-count WORK REPETITIONS`.
//!
//! A work prepares what it needs and repeats. Whoever counts runs it with N and with 2 N repetitions
//! and takes the difference, so that neither the preparation nor the end of the program counts.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a work fails by panicking")]

mod broker;
mod client;
mod codec;

/// What repeats so many times.
type Work = fn(usize);

/// The works by name. What one repetition is stands in the table of `cargo xtask count`.
const WORKS: &[(&str, Work)] = &[
    ("append", codec::append),
    ("read", codec::read),
    ("decode-metadata", codec::decode_metadata),
    ("encode-metadata", codec::encode_metadata),
    ("frame-produce", codec::frame_produce),
    ("decode-produced", codec::decode_produced),
    ("encode-fetch", codec::encode_fetch),
    ("decode-fetched", codec::decode_fetched),
    ("send-16k", client::send_16k),
    ("send-1m", client::send_1m),
    ("consume", client::consume),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, repetitions] = &arguments[..] else {
        panic!("usage: milena-count WORK REPETITIONS");
    };
    let repetitions = repetitions.parse().unwrap();
    if name == broker::ARGUMENT {
        return broker::serve(repetitions);
    }
    let Some((_, work)) = WORKS.iter().find(|(known, _)| known == name) else {
        panic!("there is no work {name}");
    };
    work(repetitions);
}
