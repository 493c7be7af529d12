//! Fencing transactional producers: requests for the coordinators of their transactions.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use milena_pool::Purpose;
use milena_wire::ByteString;
use milena_wire::messages::InitProducerIdRequest;

use super::client::{Admin, Inner, check, highest};
use super::operation::{Asked, Operation, Outcomes};
use super::results::Results;
use crate::cluster::CoordinatorKind;
use crate::{Error, ErrorKind};

/// The longest timeout that is asked for: the transaction that it would end never begins, but the
/// coordinator waits for its own replicas as long. Brokers take a producer's default of one minute.
const TRANSACTION_TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// The identity that the next producer with the same `transactional.id` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FencedProducer {
    /// The producer id.
    pub producer_id: i64,
    /// The epoch before which every producer is fenced.
    pub producer_epoch: i16,
}

impl Admin {
    /// Fences the producers that use these `transactional.id`s: what they have open is aborted, and
    /// whatever they try next fails with [`ErrorKind::Fenced`]. An id that nobody uses is no error
    /// (KIP-618; any Kafka).
    ///
    /// # Errors
    ///
    /// Each id has its own, most often
    /// [`TRANSACTIONAL_ID_AUTHORIZATION_FAILED`](crate::ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED).
    /// After a timeout, or when a connection broke, a producer may be fenced all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take back what was sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{ErrorKind, Producer, admin::Admin, config::{AdminConfig, ProducerConfig}};
    /// # let servers = broker.bootstrap_servers();
    /// # let admin = Admin::new(AdminConfig::builder(&servers).build()?)?;
    /// let config = ProducerConfig::builder(&servers).transactional_id("billing-1").build()?;
    /// let producer = Producer::new(config)?;
    /// producer.init_transactions().await?;
    /// let transaction = producer.begin_transaction().await?;
    /// transaction.send_and_wait(milena::ProducerRecord::to("bills").value("7")).await?;
    ///
    /// admin.fence_producers(["billing-1"]).await.all()?;
    /// assert_eq!(transaction.commit().await.unwrap_err().kind(), ErrorKind::Fenced);
    /// # Ok(()) }
    /// ```
    pub async fn fence_producers<I: Into<String>>(
        &self,
        transactional_ids: impl IntoIterator<Item = I>,
    ) -> Results<String, FencedProducer> {
        let ids = transactional_ids.into_iter().map(Into::into).collect();
        let operation = FenceProducers { ids };
        let results = self.inner.run(&operation, self.inner.deadline(None)).await;
        Results::new(operation.ids, results)
    }
}

struct FenceProducers {
    ids: Vec<String>,
}

impl Operation for FenceProducers {
    type Output = FencedProducer;

    fn len(&self) -> usize {
        self.ids.len()
    }

    async fn attempt(
        &self,
        admin: &Inner,
        pending: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<FencedProducer>, Error> {
        // The pool knows the brokers' addresses from the cluster's metadata.
        admin.cluster.ready(deadline).await?;
        let (asked, mut outcomes) = Asked::once(&self.ids, pending, String::as_str);
        let fenced = asked.entries().map(|(index, id)| async move {
            let outcome = fence(admin, id, deadline).await;
            if outcome.is_err() {
                // Whoever was asked may not be the coordinator any more.
                admin.cluster.forget_coordinator(id, CoordinatorKind::Transaction);
            }
            (index, outcome)
        });
        outcomes.extend(join_all(fenced).await);
        Ok(outcomes)
    }
}

/// Takes the producer's place at its coordinator, once.
async fn fence(admin: &Inner, id: &str, deadline: Instant) -> Result<FencedProducer, Error> {
    if id.is_empty() {
        let message = "a transactional id is empty, which none can be";
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let broker = admin.cluster.coordinator(id, CoordinatorKind::Transaction, deadline).await?;
    let asked = async {
        let connection = admin.cluster.connection(broker, Purpose::Coordinator).await?;
        let version = highest::<InitProducerIdRequest>(&connection)?;
        let timeout = admin.request_timeout(deadline).min(TRANSACTION_TIMEOUT_MAX);
        let request = InitProducerIdRequest {
            transactional_id: Some(ByteString::from(id)),
            transaction_timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX).max(1),
            producer_id: -1,
            producer_epoch: -1,
            ..InitProducerIdRequest::default()
        };
        let response = admin.send(&connection, &request, version, deadline).await?;
        check::<InitProducerIdRequest>(response.error_code, None, version)?;
        Ok(FencedProducer {
            producer_id: response.producer_id,
            producer_epoch: response.producer_epoch,
        })
    };
    asked.await.map_err(|error: Error| error.with_broker(broker.0))
}

#[cfg(test)]
mod tests {
    use milena_broker::{Broker, BrokerBuilder, Fault};
    use milena_wire::{ApiKey, ErrorCode};

