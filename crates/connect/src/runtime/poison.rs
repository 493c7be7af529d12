//! What becomes of a record that its connector cannot use, or that its sink refuses for good.

use std::{sync::Arc, time::Duration};

use super::{
    dead_letter::DeadLetters,
    sink::Record,
    status::{Counter, StepStatus},
};
use crate::{
    connector::{Ticket, with_causes},
    flow::{OnPoison, PoisonPolicy},
};

/// The policy of a step, with what it needs.
pub(super) struct Poison {
    pub(super) policy: PoisonPolicy,
    /// There where the policy has a dead-letter topic.
    pub(super) dead_letters: Option<DeadLetters>,
    pub(super) status: Arc<StepStatus>,
}

impl Poison {
    /// What a refusal means by the policy: the record counts as accepted.
    ///
    /// # Errors
    ///
    /// Why the record is to be tried again.
    pub(super) async fn settle(&self, record: &Record, why: String) -> Result<(), String> {
        match (&self.policy.on_poison, &self.dead_letters) {
            (OnPoison::Skip, _) => {
                self.skip(record, &why);
                Ok(())
            }
            (OnPoison::DeadLetter { topic: target }, Some(dead_letters)) => {
                let error = self.status.masked(&why);
                dead_letters.send(record, &error).await.map_err(|error| {
                    format!("{why}; dead-letter topic {target:?}: {}", with_causes(&error))
                })?;
                let Ticket { partition, offset } = record.ticket;
                let (step, topic) = (self.status.name(), self.status.topic());
                tracing::warn!(step, topic, partition, offset, target, error, "dead-lettered");
                self.status.count(Counter::RecordsDeadLettered, 1);
                self.status.set_up();
                Ok(())
            }
            (OnPoison::Retry | OnPoison::DeadLetter { .. }, _) => Err(why),
        }
    }

    /// Leaves a record out.
    pub(super) fn skip(&self, record: &Record, why: &str) {
        let Ticket { partition, offset } = record.ticket;
        let (step, topic) = (self.status.name(), self.status.topic());
        let error = self.status.masked(why);
        tracing::warn!(step, topic, partition, offset, error, "skipped");
        self.status.count(Counter::RecordsSkipped, 1);
        self.status.set_up();
    }

    /// Closes what sends dead letters.
    ///
    /// # Errors
    ///
    /// When not everything was sent within this time.
    pub(super) async fn close(&self, within: Duration) -> Result<(), milena::Error> {
        match &self.dead_letters {
            Some(dead_letters) => dead_letters.close(within).await,
            None => Ok(()),
        }
    }
}
