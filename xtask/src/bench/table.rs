//! The figures of all runs, as the document that goes into benches/record.

use kafka_lab::KafkaVersion;

use super::{
    OWN, Peers, date,
    peer::{self, Figures, Peer},
    suite::Suite,
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

    /// The clients that took part.
    fn peers(&self) -> impl Iterator<Item = &'static str> {
        let part = self.rows.iter().filter(|row| !row.runs.is_empty() || row.failures > 0);
        part.map(|row| row.name)
    }

    fn took_part(&self, name: &str) -> bool {
        self.peers().any(|peer| peer == name)
    }

    /// The median of a figure for one client.
    fn median(&self, name: &str, figure: fn(&Figures) -> f64) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.name == name)?;
        let is_there = !row.runs.is_empty();
        is_there.then(|| Spread::of(row.runs.iter().map(figure).collect()).median)
    }

    /// The work's heading and table.
    pub(crate) fn text(&self) -> String {
        let columns = Columns::of(&self.work);
        let heads = columns.heads();
        let rule = "| --- ".repeat(heads.len());
        let rows = self.rows.iter().filter_map(|row| row.text(columns));
        format!(
            "## {}\n\n| {} |\n{rule}|\n{}",
            self.work.title(),
            heads.join(" | "),
            rows.collect::<String>()
        )
    }
}

/// What a work's table shows.
#[derive(Clone, Copy, Debug)]
enum Columns {
    Throughput,
    Latency,
    /// With the latest of a thousand, which a short run has too few records for.
    PacedLatency,
}

impl Columns {
    const fn of(work: &Work) -> Self {
        match work {
            Work::Produce(_) | Work::Consume { .. } => Self::Throughput,
            Work::Latency { .. } => Self::Latency,
            Work::Rate { .. } => Self::PacedLatency,
        }
    }

    fn heads(self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            Self::Throughput => &["seconds", "records per second"],
            Self::Latency => &["p50, µs", "p99, µs"],
            Self::PacedLatency => &["p50, µs", "p99, µs", "p99.9, µs"],
        };
        [&["client"], own, &["records per CPU second", "MiB resident"]].concat()
    }

    fn cells(self, runs: &[Figures]) -> Vec<String> {
        let spread = |figure: &dyn Fn(&Figures) -> f64, decimals: usize| {
            Spread::of(runs.iter().map(figure).collect()).text(decimals)
        };
        let latency =
            |index: usize| spread(&move |run| run.latency_us.unwrap_or_default()[index], 0);
        let mut cells = match self {
            Self::Throughput => vec![spread(&|run| run.wall_s, 2), spread(&rate, 0)],
            Self::Latency => vec![latency(0), latency(1)],
            Self::PacedLatency => vec![latency(0), latency(1), latency(2)],
        };
        cells.push(spread(&per_cpu_second, 0));
        cells.push(spread(&|run| run.rss_kib / 1024.0, 0));
        cells
    }
}

/// Records per second.
fn rate(run: &Figures) -> f64 {
    run.records / run.wall_s.max(0.001)
}

/// Records per second of the client's own CPU.
fn per_cpu_second(run: &Figures) -> f64 {
    run.records / run.cpu_s.max(0.01)
}

impl Row {
    /// The table's line; none for a peer that takes no part in the work.
    fn text(&self, columns: Columns) -> Option<String> {
        if self.runs.is_empty() {
            let rest = "| ".repeat(columns.heads().len() - 2);
            return (self.failures > 0).then(|| format!("| {} | failed {rest}|\n", self.name));
        }
        let errors: u64 = self.runs.iter().map(|run| run.errors).sum();
        let mut name = self.name.to_owned();
        if errors > 0 {
            name.push_str(&format!(" ({errors} records failed)"));
        }
        if self.failures > 0 {
            name.push_str(&format!(" ({} runs failed)", self.failures));
        }
        Some(format!("| {name} | {} |\n", columns.cells(&self.runs).join(" | ")))
    }
}

