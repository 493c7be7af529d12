//! DescribeProducers, DescribeTransactions and ListTransactions (KIP-664).

use milena_wire::messages::describe_producers_request::TopicRequest;
use milena_wire::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use milena_wire::messages::describe_transactions_response::{
    TopicData, TransactionState as Described,
};
use milena_wire::messages::list_transactions_response::TransactionState as Listed;
use milena_wire::messages::{
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest,
    DescribeTransactionsResponse, ListTransactionsRequest, ListTransactionsResponse,
};
use milena_wire::{ByteString, ErrorCode};

use super::{Api, Reply};
use crate::cluster::{CoordinatorKind, now_ms};
use crate::connection::Call;
use crate::log::ProducerSnapshot;
use crate::transaction::{Transaction, TransactionState};

const STATES: [&str; 7] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "PrepareEpochFence",
];

impl Api for DescribeProducersRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DescribeProducersResponse> {
        let topic = |topic: &TopicRequest| TopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partition_indexes
                .iter()
                .map(|&index| producers(call, &topic.name, index))
                .collect(),
            ..Default::default()
        };
        Reply::Response(DescribeProducersResponse {
            topics: self.topics.iter().map(topic).collect(),
            ..Default::default()
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DescribeProducersResponse {
        let topic = |topic: &TopicRequest| TopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partition_indexes
                .iter()
                .map(|&index| no_producers(index, code))
                .collect(),
            ..Default::default()
        };
        DescribeProducersResponse {
            topics: self.topics.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut DescribeProducersResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn no_producers(partition_index: i32, code: ErrorCode) -> PartitionResponse {
    PartitionResponse { partition_index, error_code: code.0, ..Default::default() }
}

fn producers(call: &Call<'_>, topic: &str, index: i32) -> PartitionResponse {
    let found = call.find_partition(topic, index).and_then(|partition| {
        let state = partition.lock();
        call.check_leadership(&state.leadership, -1)?;
        Ok(state.log.producers())
    });
    let producer = |producer: ProducerSnapshot| ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: i32::from(producer.epoch),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_first_offset.unwrap_or(-1),
        ..Default::default()
    };
    match found {
        Ok(found) => PartitionResponse {
            partition_index: index,
            active_producers: found.into_iter().map(producer).collect(),
            ..Default::default()
        },
        Err(code) => no_producers(index, code),
    }
}

impl Api for DescribeTransactionsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DescribeTransactionsResponse> {
        let transactions = call.cluster().transactions.lock();
        let describe = |id: &ByteString| {
            if !call.cluster().is_coordinator(CoordinatorKind::Transaction, id, call.peer.node_id) {
                return undescribed(id, ErrorCode::NOT_COORDINATOR);
            }
            match transactions.get(id) {
                Some(transaction) => described(id, transaction),
                None => undescribed(id, ErrorCode::TRANSACTIONAL_ID_NOT_FOUND),
            }
        };
        let transaction_states = self.transactional_ids.iter().map(describe).collect();
        Reply::Response(DescribeTransactionsResponse { transaction_states, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DescribeTransactionsResponse {
        let transaction_states =
            self.transactional_ids.iter().map(|id| undescribed(id, code)).collect();
        DescribeTransactionsResponse { transaction_states, ..Default::default() }
    }

    fn throttle(response: &mut DescribeTransactionsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn undescribed(id: &ByteString, code: ErrorCode) -> Described {
    Described { transactional_id: id.clone(), error_code: code.0, ..Default::default() }
}

fn described(id: &ByteString, transaction: &Transaction) -> Described {
    let mut topics: Vec<TopicData> = Vec::new();
    for (topic, index) in &transaction.partitions {
        if topics.last().is_none_or(|last| last.topic != *topic) {
            topics.push(TopicData { topic: topic.clone(), ..Default::default() });
        }
        if let Some(last) = topics.last_mut() {
            last.partitions.push(*index);
        }
    }
    let is_open = transaction.state == TransactionState::Ongoing;
    Described {
        transactional_id: id.clone(),
        transaction_state: ByteString::from_static(transaction.state.name()),
        transaction_timeout_ms: i32::try_from(transaction.timeout.as_millis()).unwrap_or(i32::MAX),
        transaction_start_time_ms: if is_open { transaction.started_ms } else { -1 },
        producer_id: transaction.producer_id,
        producer_epoch: transaction.producer_epoch,
        topics,
        ..Default::default()
    }
}

impl Api for ListTransactionsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<ListTransactionsResponse> {
        let unknown = self
            .state_filters
            .iter()
            .filter(|state| !STATES.contains(&&***state))
            .cloned()
            .collect();
        let now_ms = now_ms();
        let is_wanted = |id: &ByteString, transaction: &Transaction| {
            let states = &self.state_filters;
            let producers = &self.producer_id_filters;
            let age_ms = now_ms.saturating_sub(transaction.started_ms);
            let is_open = transaction.state == TransactionState::Ongoing;
            (states.is_empty() || states.iter().any(|state| state == transaction.state.name()))
                && (producers.is_empty() || producers.contains(&transaction.producer_id))
                && (self.duration_filter < 0 || (is_open && age_ms > self.duration_filter))
                && call.cluster().is_coordinator(
                    CoordinatorKind::Transaction,
                    id,
                    call.peer.node_id,
                )
        };
        let transactions = call.cluster().transactions.lock();
        let listed = |(id, transaction): (&ByteString, &Transaction)| Listed {
            transactional_id: id.clone(),
            producer_id: transaction.producer_id,
            transaction_state: ByteString::from_static(transaction.state.name()),
            ..Default::default()
        };
        Reply::Response(ListTransactionsResponse {
            unknown_state_filters: unknown,
            transaction_states: transactions
                .iter()
                .filter(|(id, one)| is_wanted(id, one))
                .map(listed)
                .collect(),
            ..Default::default()
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> ListTransactionsResponse {
        ListTransactionsResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut ListTransactionsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}
