//! The application's part in rebalances.

use std::{future::Future, pin::Pin, sync::Arc};

use milena_core::{TopicPartition, group::membership::RebalanceStep};

use super::{Consumer, shared::Shared};

/// What an application does when partitions come and go.
///
/// The callbacks run inside [`Consumer::poll`], one at a time; the group waits for them, for as long as
/// `max.poll.interval.ms` at most. They may use the consumer: commit, seek, pause. They must not
/// call `poll`, `subscribe`, `unsubscribe` or `close`, which wait for the callback to end.
///
/// When a poll is dropped while a callback runs, the next poll goes on with it.
///
/// ```
/// use milena::{Consumer, RebalanceListener, TopicPartition};
///
/// struct Report;
///
/// impl RebalanceListener for Report {
///     async fn on_partitions_revoked(&self, consumer: &Consumer, partitions: &[TopicPartition]) {
///         // The last chance to commit what was processed.
///         if let Err(error) = consumer.commit_sync().await {
///             eprintln!("{} partitions go uncommitted: {error}", partitions.len());
///         }
///     }
/// }
/// ```
pub trait RebalanceListener: Send + Sync + 'static {
    /// These partitions are the consumer's from now on, in addition to those it has. Called after
    /// every rebalance, perhaps with none.
    fn on_partitions_assigned(
        &self,
        consumer: &Consumer,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = ()> + Send {
        let _ = (consumer, partitions);
        async {}
    }

    /// These partitions go to other members. Nothing of them is handed out any more, and offsets
    /// can be committed for the last time. Automatic commits happen before this.
    fn on_partitions_revoked(
        &self,
        consumer: &Consumer,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = ()> + Send {
        let _ = (consumer, partitions);
        async {}
    }

    /// These partitions have gone to other members already, because this one was away for too long.
    /// Their offsets cannot be committed. The default treats them as revoked.
    fn on_partitions_lost(
        &self,
        consumer: &Consumer,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = ()> + Send {
        self.on_partitions_revoked(consumer, partitions)
    }
}

type Callback<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// [`RebalanceListener`] behind a pointer.
pub(super) trait Listener: Send + Sync {
    fn step<'a>(&'a self, consumer: &'a Consumer, step: &'a RebalanceStep) -> Callback<'a>;
}

impl<L: RebalanceListener> Listener for L {
    fn step<'a>(&'a self, consumer: &'a Consumer, step: &'a RebalanceStep) -> Callback<'a> {
        match step {
            RebalanceStep::Revoke(partitions) => {
                Box::pin(self.on_partitions_revoked(consumer, partitions))
            }
            RebalanceStep::Lose(partitions) => {
                Box::pin(self.on_partitions_lost(consumer, partitions))
            }
            RebalanceStep::Assign(partitions) => {
                Box::pin(self.on_partitions_assigned(consumer, partitions))
            }
        }
    }
}

/// A step that is being taken; it survives the poll that began it.
pub(super) type RunningStep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes a step: an automatic commit before partitions go, then the application's callback, for as
/// long as the group waits.
pub(super) fn run_step(
    shared: Arc<Shared>,
    listener: Option<Arc<dyn Listener>>,
    step: RebalanceStep,
) -> RunningStep {
    Box::pin(async move {
        let limit = shared.config.max_poll_interval;
        let work = async {
            if matches!(step, RebalanceStep::Revoke(_))
                && let Some(done) = shared.auto_commit()
                && let Ok(Err(error)) = done.await
            {
                tracing::warn!(%error, "the automatic commit before a rebalance failed");
            }
            if let Some(listener) = listener {
                let consumer = Consumer::borrowed(Arc::clone(&shared));
                listener.step(&consumer, &step).await;
            }
        };
        if tokio::time::timeout(limit, work).await.is_err() {
            tracing::warn!(?step, "a rebalance callback took longer than max.poll.interval.ms");
        }
        shared.update(|state| state.machine.finish_step());
    })
}