/// A line for each work and a column for each client, of the medians of one figure; the last column
/// is Milena's beside the best of the others.
fn overview(title: &str, results: &[Results], figure: fn(&Figures) -> f64) -> String {
    let mut clients: Vec<&str> = Vec::new();
    for name in results.iter().flat_map(Results::peers) {
        if !clients.contains(&name) {
            clients.push(name);
        }
    }
    let mut text =
        format!("\n## {title}\n\n| cell | {} | milena / best other |\n", clients.join(" | "));
    text.push_str(&format!("{}|\n", "| --- ".repeat(clients.len() + 2)));
    for result in results {
        let of = |name: &&str| result.median(name, figure);
        let others = clients.iter().filter(|name| !name.starts_with(OWN));
        let best = others.filter_map(of).fold(0.0, f64::max);
        let cells: Vec<String> = clients
            .iter()
            .map(|name| match of(name) {
                Some(median) => grouped(median, 0),
                None if result.took_part(name) => "failed".to_owned(),
                None => String::new(),
            })
            .collect();
        let ratio = match of(&OWN) {
            Some(own) if best > 0.0 => format!("{:.2}", own / best),
            _ => String::new(),
        };
        text.push_str(&format!("| {} | {} | {ratio} |\n", result.work.name(), cells.join(" | ")));
    }
    text
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
    suite: Suite,
    peers: Vec<(&'static str, &'static str, String)>,
    version: KafkaVersion,
    rounds: usize,
    partitions: u16,
    cores: usize,
}

impl Settings {
    pub(crate) fn of(results: &[Results], suite: Suite, arguments: &Peers) -> Result<Self, String> {
        let took_part =
            |peer: &&&'static Peer| results.iter().any(|result| result.took_part(peer.name));
        let row = |peer: &&'static Peer| Ok((peer.name, peer.language, peer.version()?));
        let peers = peer::chosen(&arguments.peers)?;
        Ok(Self {
            date: date()?,
            suite,
            peers: peers.iter().filter(took_part).map(row).collect::<Result<_, String>>()?,
            version: arguments.version,
            rounds: arguments.rounds,
            partitions: arguments.partitions,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// The whole document.
    pub(crate) fn document(&self, results: &[Results]) -> String {
        let peers: String = self
            .peers
            .iter()
            .map(|(name, language, version)| format!("| {name} | {version} | {language} |\n"))
            .collect();
        let floor = if self.peers.iter().any(|(name, ..)| *name == "floor") {
            "`floor` is no\nclient: it encodes batches and writes them to a socket with nothing around it (`benches/peers/floor`). "
        } else {
            ""
        };
        let topics = match self.suite.has_overview() {
            true => String::new(),
            false => format!("Topics of {} partitions, ", self.partitions),
        };
        let mut document = format!(
            "# Milena beside other clients, {date}\n\n\
             `cargo xtask bench peers{option}` on a machine with {cores} cores, the broker (Apache Kafka {version}, one node, 1 GiB of heap)\n\
             on the same machine. {topics}acks=all, idempotent producers with 128 MiB of memory. The clients take turns after a run that does not count, {rounds} round{s}; in bold\n\
             the median, in brackets the smallest and the largest. A CPU second is one of the client's own process. {note}{floor}\n\n\
             | client | version | language |\n| --- | --- | --- |\n{peers}",
            date = self.date,
            option = self.suite.option(),
            cores = self.cores,
            version = self.version,
            rounds = self.rounds,
            s = if self.rounds == 1 { "" } else { "s" },
            note = self.suite.note(),
        );
        if self.suite.has_overview() {
            document.push_str(&overview("Records per second, medians", results, rate));
            let title = "Records per CPU second, medians";
            document.push_str(&overview(title, results, per_cpu_second));
        }
        for result in results {
            document.push_str(&format!("\n{}", result.text()));
        }
        document.replace(" \n", "\n")
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
