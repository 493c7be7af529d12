//! InitProducerId: identities for idempotent and transactional producers.

use std::time::Duration;

use milena_wire::ErrorCode;
use milena_wire::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::{Api, Reply};
use crate::cluster::CoordinatorKind;
use crate::connection::Call;
use crate::storage::StoredTransaction;
use crate::transaction::ProducerIdentity;

/// Before this version a fenced producer is told by the older name of the error (KIP-588).
const FENCED_VERSION: i16 = 4;
/// The producer names its present identity from this version on (KIP-360).
const IDENTITY_VERSION: i16 = 3;

impl Api for InitProducerIdRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<InitProducerIdResponse> {
        let initialized = match &self.transactional_id {
            None => Ok((call.cluster().next_producer_id(), 0)),
            Some(id) if id.is_empty() => Err(ErrorCode::INVALID_REQUEST),
            Some(_) => initialize(&self, call),
        };
        Reply::Response(match initialized {
            Ok((producer_id, producer_epoch)) => {
                InitProducerIdResponse { producer_id, producer_epoch, ..Default::default() }
            }
            Err(code) => self.refused(call, code),
        })
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> InitProducerIdResponse {
        let is_old = code == ErrorCode::PRODUCER_FENCED && call.version < FENCED_VERSION;
        let code = if is_old { ErrorCode::INVALID_PRODUCER_EPOCH } else { code };
        InitProducerIdResponse {
            error_code: code.0,
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        }
    }

    fn throttle(response: &mut InitProducerIdResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn initialize(request: &InitProducerIdRequest, call: &Call<'_>) -> Result<(i64, i16), ErrorCode> {
    let cluster = call.cluster();
    let id = request.transactional_id.clone().unwrap_or_default();
    if !cluster.is_coordinator(CoordinatorKind::Transaction, &id, call.peer.node_id) {
        return Err(ErrorCode::NOT_COORDINATOR);
    }
    let timeout = Duration::from_millis(u64::try_from(request.transaction_timeout_ms).unwrap_or(0));
    let expected = (call.version >= IDENTITY_VERSION && request.producer_id >= 0).then_some(
        ProducerIdentity {
            producer_id: request.producer_id,
            producer_epoch: request.producer_epoch,
        },
    );
    let next_id = || cluster.next_producer_id();
    let initialized = cluster.transactions.lock().initialize(&id, timeout, expected, next_id)?;
    if let Some(ending) = &initialized.aborted {
        cluster.write_ending(ending);
    }
    let stored = StoredTransaction {
        producer_id: initialized.producer_id,
        producer_epoch: initialized.producer_epoch,
        timeout_ms: request.transaction_timeout_ms,
    };
    cluster.journal(|journal| journal.transaction(&id, &stored));
    Ok((initialized.producer_id, initialized.producer_epoch))
}
