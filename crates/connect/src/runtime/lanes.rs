//! Records on their way to a sink, in a lane for each partition.
//!
//! Invariants:
//! 1. Records of a lane are started in the order of their offsets.
//! 2. A lane that has enough is paused, so that what waits is bounded by what one poll gives on top of
//!    [`LANE_BYTES`] a lane and [`ALL_BYTES`] together.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tokio::task::AbortHandle;

use super::sink::Record;
use crate::connector::Ticket;

/// What may wait in one lane before its partition is paused.
const LANE_BYTES: usize = 512 << 10;

/// What may wait in all lanes before every partition that has something waiting is paused.
const ALL_BYTES: usize = 4 << 20;

/// What may be in delivery in one lane before no other record is started.
const DELIVERY_BYTES: usize = 2 << 20;

/// How many records may wait in one lane.
const LANE_RECORDS: usize = 1000;

#[derive(Default)]
struct Lane {
    queue: VecDeque<Arc<Record>>,
    bytes: usize,
    in_delivery: BTreeMap<i64, (AbortHandle, usize)>,
    delivery_bytes: usize,
    is_paused: bool,
}

/// Records on their way, by partition.
pub(super) struct Lanes {
    lanes: BTreeMap<i32, Lane>,
    bytes: usize,
    in_delivery_max: usize,
}

impl Lanes {
    /// No records; of each partition so many may be in delivery at the same time.
    pub(super) fn new(in_delivery_max: usize) -> Self {
        Self { lanes: BTreeMap::new(), bytes: 0, in_delivery_max }
    }

    /// Adds a record behind those of its partition.
    pub(super) fn push(&mut self, record: Record) {
        let lane = self.lanes.entry(record.ticket.partition).or_default();
        // A partition that came back starts again further back: what waits comes again too.
        if lane.queue.back().is_some_and(|last| last.ticket.offset >= record.ticket.offset) {
            let bytes: usize = lane.queue.drain(..).map(|record| record.body.len()).sum();
            lane.bytes -= bytes;
            self.bytes -= bytes;
        }
        lane.bytes += record.body.len();
        self.bytes += record.body.len();
        lane.queue.push_back(Arc::new(record));
    }

    /// Starts what can be started.
    pub(super) fn start(&mut self, mut start: impl FnMut(Arc<Record>) -> AbortHandle) {
        for lane in self.lanes.values_mut() {
            while lane.in_delivery.len() < self.in_delivery_max
                && lane.delivery_bytes < DELIVERY_BYTES
                && let Some(record) = lane.queue.front()
                // The same record can still be in delivery from before a rebalance.
                && !lane.in_delivery.contains_key(&record.ticket.offset)
                && let Some(record) = lane.queue.pop_front()
            {
                let (offset, bytes) = (record.ticket.offset, record.body.len());
                lane.bytes -= bytes;
                self.bytes -= bytes;
                lane.delivery_bytes += bytes;
                lane.in_delivery.insert(offset, (start(record), bytes));
            }
        }
    }

    /// A delivery has ended.
    pub(super) fn handle_done(&mut self, ticket: Ticket) {
        if let Some(lane) = self.lanes.get_mut(&ticket.partition)
            && let Some((_, bytes)) = lane.in_delivery.remove(&ticket.offset)
        {
            lane.delivery_bytes -= bytes;
        }
    }

    /// Gives up what nobody would accept any more.
    pub(super) fn retain(&mut self, is_open: impl Fn(&Ticket) -> bool) {
        for (partition, lane) in &mut self.lanes {
            for (offset, (delivery, _)) in &lane.in_delivery {
                if !is_open(&Ticket { partition: *partition, offset: *offset }) {
                    delivery.abort();
                }
            }
            lane.queue.retain(|record| {
                let stays = is_open(&record.ticket);
                if !stays {
                    lane.bytes -= record.body.len();
                    self.bytes -= record.body.len();
                }
                stays
            });
        }
    }

    /// The partitions that are to be paused or to go on.
    ///
    /// One that is paused stays in the answer: an assignment may have let it go on.
    pub(super) fn pauses(&mut self) -> Vec<(i32, bool)> {
        let is_full = self.bytes >= ALL_BYTES;
        let mut changes = Vec::new();
        for (partition, lane) in &mut self.lanes {
            let has_enough = lane.bytes >= LANE_BYTES || lane.queue.len() >= LANE_RECORDS;
            let has_little = lane.bytes < LANE_BYTES / 2 && lane.queue.len() < LANE_RECORDS / 2;
            let is_paused = if lane.is_paused {
                !has_little || (is_full && !lane.queue.is_empty())
            } else {
                has_enough || (is_full && !lane.queue.is_empty())
            };
            if is_paused || lane.is_paused {
                changes.push((*partition, is_paused));
            }
            lane.is_paused = is_paused;
        }
        changes
    }

    /// Whether any partition has enough.
    pub(super) fn is_any_full(&self) -> bool {
        self.lanes.values().any(|lane| lane.is_paused)
    }

    /// Whether nothing waits and nothing is in delivery.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.queue.is_empty() && lane.in_delivery.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn record(partition: i32, offset: i64, bytes: usize) -> Record {
        let ticket = Ticket { partition, offset };
        Record { ticket, body: Bytes::from(vec![0; bytes]), refusal: None }
    }

    fn started(lanes: &mut Lanes) -> Vec<(i32, i64)> {
        let mut started = Vec::new();
        lanes.start(|record| {
            started.push((record.ticket.partition, record.ticket.offset));
            tokio::spawn(std::future::pending::<()>()).abort_handle()
        });
        started
    }

    #[tokio::test]
    async fn partitions_go_side_by_side_and_each_in_order() {
        let mut lanes = Lanes::new(1);
        for (partition, offset) in [(0, 5), (0, 6), (1, 1), (1, 2)] {
            lanes.push(record(partition, offset, 1));
        }
        assert_eq!(started(&mut lanes), [(0, 5), (1, 1)]);
        assert_eq!(started(&mut lanes), []);
        lanes.handle_done(Ticket { partition: 1, offset: 1 });
        assert_eq!(started(&mut lanes), [(1, 2)]);
        lanes.handle_done(Ticket { partition: 1, offset: 2 });
        assert!(!lanes.is_empty());
        // The partition has come back, from its committed offset.
        for offset in [5, 6, 7] {
            lanes.push(record(0, offset, 1));
        }
        assert_eq!(started(&mut lanes), []);
        lanes.handle_done(Ticket { partition: 0, offset: 5 });
        assert_eq!(started(&mut lanes), [(0, 5)], "given again: at least once");
        lanes.retain(|ticket| ticket.offset == 7);
        lanes.handle_done(Ticket { partition: 0, offset: 5 });
        assert_eq!(started(&mut lanes), [(0, 7)]);
    }

    #[tokio::test]
    async fn a_partition_that_has_enough_is_paused_until_it_has_little() {
        let mut lanes = Lanes::new(1);
        for offset in 0..4 {
            lanes.push(record(0, offset, LANE_BYTES / 4));
        }
        lanes.push(record(1, 0, 1));
        assert_eq!(lanes.pauses(), [(0, true)]);
        assert!(lanes.is_any_full());
        for offset in 0..3 {
            assert_eq!(started(&mut lanes).first(), Some(&(0, offset)));
            lanes.handle_done(Ticket { partition: 0, offset });
        }
        assert_eq!(lanes.pauses(), [(0, false)]);
        assert_eq!(lanes.pauses(), []);
        assert!(!lanes.is_any_full());
    }
}
