//! What a broker does by itself: deadlines of groups and transactions, retention.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::cluster::{Cluster, now_ms};

/// How often old transactions are looked for.
const TRANSACTION_PERIOD: Duration = Duration::from_millis(200);
/// How often old records are looked for: Kafka's default of `log.retention.check.interval.ms`.
const RETENTION_PERIOD: Duration = Duration::from_secs(5 * 60);

/// Starts the tasks; they run until they are aborted.
pub(crate) fn spawn(cluster: &Arc<Cluster>) -> Vec<JoinHandle<()>> {
    let groups = Arc::clone(cluster);
    let transactions = Arc::clone(cluster);
    let retention = Arc::clone(cluster);
    vec![
        tokio::spawn(async move { groups.groups.run_timer().await }),
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TRANSACTION_PERIOD);
            loop {
                ticks.tick().await;
                transactions.abort_old_transactions(Instant::now());
            }
        }),
        tokio::spawn(async move {
            // Not at once: a client that writes old timestamps gets to read them first, as in Kafka.
            let mut ticks = tokio::time::interval_at(
                tokio::time::Instant::now() + RETENTION_PERIOD,
                RETENTION_PERIOD,
            );
            loop {
                ticks.tick().await;
                apply_retention(&retention, now_ms());
            }
        }),
    ]
}

/// Deletes whole batches that are older or more than the topics' retention allows.
fn apply_retention(cluster: &Cluster, now_ms: i64) {
    let topics: Vec<_> = cluster.topics.read().iter().cloned().collect();
    for topic in topics {
        let (age_ms, bytes) = {
            let config = topic.config.read();
            if !config.deletes_old_records() {
                continue;
            }
            (config.number("retention.ms"), config.number("retention.bytes"))
        };
        let timestamp_min = (age_ms >= 0).then(|| now_ms.saturating_sub(age_ms));
        let partitions = topic.partitions.read().clone();
        for partition in partitions {
            let mut state = partition.lock();
            let keep = state.log.retained_from(timestamp_min, u64::try_from(bytes).ok());
            if keep > state.log.start_offset() {
                state.delete_before(keep);
                drop(state);
                cluster.journal(|journal| journal.start(&topic.name, partition.index, keep));
            }
        }
    }
}
