//! The works that are run together.

use clap::ValueEnum;

use super::work::Work;

/// A named set of works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Produce, consume, compress, and await one record after the other
    Main,
    /// Keys, headers, small and large records, 1 and 1,000 partitions, 1 and 8 tasks; large batches
    Cells,
    /// The same with batches of 16 KiB
    #[value(name = "cells-16k")]
    Cells16k,
    /// 20,000 records a second, with linger 0 and 5
    Rate,
    /// SASL_SSL with SCRAM-SHA-512
    Tls,
}

const MAIN: [&str; 8] = [
    "produce:2000000:100:none:5:16384",
    "produce:2000000:100:none:5:1048576",
    "consume:2000000",
    "produce:400000:1024:lz4:5:1048576",
    "consume:400000",
    "produce:400000:1024:zstd:5:1048576",
    "consume:400000",
    "latency:2000:100",
];

const RATE: [&str; 2] = ["rate:100000:100:0:20000", "rate:100000:100:5:20000"];

const TLS: [&str; 4] = [
    "produce:1000000:100:none:5:1048576",
    "consume:1000000",
    "produce:100000:1024:none:5:1048576",
    "consume:100000",
];

/// What the records of the cells are: how many, of how many bytes, and with what.
const CELLS: [(u64, usize, &str); 4] = [
    (1_000_000, 10, ""),
    (500_000, 100, ":keys"),
    (500_000, 100, ":headers"),
    (20_000, 10_240, ""),
];

/// Those of them that are consumed too.
const CONSUMED: &str = ":keys";

impl Suite {
    pub(crate) fn works(self) -> Result<Vec<Work>, String> {
        let read = |works: &[&str]| works.iter().map(|work| work.parse()).collect();
        match self {
            Self::Main => read(&MAIN),
            Self::Rate => read(&RATE),
            Self::Tls => read(&TLS),
            // Some clients take a whole batch's memory for each partition at once.
            Self::Cells => Self::cells([(1, 1 << 20), (1000, 1 << 16)]),
            Self::Cells16k => Self::cells([(1, 1 << 14), (1000, 1 << 14)]),
        }
    }

    /// The cells at so many partitions with batches of so many bytes.
    fn cells(partitions_and_batches: [(u16, usize); 2]) -> Result<Vec<Work>, String> {
        let mut works = Vec::new();
        for (records, bytes, options) in CELLS {
            for (partitions, batch_bytes) in partitions_and_batches {
                for tasks in [1, 8] {
                    let work = format!(
                        "produce:{records}:{bytes}:none:5:{batch_bytes}{options}:tasks={tasks}:partitions={partitions}"
                    );
                    works.push(work.parse()?);
                }
                if options == CONSUMED {
                    works.push(format!("consume:{records}").parse()?);
                }
            }
        }
        Ok(works)
    }

    /// What its record is called behind the date.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Main => "peers",
            Self::Cells => "peers-cells",
            Self::Cells16k => "peers-cells-16k",
            Self::Rate => "peers-rate",
            Self::Tls => "peers-tls",
        }
    }

    /// How it is asked for.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Cells => " --suite cells",
            Self::Cells16k => " --suite cells-16k",
            Self::Rate => " --suite rate",
            Self::Tls => " --suite tls",
        }
    }

    /// What a reader of its record has to know besides.
    pub(crate) const fn note(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Cells | Self::Cells16k => {
                "Keys are 10,000 different texts of 16 bytes, spread by murmur2; headers are two, of 28 and 21 bytes. Tasks are what a \
                 client has: tokio tasks, threads or goroutines that share one producer. Clients share a topic of 1,000 partitions, each of \
                 which was written to before. "
            }
            Self::Rate => {
                "Each record has a time at which it is due, and its latency runs from then to the acknowledgement, so that a client that \
                 keeps its caller from sending does not hide it. The first two seconds do not count. "
            }
            Self::Tls => {
                "The listener is SASL_SSL with SCRAM-SHA-512 and a certificate of a private authority; the broker's JVM runs with all of its \
                 compilers, because without the last TLS would be all that it does. "
            }
        }
    }

    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::Tls)
    }

    /// Whether its works are compared in one table too.
    pub(crate) const fn has_overview(self) -> bool {
        matches!(self, Self::Cells | Self::Cells16k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_has_works_that_can_be_read() {
        for suite in Suite::value_variants() {
            let works = suite.works().unwrap();
            assert!(!works.is_empty());
        }
        assert_eq!(Suite::Cells.works().unwrap().len(), 18);
    }
}
