//! What a peer is asked to do.

use std::fmt;
use std::str::FromStr;

/// One kind of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Produce { records: u64, bytes: usize, codec: String, linger_ms: u64, batch_bytes: usize },
    Consume { records: u64 },
    Latency { records: u64, bytes: usize },
}

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        match *parts.as_slice() {
            ["produce", records, bytes, codec, linger_ms, batch_bytes] => Ok(Self::Produce {
                records: number(records)?,
                bytes: number(bytes)?,
                codec: codec.to_owned(),
                linger_ms: number(linger_ms)?,
                batch_bytes: number(batch_bytes)?,
            }),
            ["consume", records] => Ok(Self::Consume { records: number(records)? }),
            ["latency", records, bytes] => {
                Ok(Self::Latency { records: number(records)?, bytes: number(bytes)? })
            }
            _ => Err(format!(
                "{text} is no work: expected produce:RECORDS:BYTES:CODEC:LINGER_MS:BATCH_BYTES, \
                 consume:RECORDS or latency:COUNT:BYTES"
            )),
        }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text} is no whole number"))
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Produce { records, bytes, codec, linger_ms, batch_bytes } => {
                write!(f, "produce:{records}:{bytes}:{codec}:{linger_ms}:{batch_bytes}")
            }
            Self::Consume { records } => write!(f, "consume:{records}"),
            Self::Latency { records, bytes } => write!(f, "latency:{records}:{bytes}"),
        }
    }
}

impl Work {
    /// The work in words, for a heading.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Produce { records, bytes, codec, linger_ms, batch_bytes } => format!(
                "Produce {records} records of {bytes} bytes, compression {codec}, linger {linger_ms} ms, \
                 batches of {batch_bytes} bytes"
            ),
            Self::Consume { records } => {
                format!("Consume {records} records of the topic that the work above left")
            }
            Self::Latency { records, bytes } => {
                format!("{records} records of {bytes} bytes, each awaited before the next")
            }
        }
    }

    /// The arguments that the programs in benches/peers take.
    pub(crate) fn peer_arguments(&self, broker: &str, topic: &str, partitions: u16) -> Vec<String> {
        let own = match self {
            Self::Produce { records, bytes, codec, linger_ms, batch_bytes } => vec![
                records.to_string(),
                bytes.to_string(),
                codec.clone(),
                linger_ms.to_string(),
                batch_bytes.to_string(),
            ],
            Self::Consume { records } => vec![records.to_string(), partitions.to_string()],
            Self::Latency { records, bytes } => vec![records.to_string(), bytes.to_string()],
        };
        let op = self.op().to_owned();
        [op, broker.to_owned(), topic.to_owned()].into_iter().chain(own).collect()
    }

    /// The arguments of `milena perf` for the same.
    pub(crate) fn perf_arguments(&self, broker: &str, topic: &str) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["perf", self.op(), "-b", broker, "-t", topic, "--json"].map(str::to_owned).to_vec();
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        match self {
            Self::Produce { records, bytes, codec, linger_ms, batch_bytes } => {
                option("--records", records.to_string());
                option("--size", bytes.to_string());
                option("--compression", codec.clone());
                option("--linger-ms", linger_ms.to_string());
                option("--batch-size", batch_bytes.to_string());
            }
            Self::Consume { records } => option("--records", records.to_string()),
            Self::Latency { records, bytes } => {
                option("--records", records.to_string());
                option("--size", bytes.to_string());
            }
        }
        arguments
    }

    const fn op(&self) -> &'static str {
        match self {
            Self::Produce { .. } => "produce",
            Self::Consume { .. } => "consume",
            Self::Latency { .. } => "latency",
        }
    }
}
