//! The figures of all runs, as the document that goes into benches/record.

use std::process::Command;

use kafka_lab::KafkaVersion;

use super::{
    peer::{Figures, Peer},
    work::Work,
};

/// Every run of one work.
#[derive(Debug)]
pub(crate) struct Results {
    work: Work,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    runs: Vec<Figures>,
    failures: usize,
}

impl Results {
    pub(crate) fn new(work: Work, peers: &[&'static Peer]) -> Self {
        let row = |peer: &&'static Peer| Row { name: peer.name, runs: Vec::new(), failures: 0 };
        Self { work, rows: peers.iter().map(row).collect() }
    }

    pub(crate) fn add(&mut self, name: &str, figures: Figures) {
        self.row(name).runs.push(figures);
    }

    pub(crate) fn failed(&mut self, name: &str) {
        self.row(name).failures += 1;
    }

    fn row(&mut self, name: &str) -> &mut Row {
        self.rows.iter_mut().find(|row| row.name == name).expect("every peer has a row")
    }

    /// The work's heading and table.
    pub(crate) fn text(&self) -> String {
        let latency = matches!(self.work, Work::Latency { .. });
        let heads = if latency {
            "| client | p50, µs | p99, µs | records per CPU second | MiB resident |\n| --- | --- | --- | --- | --- |\n"
        } else {
            "| client | seconds | records per second | records per CPU second | MiB resident |\n| --- | --- | --- | --- | --- |\n"
        };
        let rows = self.rows.iter().filter_map(|row| row.text(latency));
        format!("## {}\n\n{heads}{}", self.work.title(), rows.collect::<String>())
    }
}

impl Row {
    /// The table's line; none for a peer that takes no part in the work.
    fn text(&self, latency: bool) -> Option<String> {
        if self.runs.is_empty() {
            return (self.failures > 0).then(|| format!("| {} | failed | | | |\n", self.name));
        }
        let spread = |figure: &dyn Fn(&Figures) -> f64, decimals: usize| {
            Spread::of(self.runs.iter().map(figure).collect()).text(decimals)
        };
        let (first, second) = if latency {
            let percentile = |late: bool| {
                move |run: &Figures| {
                    let (median, p99) = run.latency_us.unwrap_or_default();
                    if late { p99 } else { median }
                }
            };
            (spread(&percentile(false), 0), spread(&percentile(true), 0))
        } else {
            (spread(&|run| run.wall_s, 2), spread(&|run| run.records / run.wall_s, 0))
        };
        let per_cpu = spread(&|run| run.records / run.cpu_s.max(0.01), 0);
        let memory = spread(&|run| run.rss_kib / 1024.0, 0);
        let errors: u64 = self.runs.iter().map(|run| run.errors).sum();
        let mut name = self.name.to_owned();
        if errors > 0 {
            name.push_str(&format!(" ({errors} records failed)"));
        }
        if self.failures > 0 {
            name.push_str(&format!(" ({} runs failed)", self.failures));
        }
        Some(format!("| {name} | {first} | {second} | {per_cpu} | {memory} |\n"))
    }
}

/// The smallest, middle and largest of some figures.
#[derive(Debug)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or_default();
        let last = figures.len().saturating_sub(1);
        Self {
            least: at(0),
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            most: at(last),
        }
    }

    fn text(&self, decimals: usize) -> String {
        let [least, median, most] =
            [self.least, self.median, self.most].map(|figure| grouped(figure, decimals));
        format!("**{median}** ({least} to {most})")
    }
}

/// A number with its thousands apart.
fn grouped(figure: f64, decimals: usize) -> String {
    let text = format!("{figure:.decimals$}");
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{grouped}.{fraction}"),
        None => grouped,
    }
}

/// What was the same for all runs.
#[derive(Debug)]
pub(crate) struct Settings {
    date: String,
    peers: Vec<(&'static str, &'static str, String)>,
    version: KafkaVersion,
    rounds: usize,
    partitions: u16,
    cores: usize,
}

impl Settings {
    pub(crate) fn of(
        peers: &[&'static Peer],
        version: KafkaVersion,
        rounds: usize,
        partitions: u16,
    ) -> Result<Self, String> {
        let date = Command::new("date").args(["-u", "+%F"]).output().map_err(|e| e.to_string())?;
        let row = |peer: &&'static Peer| Ok((peer.name, peer.language, peer.version()?));
        Ok(Self {
            date: String::from_utf8_lossy(&date.stdout).trim().to_owned(),
            peers: peers.iter().map(row).collect::<Result<_, String>>()?,
            version,
            rounds,
            partitions,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    pub(crate) fn date(&self) -> &str {
        &self.date
    }

    /// The whole document.
    pub(crate) fn document(&self, results: &[Results]) -> String {
        let peers: String = self
            .peers
            .iter()
            .map(|(name, language, version)| format!("| {name} | {version} | {language} |\n"))
            .collect();
        let tables: String = results.iter().map(|result| format!("\n{}", result.text())).collect();
        format!(
            "# Milena beside other clients, {date}\n\n\
             `cargo xtask bench peers` on a machine with {cores} cores, the broker (Apache Kafka {version}, one node, 1 GiB of heap)\n\
             on the same machine. Topics of {partitions} partitions, acks=all, idempotent producers. The clients take turns, {rounds} rounds; in bold\n\
             the median, in brackets the smallest and the largest. A CPU second is one of the client's own process. `floor` is no\n\
             client: it encodes batches and writes them to a socket with nothing around it (`benches/peers/floor`).\n\n\
             | client | version | language |\n| --- | --- | --- |\n{peers}{tables}",
            date = self.date,
            cores = self.cores,
            version = self.version,
            partitions = self.partitions,
            rounds = self.rounds,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_middle_and_both_ends() {
        let spread = Spread::of(vec![3.0, 1.0, 2.0]);
        assert_eq!(spread.text(1), "**2.0** (1.0 to 3.0)");
        assert_eq!(Spread::of(vec![1.0, 2.0]).text(1), "**1.5** (1.0 to 2.0)");
    }

    #[test]
    fn sets_thousands_apart() {
        assert_eq!(grouped(1_234_567.0, 0), "1,234,567");
        assert_eq!(grouped(999.5, 2), "999.50");
        assert_eq!(grouped(1000.0, 0), "1,000");
    }
}
