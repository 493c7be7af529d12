//! The connections of the background task, and the requests that are under way on them.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use milena_core::BrokerId;
use milena_core::producer::{
    Answer, ProduceCall, ProducerEpoch, ProducerId, ProducerIdAnswer, ProducerIdFailure, RequestId,
    TransactionCall,
};
use milena_pool::{Connection, PendingResponse, PendingWrite, Purpose, RequestError};
use milena_wire::ErrorCode;
use milena_wire::messages::{InitProducerIdRequest, ProduceRequest};

use super::coordination::{self, Answered};
use crate::Error;
use crate::cluster::Cluster;

/// The first version that takes zstd, the first with record batches of magic 2 (Kafka 0.11), and the
/// last with names of topics.
const ZSTD_VERSION_MIN: i16 = 7;
const MAGIC_2_VERSION_MIN: i16 = 3;
const NAMES_VERSION_MAX: i16 = 12;

/// Something that ended.
#[derive(Debug)]
pub(super) enum Done {
    /// A connection can be used.
    Connected(BrokerId),
    /// No connection could be made.
    Unreachable(BrokerId, Error),
    /// A connection is gone.
    Lost(BrokerId),
    /// A produce request is answered, or will not be.
    Answered(RequestId, Answer),
    /// So ended the request for a producer id.
    ProducerId(ProducerIdAnswer),
    /// So ended a request of the transaction.
    Transaction(Answered),
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Call {
    Response(PendingResponse<ProduceRequest>),
    Write(PendingWrite),
}

#[derive(Default)]
struct Link {
    connection: Option<Connection>,
    connecting: Option<Boxed<Result<Connection, Error>>>,
    /// In the order of writing, which is that of the answers.
    calls: VecDeque<(RequestId, Call)>,
}

/// Connections to brokers, and what is under way.
pub(super) struct Links {
    cluster: Cluster,
    request_timeout: Duration,
    needs_zstd: bool,
    brokers: BTreeMap<BrokerId, Link>,
    producer_id: Option<Boxed<ProducerIdAnswer>>,
    transaction: Option<Boxed<Answered>>,
    done: Vec<Done>,
}

impl Links {
    pub(super) const fn new(cluster: Cluster, request_timeout: Duration, needs_zstd: bool) -> Self {
        Self {
            cluster,
            request_timeout,
            needs_zstd,
            brokers: BTreeMap::new(),
            producer_id: None,
            transaction: None,
            done: Vec::new(),
        }
    }

    /// Begins to connect.
    pub(super) fn connect(&mut self, broker: BrokerId) {
        let cluster = self.cluster.clone();
        let connecting = async move { cluster.connection(broker, Purpose::Produce).await };
        self.brokers.entry(broker).or_default().connecting = Some(Box::pin(connecting));
    }

    /// Asks any broker for a producer id.
    pub(super) fn request_producer_id(&mut self) {
        self.producer_id = Some(Box::pin(producer_id(self.cluster.clone())));
    }

    /// Asks a coordinator.
    pub(super) fn request_transaction(&mut self, call: TransactionCall, transactional_id: &str) {
        let (cluster, id) = (self.cluster.clone(), transactional_id.to_owned());
        let timeout = self.request_timeout;
        let asking = async move { coordination::ask(&cluster, &id, call, timeout).await };
        self.transaction = Some(Box::pin(asking));
    }

    /// Writes a produce request.
    pub(super) fn start(&mut self, call: &ProduceCall) {
        let link = self.brokers.entry(call.broker).or_default();
        let Some(connection) = &link.connection else {
            self.done.push(Done::Answered(call.id, Answer::NotSent));
            return;
        };
        match write(connection, call, self.request_timeout, self.needs_zstd) {
            Ok(pending) => link.calls.push_back((call.id, pending)),
            Err(answer) => {
                if connection.is_closed() {
                    link.connection = None;
                    self.done.push(Done::Lost(call.broker));
                }
                self.done.push(Done::Answered(call.id, answer));
            }
        }
    }

