//! Ending transactions: markers into the logs, offsets into the groups.

use std::time::Instant;

use super::{Cluster, now_ms};
use crate::log::end_marker;
use crate::transaction::Ending;

impl Cluster {
    /// Writes what an ending says. Every partition of it sees the end before this returns.
    pub(crate) fn write_ending(&self, ending: &Ending) {
        for (topic, index) in &ending.partitions {
            // A topic that was deleted meanwhile takes its transaction with it.
            let Some(partition) = self.partition(topic, *index) else { continue };
            let marker =
                end_marker(ending.producer_id, ending.producer_epoch, ending.commits, 0, now_ms());
            if let Err(error) = partition.append_marker(&marker) {
                tracing::error!(topic = &**topic, partition = index, %error, "cannot write the end of a transaction");
            }
        }
        for group_id in &ending.groups {
            let changes = self.groups.with(|groups| {
                groups.end_transaction(group_id, ending.producer_id, ending.commits)
            });
            for change in changes {
                self.journal(|journal| {
                    journal.offset(
                        group_id,
                        &change.topic,
                        change.partition,
                        change.committed.as_ref(),
                    )
                });
            }
        }
    }

    /// Aborts transactions that are open for longer than their timeout.
    pub(crate) fn abort_old_transactions(&self, now: Instant) {
        let endings = self.transactions.lock().handle_timeout(now);
        endings.iter().for_each(|ending| self.write_ending(ending));
    }
}