    use super::super::{ListOffsetsOptions, OffsetSpec};
    use super::*;
    use crate::config::{AdminConfig, IsolationLevel, ProducerConfig};
    use crate::{Producer, ProducerRecord, TopicPartition};

    async fn start(builder: BrokerBuilder) -> (Broker, Admin) {
        let broker = builder.topic("bills", 1).start().await.unwrap();
        let config = AdminConfig::builder(broker.bootstrap_servers())
            .retry_backoff(Duration::from_millis(5))
            .retry_backoff_max(Duration::from_millis(20));
        (broker, Admin::new(config.build().unwrap()).unwrap())
    }

    /// Where readers of committed records would stand at the end.
    async fn stable_end(admin: &Admin) -> i64 {
        let latest = [(TopicPartition::new("bills", 0), OffsetSpec::Latest)];
        let options = ListOffsetsOptions::default().isolation_level(IsolationLevel::ReadCommitted);
        admin.list_offsets_with(latest, options).await.one().unwrap().unwrap().offset
    }

    #[tokio::test]
    async fn a_fenced_producer_loses_what_it_has_open() {
        for release in ["1.1", "2.8", "4.3"] {
            let (broker, admin) = start(Broker::builder().as_version(release)).await;
            let config = ProducerConfig::builder(broker.bootstrap_servers()).transactional_id("t");
            let producer = Producer::new(config.build().unwrap()).unwrap();
            producer.init_transactions().await.unwrap();
            let transaction = producer.begin_transaction().await.unwrap();
            transaction.send_and_wait(ProducerRecord::to("bills").value("7")).await.unwrap();
            assert_eq!(stable_end(&admin).await, 0, "{release}");

            let fenced = admin.fence_producers(["t"]).await.one().unwrap();
            assert_eq!(fenced.producer_epoch, 1, "{release}");
            assert_eq!(stable_end(&admin).await, 2, "the record and the marker, on {release}");
            let error = transaction.commit().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Fenced, "{release}: {error}");
            let again = admin.fence_producers(["t"]).await.one().unwrap();
            assert_eq!((again.producer_id, again.producer_epoch), (fenced.producer_id, 2));
        }
    }

    #[tokio::test]
    async fn the_coordinator_is_looked_up_again_when_it_has_moved() {
        let (broker, admin) = start(Broker::builder().nodes(3)).await;
        for node in [1, 2, 3] {
            broker.move_transaction_coordinator("t", node).unwrap();
            let fenced = admin.fence_producers(["t"]).await.one().unwrap();
            assert_eq!(fenced.producer_epoch, i16::try_from(node).unwrap() - 1);
        }
        assert_eq!(admin.metrics().requests_retried, 2);
    }

    #[tokio::test]
    async fn each_id_has_its_own_result() {
        let (broker, admin) = start(Broker::builder()).await;
        let results = admin.fence_producers(["a", "", "b", "a"]).await;
        let kinds: Vec<_> = results
            .iter()
            .map(|(id, result)| (id.as_str(), result.as_ref().err().map(Error::kind)))
            .collect();
        let wrong = Some(ErrorKind::InvalidArgument);
        assert_eq!(kinds, [("a", None), ("", wrong), ("b", None), ("a", wrong)]);
        let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
        broker.faults().inject(Fault::on(ApiKey::INIT_PRODUCER_ID).error(code));
        let error = admin.fence_producers(["a"]).await.one().unwrap_err();
        assert_eq!((error.code(), error.broker()), (Some(code), Some(1)), "{error}");
    }
}
