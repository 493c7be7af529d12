//! One budget for all bytes that are buffered or asked for.
//!
//! Invariant: a grant never exceeds what is free. Brokers may send more than was granted, for a batch
//! that is larger than the limit comes whole; then the budget is overdrawn until it is read.

use std::collections::BTreeMap;

use crate::BrokerId;

/// Names the bytes of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AccountId(u64);

#[derive(Debug)]
struct Account {
    broker: BrokerId,
    bytes: usize,
    /// Partitions whose bytes are still here.
    partitions: usize,
    /// Only paused partitions are left: the account does not stop the broker's next fetch.
    is_aside: bool,
}

/// The smallest grant worth a request, unless the whole budget is smaller.
const MIN_GRANT: usize = 64 * 1024;

/// The budget and who holds it.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    granted: usize,
    used: usize,
    last_id: u64,
    accounts: BTreeMap<AccountId, Account>,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), granted: 0, used: 0, last_id: 0, accounts: BTreeMap::new() }
    }

    /// Bounds what is granted and buffered from here on.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Bytes that are buffered.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    fn least(&self) -> usize {
        MIN_GRANT.min(self.limit / 2).max(1)
    }

    fn free(&self) -> usize {
        self.limit.saturating_sub(self.used + self.granted)
    }

    /// Whether there is room for a fetch.
    pub(super) fn has_room(&self) -> bool {
        self.free() >= self.least()
    }

    /// Reserves up to `wanted` bytes, and no more than half of an even share between `sharers`
    /// brokers, so that the next fetch of each can be on its way while the last one is read.
    pub(super) fn grant(&mut self, wanted: usize, sharers: usize) -> Option<usize> {
        let (free, least) = (self.free(), self.least());
        if free < least {
            return None;
        }
        let share = (self.limit / (2 * sharers.max(1))).max(least);
        let granted = wanted.min(share).min(free).max(1);
        self.granted += granted;
        Some(granted)
    }

    pub(super) fn give_back(&mut self, granted: usize) {
        self.granted = self.granted.saturating_sub(granted);
    }

    /// Books the bytes of a response, which `partitions` partitions share.
    pub(super) fn open(&mut self, broker: BrokerId, bytes: usize, partitions: usize) -> AccountId {
        self.last_id += 1;
        let id = AccountId(self.last_id);
        self.used += bytes;
        self.accounts.insert(id, Account { broker, bytes, partitions, is_aside: false });
        id
    }

    /// A partition's bytes are gone; the response's are, once the last partition's are.
    pub(super) fn close(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.partitions = account.partitions.saturating_sub(1);
        if account.partitions == 0 {
            self.used = self.used.saturating_sub(account.bytes);
            self.accounts.remove(&id);
        }
    }

    /// Gives a paused partition an account of its own, for a copy of its bytes.
    pub(super) fn set_aside(&mut self, id: AccountId, bytes: usize) -> AccountId {
        let broker = self.accounts.get(&id).map_or(BrokerId(-1), |account| account.broker);
        self.close(id);
        let aside = self.open(broker, bytes, 1);
        if let Some(account) = self.accounts.get_mut(&aside) {
            account.is_aside = true;
        }
        aside
    }

    /// How many responses of a broker are still to be read.
    pub(super) fn responses(&self, broker: BrokerId) -> usize {
        let open = |account: &&Account| account.broker == broker && !account.is_aside;
        self.accounts.values().filter(open).count()
    }
}