    /// Waits until something ends, and takes all that has ended. Cancel safe.
    pub(super) async fn next(&mut self) -> Vec<Done> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What has ended already without waiting.
    pub(super) fn take_done(&mut self) -> Vec<Done> {
        std::mem::take(&mut self.done)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Vec<Done>> {
        for (broker, link) in &mut self.brokers {
            link.poll(*broker, &mut self.done, cx);
        }
        if let Some(future) = &mut self.producer_id
            && let Poll::Ready(answer) = future.as_mut().poll(cx)
        {
            self.producer_id = None;
            self.done.push(Done::ProducerId(answer));
        }
        if let Some(future) = &mut self.transaction
            && let Poll::Ready(answered) = future.as_mut().poll(cx)
        {
            self.transaction = None;
            self.done.push(Done::Transaction(answered));
        }
        if self.done.is_empty() { Poll::Pending } else { Poll::Ready(self.take_done()) }
    }
}

impl Link {
    fn poll(&mut self, broker: BrokerId, done: &mut Vec<Done>, cx: &mut Context<'_>) {
        if let Some(connecting) = &mut self.connecting
            && let Poll::Ready(result) = connecting.as_mut().poll(cx)
        {
            self.connecting = None;
            match result {
                Ok(connection) => {
                    self.connection = Some(connection);
                    done.push(Done::Connected(broker));
                }
                Err(error) => done.push(Done::Unreachable(broker, error)),
            }
        }
        while let Some((id, call)) = self.calls.front_mut()
            && let Poll::Ready(answer) = call.poll(cx)
        {
            done.push(Done::Answered(*id, answer));
            self.calls.pop_front();
            if self.connection.take_if(|connection| connection.is_closed()).is_some() {
                done.push(Done::Lost(broker));
            }
        }
    }
}

impl Call {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        match self {
            Self::Response(pending) => Pin::new(pending).poll(cx).map(|result| match result {
                Ok(response) => Answer::Response(response),
                Err(error) => failed(&error),
            }),
            Self::Write(pending) => Pin::new(pending).poll(cx).map(|result| match result {
                Ok(()) => Answer::Sent,
                Err(error) => failed(&error),
            }),
        }
    }
}

/// What an error says about the request.
fn failed(error: &RequestError) -> Answer {
    tracing::debug!(%error, "a produce request failed");
    match error {
        RequestError::UnsupportedVersion(_) | RequestError::Encode(_) => {
            Answer::Rejected(error.to_string())
        }
        RequestError::Disconnected { written: false, .. } => Answer::NotSent,
        RequestError::Decode(_) => Answer::Malformed("the produce response cannot be read"),
        _ => Answer::Lost,
    }
}

/// Writes the request in the highest version that broker, topics and compression allow.
fn write(
    connection: &Connection,
    call: &ProduceCall,
    timeout: Duration,
    needs_zstd: bool,
) -> Result<Call, Answer> {
    let limit = if call.has_topic_ids { i16::MAX } else { NAMES_VERSION_MAX };
    let limit = limit.min(call.versions.max);
    let version = connection.api_versions().highest_up_to::<ProduceRequest>(limit);
    let version = version.map_err(|error| Answer::Rejected(error.to_string()))?;
    if version < call.versions.min {
        let problem = if version < MAGIC_2_VERSION_MIN {
            "the broker is older than Kafka 0.11 and takes no record batches"
        } else {
            "the broker speaks no version of Produce that adds partitions to a transaction, although \
             the cluster has transaction.version=2"
        };
        return Err(Answer::Rejected(problem.to_owned()));
    }
    if needs_zstd && version < ZSTD_VERSION_MIN {
        let problem = "the broker is older than Kafka 2.1 and takes no zstd";
        return Err(Answer::Rejected(problem.to_owned()));
    }
    let call = if call.request.acks == 0 {
        connection.send_without_response(&call.request, version).map(Call::Write)
    } else {
        connection.start(&call.request, version, timeout).map(Call::Response)
    };
    call.map_err(|error| failed(&error))
}

/// Asks any broker for a producer id.
async fn producer_id(cluster: Cluster) -> ProducerIdAnswer {
    let connection = match cluster.any_connection().await {
        Ok(connection) => connection,
        Err(error) => {
            tracing::warn!(%error, "no broker to ask for a producer id");
            return ProducerIdAnswer::Failed;
        }
    };
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        ..InitProducerIdRequest::default()
    };
    match connection.send(&request).await {
        Ok(response) if response.error_code == ErrorCode::NONE.0 => ProducerIdAnswer::Granted(
            ProducerId(response.producer_id),
            ProducerEpoch(response.producer_epoch),
        ),
        Ok(response) => {
            let code = ErrorCode(response.error_code);
            tracing::warn!(%code, "the broker gave no producer id");
            ProducerIdAnswer::from_error(code)
        }
        Err(RequestError::UnsupportedVersion(_)) => {
            ProducerIdAnswer::Refused(ProducerIdFailure::Unsupported)
        }
        Err(error) => {
            tracing::debug!(%error, "the request for a producer id failed");
            ProducerIdAnswer::Failed
        }
    }
}
