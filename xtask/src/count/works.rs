//! The works and their bounds, as they were counted on x86-64 with valgrind 3.19 and Rust 1.95.
//!
//! To change a bound, change its row: `cargo xtask count WORK` prints what is counted.

/// A work of `benches/count`.
#[derive(Debug)]
pub(super) struct Work {
    /// Its name there.
    pub(super) name: &'static str,
    /// What one repetition is.
    pub(super) unit: &'static str,
    /// How many there are in the shorter of the two runs.
    pub(super) repetitions: u64,
    /// Instructions of one repetition.
    pub(super) instructions: f64,
    /// By how many per cent a count may differ.
    pub(super) slack_percent: f64,
}

/// Of works without I/O: two runs give the same count, to the instruction. Another processor has
/// other versions of `memcpy` and of CRC-32C, and a change elsewhere moves what is inlined.
const CODEC_PERCENT: f64 = 10.0;

/// Of works with a broker: how many batches a request carries, how much a read brings and how often the
/// driver is woken depend on when the broker answers. Two runs differ by 0.1 % where batches are
/// large, and by 2 % in batches of 16 KiB.
const CLIENT_PERCENT: f64 = 15.0;

const fn work(
    name: &'static str,
    unit: &'static str,
    repetitions: u64,
    instructions: f64,
    slack_percent: f64,
) -> Work {
    Work { name, unit, repetitions, instructions, slack_percent }
}

/// What is counted, with the instructions of each.
#[rustfmt::skip]
pub(super) const WORKS: [Work; 11] = [
    work("append", "record of 100 B, appended and sealed in 1 MiB", 93_600, 246.3, CODEC_PERCENT),
    work("read", "record of 100 B, checked and read", 93_600, 176.7, CODEC_PERCENT),
    work("decode-metadata", "Metadata response, 1,000 topics x 10", 20, 3_802_000.0, CODEC_PERCENT),
    work("encode-metadata", "Metadata response, 1,000 topics x 10", 20, 2_499_000.0, CODEC_PERCENT),
    work("frame-produce", "frame of a Produce request, 6 x 16 KiB", 1_000, 3_898.0, CODEC_PERCENT),
    work("decode-produced", "Produce response, 6 partitions", 1_000, 2_590.0, CODEC_PERCENT),
    work("encode-fetch", "Fetch request, 10 x 10 partitions", 1_000, 14_030.0, CODEC_PERCENT),
    work("decode-fetched", "Fetch response, 10 x 10 x 1 KiB", 1_000, 54_420.0, CODEC_PERCENT),
    work("send-16k", "record of 100 B, sent in 16 KiB and acknowledged", 100_000, 464.4, CLIENT_PERCENT),
    work("send-1m", "record of 100 B, sent in 1 MiB and acknowledged", 93_600, 318.1, CLIENT_PERCENT),
    work("consume", "record of 100 B, polled", 100_000, 417.3, CLIENT_PERCENT),
];
