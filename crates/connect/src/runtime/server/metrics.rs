//! What the flow has counted, as Prometheus reads it.
//!
//! Names are those of the exposition format: `milena_` before each, `_total` behind what only grows, and
//! all samples of a name behind its HELP and TYPE.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    sync::Arc,
};

use milena_http::http::StatusCode;

use super::{
    super::status::StepStatus,
    reply::{self, Reply},
};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a value does: only grow, or go up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// What the steps' clients count, by the names that the client has for it.
const OF_CLIENTS: [(&str, Kind, &str); 31] = [
    ("buffered_bytes", Kind::Gauge, "Bytes of records that wait to be sent or for their answer."),
    ("records_accepted", Kind::Counter, "Records that a producer has accepted for sending."),
    ("records_sent", Kind::Counter, "Records that a broker has acknowledged."),
    ("bytes_sent", Kind::Counter, "Bytes of the batches of these records as they were sent."),
    ("batches_sent", Kind::Counter, "Batches that these records were in."),
    ("records_failed", Kind::Counter, "Records whose delivery failed."),
    ("batches_retried", Kind::Counter, "Batches that were sent again."),
    ("transactions_committed", Kind::Counter, "Transactions that were committed."),
    ("transactions_aborted", Kind::Counter, "Transactions that were aborted."),
    (
        "txn_init_time_ns",
        Kind::Counter,
        "Nanoseconds of calls that began to use a transactional id.",
    ),
    ("txn_begin_time_ns", Kind::Counter, "Nanoseconds of calls that began a transaction."),
    ("txn_send_offsets_time_ns", Kind::Counter, "Nanoseconds of calls that sent offsets."),
    ("txn_commit_time_ns", Kind::Counter, "Nanoseconds of calls that committed a transaction."),
    ("txn_abort_time_ns", Kind::Counter, "Nanoseconds of calls that aborted a transaction."),
    ("records_fetched", Kind::Counter, "Records that a consumer has given out."),
    ("bytes_fetched", Kind::Counter, "Bytes of batches that were fetched."),
    ("fetch_buffered_bytes", Kind::Gauge, "Bytes that were fetched and not given out yet."),
    ("commits", Kind::Counter, "Commits of offsets that succeeded."),
    ("commits_failed", Kind::Counter, "Commits of offsets that failed."),
    ("rebalances", Kind::Counter, "Rebalances that were completed."),
    ("heartbeats", Kind::Counter, "Heartbeats that were answered."),
    ("requests_retried", Kind::Counter, "Requests of an admin client that were sent again."),
    ("requests_sent", Kind::Counter, "Requests that were sent to brokers."),
    ("requests_failed", Kind::Counter, "Requests without an answer that can be read."),
    ("requests_in_flight", Kind::Gauge, "Requests that wait for their answer."),
    ("bytes_out", Kind::Counter, "Bytes that went to brokers, before encryption."),
    ("bytes_in", Kind::Counter, "Bytes that came from brokers, after decryption."),
    ("connections_made", Kind::Counter, "Connections that were made."),
    ("connections_open", Kind::Gauge, "Connections that are open."),
    ("connections_failed", Kind::Counter, "Attempts to connect that failed."),
    ("connections_lost", Kind::Counter, "Connections that ended and were not closed on this side."),
];

/// The counters of these steps, and of the answers of the server by their status.
pub(super) fn metrics(statuses: &[Arc<StepStatus>], answers: &BTreeMap<u16, u64>) -> Reply {
    reply::text(StatusCode::OK, CONTENT_TYPE, text(statuses, answers))
}

fn text(statuses: &[Arc<StepStatus>], answers: &BTreeMap<u16, u64>) -> String {
    let mut page = Page::default();
    let up = statuses.iter().map(|status| (labels(status), u8::from(status.health().is_up())));
    page.add("step_up", Kind::Gauge, "Whether the step works.", up);
    page.add_each(statuses, Kind::Counter, |status| status.counters().collect());
    page.add_each(statuses, Kind::Gauge, |status| status.gauges().collect());
    let lags = statuses.iter().flat_map(|status| {
        let labels = labels(status);
        status
            .lags()
            .into_iter()
            .map(move |(partition, lag)| (format!("{labels},partition=\"{partition}\""), lag))
    });
    let help = "Records of a partition that are not accepted yet, as of the last fetch.";
    page.add("lag_records", Kind::Gauge, help, lags);
    for (name, kind, help) in OF_CLIENTS {
        let suffix = if kind == Kind::Counter { "_total" } else { "" };
        let samples = statuses.iter().filter_map(|status| {
            let snapshot = status.metrics()?;
            let (_, value) = snapshot.iter().find(|(known, _)| *known == name)?;
            Some((labels(status), value))
        });
        page.add(&format!("client_{name}{suffix}"), kind, help, samples);
    }
    let samples = answers.iter().map(|(status, count)| (format!("status=\"{status}\""), count));
    let help = "Requests by the status of their answer.";
    page.add("http_responses_total", Kind::Counter, help, samples);
    page.0
}

