//! Counters of a client, and their values at one moment.
//!
//! A counter is one relaxed atomic: counting costs a few nanoseconds and orders nothing. Counters that
//! different tasks count lie on cache lines of their own, so that a producer's callers and its
//! connections do not slow each other down. The values of a [`Snapshot`] are read one after another.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keeps what is in it on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

macro_rules! counters {
    ($($(#[$line:meta])* $group:ident: $Group:ident { $($(#[$doc:meta])* $name:ident),+ $(,)? })+) => {
        $(
            #[derive(Debug, Default)]
            struct $Group { $($name: AtomicU64,)+ }
        )+

        /// The counters of one client, shared by its parts.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $($group: Line<$Group>,)+ }

        impl Counters {
            $($(
                /// The counter of this name.
                #[allow(dead_code, reason = "a client counts what it does: a producer fetches nothing")]
                pub(crate) fn $name(&self) -> Counter<'_> {
                    Counter(&self.$group.0.$name)
                }
            )+)+

            /// The values at this moment.
            pub(crate) fn snapshot(&self) -> Snapshot {
                Snapshot { $($($name: self.$name().value(),)+)+ }
            }
        }

        /// The values of a client's counters at one moment, since the client was made.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Snapshot {
            $($($(#[$doc])* pub $name: u64,)+)+
        }

        impl Snapshot {
            /// Names and values, in the order of the fields.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$($((stringify!($name), self.$name),)+)+].into_iter()
            }
        }
    };
}

counters! {
    accepted: Accepted {
        /// Bytes of records that wait to be sent or for their answer.
        buffered_bytes,
        /// Records that were accepted for sending.
        records_accepted,
    }
    sent: Sent {
        /// Records that a broker has acknowledged, or that were sent with `acks=0`.
        records_sent,
        /// Bytes of these records' batches as they were sent.
        bytes_sent,
        /// Batches that these records were in.
        batches_sent,
        /// Records whose delivery failed.
        records_failed,
        /// Batches that were sent again.
        batches_retried,
    }
    connections: Connections {
        /// Requests that were sent.
        requests_sent,
        /// Requests that were sent again after an error that may pass.
        requests_retried,
        /// Requests that failed: no answer, or one with an error.
        requests_failed,
        /// Requests that wait for their answer.
        requests_in_flight,
        /// Bytes that went to brokers.
        bytes_out,
        /// Bytes that came from brokers.
        bytes_in,
        /// Connections that were made.
        connections_made,
        /// Connections that failed or were lost.
        connections_lost,
    }
    fetched: Fetched {
        /// Records that were given out.
        records_fetched,
        /// Bytes of batches that were fetched.
        bytes_fetched,
        /// Bytes that were fetched and not given out yet.
        fetch_buffered_bytes,
    }
    group: Group {
        /// Commits of offsets that succeeded.
        commits,
        /// Commits of offsets that failed.
        commits_failed,
        /// Rebalances that were completed.
        rebalances,
        /// Heartbeats that were answered.
        heartbeats,
    }
}

/// One counter.
#[derive(Clone, Copy)]
pub(crate) struct Counter<'a>(&'a AtomicU64);

impl Counter<'_> {
    /// Counts `count` up.
    pub(crate) fn add(self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts `count` down, for what is waiting or in flight.
    pub(crate) fn sub(self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// Counts one up.
    pub(crate) fn increment(self) {
        self.add(1);
    }

    /// The value at this moment.
    pub(crate) fn value(self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Snapshot {
    /// `name=value` with a space between them, without those that are zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in self.iter().filter(|(_, value)| *value > 0) {
            write!(f, "{separator}{name}={value}")?;
            separator = " ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_hold_what_was_counted() {
        let counters = Counters::default();
        counters.records_sent().add(3);
        counters.requests_in_flight().increment();
        counters.requests_in_flight().increment();
        counters.requests_in_flight().sub(1);
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.records_sent, 3);
        assert_eq!(snapshot.requests_in_flight, 1);
        assert_eq!(snapshot.to_string(), "records_sent=3 requests_in_flight=1");
        assert_eq!(snapshot.iter().count(), 22);
        assert_eq!(Counters::default().snapshot(), Snapshot::default());
    }

    #[test]
    fn threads_count_together() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| counters.records_fetched().increment()));
            }
        });
        assert_eq!(counters.snapshot().records_fetched, 4000);
    }

    #[test]
    fn groups_lie_on_lines_of_their_own() {
        assert!(align_of::<Counters>() >= 128);
    }
}
