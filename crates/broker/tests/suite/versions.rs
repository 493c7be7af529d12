//! Every API in every version that is offered: answered, with an answer that decodes.

use milena_broker::{Broker, Fault};
use milena_wire::messages::*;
use milena_wire::{ErrorCode, Request};

use crate::raw::{Client, code};

/// What a request needs in some versions before Kafka's encoder takes it.
trait Prepared: Request {
    fn prepared(_version: i16) -> Self {
        Self::default()
    }
}

impl Prepared for ApiVersionsRequest {
    fn prepared(_: i16) -> Self {
        Self {
            client_software_name: "raw".into(),
            client_software_version: "1".into(),
            ..Self::default()
        }
    }
}

impl Prepared for ProduceRequest {
    fn prepared(_: i16) -> Self {
        // Acks 0, the default, is not answered.
        Self { acks: -1, ..Self::default() }
    }
}

impl Prepared for FetchRequest {
    fn prepared(version: i16) -> Self {
        let session_epoch = if version < 7 { -1 } else { 0 };
        Self { session_epoch, ..Self::default() }
    }
}

async fn every_version<R: Prepared>(broker: &Broker, offered: &ApiVersionsResponse) {
    let range = offered
        .api_keys
        .iter()
        .find(|api| api.api_key == R::KEY.0)
        .unwrap_or_else(|| panic!("{}", R::NAME));
    for version in range.min_version.max(R::MIN_VERSION)..=range.max_version {
        let mut client = Client::connect(broker).await;
        client.ask(version, &R::prepared(version)).await;
        // The response to a refused request has to be encodable in every version too.
        let fault = Fault::on(R::KEY)
            .error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)
            .throttle(std::time::Duration::from_millis(5));
        broker.faults().inject(fault);
        client.ask(version, &R::prepared(version)).await;
    }
}

/// Lists the APIs once: those whose default needs no preparing, and those that are prepared above.
macro_rules! apis {
    (default: [$($default:ty),* $(,)?], prepared: [$($prepared:ty),* $(,)?]) => {
        $(impl Prepared for $default {})*

        async fn every_api(broker: &Broker, offered: &ApiVersionsResponse) -> Vec<i16> {
            $(every_version::<$default>(broker, offered).await;)*
            $(every_version::<$prepared>(broker, offered).await;)*
            vec![$(<$default>::KEY.0,)* $(<$prepared>::KEY.0,)*]
        }
    };
}

apis!(
    default: [
        ListOffsetsRequest,
        MetadataRequest,
        OffsetCommitRequest,
        OffsetFetchRequest,
        FindCoordinatorRequest,
        JoinGroupRequest,
        HeartbeatRequest,
        LeaveGroupRequest,
        SyncGroupRequest,
        DescribeGroupsRequest,
        ListGroupsRequest,
        CreateTopicsRequest,
        DeleteTopicsRequest,
        DeleteRecordsRequest,
        InitProducerIdRequest,
        OffsetForLeaderEpochRequest,
        AddPartitionsToTxnRequest,
        AddOffsetsToTxnRequest,
        EndTxnRequest,
        TxnOffsetCommitRequest,
        DescribeConfigsRequest,
        AlterConfigsRequest,
        CreatePartitionsRequest,
        DeleteGroupsRequest,
        IncrementalAlterConfigsRequest,
        OffsetDeleteRequest,
        DescribeClusterRequest,
        DescribeProducersRequest,
        DescribeTransactionsRequest,
        ListTransactionsRequest,
        DescribeTopicPartitionsRequest,
    ],
    prepared: [ApiVersionsRequest, ProduceRequest, FetchRequest]
);

#[tokio::test]
async fn every_offered_version_is_answered() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let offered = client.ask(4, &ApiVersionsRequest::prepared(4)).await;
    let mut answered = every_api(&broker, &offered).await;
    // The suite of security speaks these; they make no sense on a plain connection.
    answered.extend([SaslHandshakeRequest::KEY.0, SaslAuthenticateRequest::KEY.0]);
    answered.sort_unstable();
    let mut keys: Vec<i16> = offered.api_keys.iter().map(|api| api.api_key).collect();
    keys.sort_unstable();
    assert_eq!(answered, keys);
}

#[tokio::test]
async fn an_older_release_offers_what_it_had() {
    let broker = Broker::builder().as_version("1.1").start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let offered = client.ask(1, &ApiVersionsRequest::default()).await;
    assert_eq!(code(offered.error_code), ErrorCode::NONE);
    let max = |key: i16| {
        offered
            .api_keys
            .iter()
            .find(|api| api.api_key == key)
            .map(|api| (api.min_version, api.max_version))
    };
    assert_eq!((max(0), max(1), max(11)), (Some((0, 5)), Some((4, 7)), Some((0, 2))));
    assert_eq!((max(60), max(75), max(23)), (None, None, None));
}
