//! Counters of a client, and their values at one moment.
//!
//! A counter is one relaxed atomic: counting costs a few nanoseconds and orders nothing. Counters that
//! different tasks count lie on cache lines of their own, so that a producer's callers and its
//! connections do not slow each other down. The values of a [`Snapshot`] are read one after another.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use milena_pool::ConnectionCounts;

/// Keeps what is in it on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

macro_rules! counters {
    (
        ConnectionCounts { $($(#[$of_pool_doc:meta])* $of_pool:ident),+ $(,)? }
        $($group:ident: $Group:ident { $($(#[$doc:meta])* $name:ident),+ $(,)? })+
    ) => {
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

            /// The values at this moment, with those that the client's connections count.
            pub(crate) fn snapshot(&self, connections: &ConnectionCounts) -> Snapshot {
                Snapshot {
                    $($($name: self.$name().value(),)+)+
                    $($of_pool: connections.$of_pool,)+
                }
            }
        }

        /// The values of a client's counters at one moment, since the client was made. What a client
        /// does not do stays 0: a producer fetches nothing.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Snapshot {
            $($($(#[$doc])* pub $name: u64,)+)+
            $($(#[$of_pool_doc])* pub $of_pool: u64,)+
        }

        /// The counters of several clients together.
        impl std::ops::Add for Snapshot {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self {
                    $($($name: self.$name.saturating_add(other.$name),)+)+
                    $($of_pool: self.$of_pool.saturating_add(other.$of_pool),)+
                }
            }
        }

        impl Snapshot {
            /// Names and values, in the order of the fields.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [
                    $($((stringify!($name), self.$name),)+)+
                    $((stringify!($of_pool), self.$of_pool),)+
                ]
                .into_iter()
            }
        }
    };
}

counters! {
    ConnectionCounts {
        /// Requests that were sent, those that make a connection (ApiVersions, SASL) among them.
        requests_sent,
        /// Requests without an answer that can be read: the connection was lost, or time was up.
        requests_failed,
        /// Requests that wait for their answer.
        requests_in_flight,
        /// Bytes that went to brokers, before encryption.
        bytes_out,
        /// Bytes that came from brokers, after decryption.
        bytes_in,
        /// Connections that were made.
        connections_made,
        /// Connections that are open.
        connections_open,
        /// Attempts to connect that failed, authentication included.
        connections_failed,
        /// Connections that ended otherwise than by being closed on this side or idle.
        connections_lost,
    }
    accepted: Accepted {
        /// Bytes of records that wait to be sent or for their answer.
        buffered_bytes,
        /// Records that were accepted for sending, counted when their batch is full or goes out.
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
        /// How often a batch was sent again after an error that may pass, whatever came of it.
        batches_retried,
    }
    transactions: Transactions {
        /// Transactions that were committed.
        transactions_committed,
        /// Transactions that were aborted.
        transactions_aborted,
        /// Nanoseconds in `init_transactions`, calls that failed among them (Java's
        /// `txn-init-time-ns-total`).
        txn_init_time_ns,
        /// The same of `begin_transaction` (`txn-begin-time-ns-total`).
        txn_begin_time_ns,
        /// The same of `send_offsets` (`txn-send-offsets-time-ns-total`).
        txn_send_offsets_time_ns,
        /// The same of `commit` (`txn-commit-time-ns-total`).
        txn_commit_time_ns,
        /// The same of `abort` (`txn-abort-time-ns-total`).
        txn_abort_time_ns,
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
    admin: Admin {
        /// Requests of an admin client that were sent again after an error that may pass.
        requests_retried,
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

    /// Takes over a count that somebody else keeps.
    pub(crate) fn set(self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
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
mod tests;
