//! Drives the group coordinator: a lock around the machine, replies to tasks, and its timer.

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::group::{
    GroupCoordinator, GroupReply, GroupSettings, JoinInput, JoinReply, ReplyId, SyncInput,
    SyncReply,
};

#[derive(Debug)]
struct Inner {
    machine: GroupCoordinator,
    next_reply: u64,
    waiting: HashMap<ReplyId, oneshot::Sender<GroupReply>>,
}

/// The groups of a broker.
#[derive(Debug)]
pub(crate) struct Groups {
    inner: Mutex<Inner>,
    /// A deadline may have come nearer.
    changed: Notify,
}

impl Groups {
    pub(crate) fn new(settings: GroupSettings) -> Self {
        let machine = GroupCoordinator::new(settings);
        Self {
            inner: Mutex::new(Inner { machine, next_reply: 0, waiting: HashMap::new() }),
            changed: Notify::new(),
        }
    }

    /// Waits for the end of the rebalance. `None` when the broker stops. When the future is dropped
    /// the member stays in the group until its session ends.
    pub(crate) async fn join(&self, input: JoinInput) -> Option<JoinReply> {
        match self.ask(|machine, reply| machine.handle_join(input, reply, Instant::now())).await? {
            GroupReply::Join(joined) => Some(joined),
            GroupReply::Sync(_) => None,
        }
    }

    /// Waits for the leader's assignment. `None` when the broker stops.
    pub(crate) async fn sync(&self, input: SyncInput) -> Option<SyncReply> {
        match self.ask(|machine, reply| machine.handle_sync(&input, reply, Instant::now())).await? {
            GroupReply::Sync(synced) => Some(synced),
            GroupReply::Join(_) => None,
        }
    }

    async fn ask(&self, act: impl FnOnce(&mut GroupCoordinator, ReplyId)) -> Option<GroupReply> {
        let receiver = {
            let mut inner = self.inner.lock();
            let reply = ReplyId(inner.next_reply);
            inner.next_reply += 1;
            let (sender, receiver) = oneshot::channel();
            inner.waiting.insert(reply, sender);
            act(&mut inner.machine, reply);
            inner.deliver();
            receiver
        };
        self.changed.notify_one();
        receiver.await.ok()
    }

    /// Runs a command or a question on the machine.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut GroupCoordinator) -> T) -> T {
        let out = {
            let mut inner = self.inner.lock();
            let out = act(&mut inner.machine);
            inner.deliver();
            out
        };
        self.changed.notify_one();
        out
    }

    /// Lets deadlines happen, for ever.
    pub(crate) async fn run_timer(&self) {
        loop {
            let deadline = self.inner.lock().machine.poll_timeout();
            let changed = self.changed.notified();
            match deadline {
                None => changed.await,
                Some(deadline) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(deadline.into()) => {
                        let mut inner = self.inner.lock();
                        inner.machine.handle_timeout(Instant::now());
                        inner.deliver();
                    }
                },
            }
        }
    }
}

impl Inner {
    fn deliver(&mut self) {
        while let Some((id, reply)) = self.machine.poll_reply() {
            if let Some(sender) = self.waiting.remove(&id) {
                // A closed receiver is a connection that is gone; its member times out.
                drop(sender.send(reply));
            }
        }
    }
}