/// A text in the exposition format.
#[derive(Default)]
struct Page(String);

impl Page {
    /// All samples of a name: their labels and values. A name without any is left out.
    fn add(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl Iterator<Item = (String, impl Display)>,
    ) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        for (index, (labels, value)) in samples.enumerate() {
            // Writing to a String cannot fail.
            if index == 0 {
                let _ = writeln!(self.0, "# HELP milena_{name} {help}");
                let _ = writeln!(self.0, "# TYPE milena_{name} {kind}");
            }
            let _ = writeln!(self.0, "milena_{name}{{{labels}}} {value}");
        }
    }

    /// What every step has, in the order in which it tells it.
    fn add_each(
        &mut self,
        statuses: &[Arc<StepStatus>],
        kind: Kind,
        values: impl Fn(&StepStatus) -> Vec<(&'static str, &'static str, u64)>,
    ) {
        let of_steps: Vec<_> = statuses.iter().map(|status| values(status)).collect();
        let Some(first) = of_steps.first() else { return };
        for (index, (name, help, _)) in first.iter().enumerate() {
            let samples = statuses.iter().zip(&of_steps);
            let samples = samples.map(|(status, values)| (labels(status), values[index].2));
            self.add(name, kind, help, samples);
        }
    }
}

/// Names of steps and topics have no quotes and backslashes, but those of other systems might.
fn labels(status: &StepStatus) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let (step, topic) = (escaped(status.name()), escaped(status.topic()));
    format!("step=\"{step}\",kind=\"{}\",topic=\"{topic}\"", status.kind())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use milena::metrics::Snapshot;

    use super::*;
    use crate::secrets::Masker;

    #[test]
    fn every_counter_of_a_client_has_its_kind_and_help() {
        let counted: Vec<&str> = Snapshot::default().iter().map(|(name, _)| name).collect();
        let told: Vec<&str> = OF_CLIENTS.iter().map(|(name, ..)| *name).collect();
        let (counted, told): (BTreeSet<_>, BTreeSet<_>) =
            (counted.into_iter().collect(), told.into_iter().collect());
        assert_eq!(counted, told);
    }

    #[test]
    fn the_page_is_in_the_exposition_format() {
        let odd = StepStatus::new("a", "trigger", "of \"each\"\\\n", &Masker::default());
        let other = StepStatus::new("b", "action", "t", &Masker::default());
        odd.set_up();
        odd.set_metrics(Some(Snapshot::default()));
        let page = text(&[odd, other], &BTreeMap::from([(200, 3), (404, 1)]));
        let mut seen = BTreeSet::new();
        let mut lines = page.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = line.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
            assert!(help.ends_with('.') && seen.insert(name.to_owned()), "{line}");
            let is_legal = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.starts_with("milena_") && name.chars().all(is_legal), "{name}");
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}: {kind}");
            assert!(matches!(kind, "counter" | "gauge"), "{kind}");
            let mut labels = BTreeSet::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (place, value) = line.rsplit_once(' ').unwrap();
                let place = place.strip_prefix(name).unwrap();
                assert!(place.starts_with('{') && place.ends_with('}'), "{line}");
                assert!(value.parse::<u64>().is_ok() && labels.insert(place.to_owned()), "{line}");
            }
            assert!(!labels.is_empty(), "{name}");
        }
        for expected in [
            r#"milena_step_up{step="a",kind="trigger",topic="of \"each\"\\\n"} 1"#,
            r#"milena_step_up{step="b",kind="action",topic="t"} 0"#,
            r#"milena_http_responses_total{status="404"} 1"#,
            r#"milena_client_commits_total{step="a","#,
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }
}
