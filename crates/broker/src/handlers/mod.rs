//! The APIs, one file for each group of them, and the way from a request to its handler.

mod api_versions;
mod cluster;
mod configs;
mod fetch;
mod fetch_partitions;
mod group_admin;
mod group_members;
mod group_offsets;
mod list_offsets;
mod metadata;
mod offset_delete;
mod partitions;
mod produce;
mod producer_ids;
mod records;
mod topic_admin;
mod topic_partitions;
mod transaction_admin;
mod transactions;

use milena_wire::frame::{Frame, encode_response};
use milena_wire::messages::*;
use milena_wire::{ApiKey, Decoder, ErrorCode, Message, Request};

use crate::authentication::Authentication;
use crate::connection::{Call, Closing, misbehaved};
use crate::release::VersionRange;

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Frame(Frame),
    /// A last frame; then the connection is closed.
    LastFrame(Frame),
    /// Acks 0: the client expects nothing.
    Nothing,
    Close,
}

/// What a handler gives back.
#[derive(Debug)]
pub(crate) enum Reply<R> {
    Response(R),
    Nothing,
    Close,
}

/// An API that the broker serves.
pub(crate) trait Api: Request {
    /// Does what the request asks.
    fn handle(self, call: &Call<'_>) -> impl Future<Output = Reply<Self::Response>> + Send;

    /// The response that carries `code` for everything that was asked.
    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> Self::Response;

    /// What the client is sent of a response; Produce with acks 0 is not answered.
    fn reply(&self, response: Self::Response) -> Reply<Self::Response> {
        Reply::Response(response)
    }

    /// Sets `throttle_time_ms`.
    fn throttle(response: &mut Self::Response, throttle_time_ms: i32);
}

/// Lists the APIs once, for the dispatch and for the versions.
macro_rules! apis {
    ($($request:ty),* $(,)?) => {
        /// The versions for which there are schemas and a handler.
        pub(crate) fn implemented_versions(api_key: ApiKey) -> Option<VersionRange> {
            match api_key {
                $(<$request>::KEY => Some(VersionRange { min: <$request>::MIN_VERSION, max: <$request>::MAX_VERSION }),)*
                ApiKey::SASL_HANDSHAKE => Some(versions::<SaslHandshakeRequest>()),
                ApiKey::SASL_AUTHENTICATE => Some(versions::<SaslAuthenticateRequest>()),
                _ => None,
            }
        }

        /// Serves one request.
        pub(crate) async fn dispatch(call: &Call<'_>, decoder: Decoder) -> Result<Answer, Closing> {
            if call.seen.api_key == ApiKey::API_VERSIONS && api_versions::is_unsupported(call) {
                // Its body may be of a version that has no schema here.
                return encode(call, &api_versions::unsupported(call)).map(Answer::Frame);
            }
            check_version(call)?;
            match call.seen.api_key {
                $(<$request>::KEY => answer::<$request>(call, decoder).await,)*
                other => Err(Closing::Misbehaved(format!("{other} is not served"))),
            }
        }
    };
}

apis!(
    ProduceRequest,
    FetchRequest,
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
    ApiVersionsRequest,
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
);

fn versions<R: Request>() -> VersionRange {
    VersionRange { min: R::MIN_VERSION, max: R::MAX_VERSION }
}

/// Kafka closes the connection of a client that uses a version that it was not offered.
fn check_version(call: &Call<'_>) -> Result<(), Closing> {
    let api_key = call.seen.api_key;
    match call.cluster().settings.served.range(api_key) {
        Some(range) if (range.min..=range.max).contains(&call.version) => Ok(()),
        Some(range) => Err(Closing::Misbehaved(format!(
            "{api_key} version {}; {} to {} are served",
            call.version, range.min, range.max
        ))),
        None => Err(Closing::Misbehaved(format!("{api_key} is not served"))),
    }
}

async fn answer<R: Api>(call: &Call<'_>, decoder: Decoder) -> Result<Answer, Closing> {
    let request: R = decode(decoder, call.version)?;
    let refused = |code| request.reply(request.refused(call, code));
    let reply = if let Some(code) = call.effects.error {
        refused(code)
    } else if let Some(refused) = call.effects.error_after.map(refused) {
        match request.handle(call).await {
            Reply::Response(_) | Reply::Nothing => refused,
            Reply::Close => Reply::Close,
        }
    } else {
        request.handle(call).await
    };
    match reply {
        Reply::Response(response) => finish::<R>(call, response),
        Reply::Nothing => Ok(Answer::Nothing),
        Reply::Close => Ok(Answer::Close),
    }
}

/// Bytes behind the request are ignored, as Kafka does: librdkafka 2.16 sends three of them in some
/// Metadata requests.
fn decode<R: Request>(mut decoder: Decoder, version: i16) -> Result<R, Closing> {
    R::decode(&mut decoder, version).map_err(|error| misbehaved(&error))
}

fn finish<R: Api>(call: &Call<'_>, mut response: R::Response) -> Result<Answer, Closing> {
    if let Some(throttle) = call.effects.throttle {
        R::throttle(&mut response, i32::try_from(throttle.as_millis()).unwrap_or(i32::MAX));
    }
    encode(call, &response).map(Answer::Frame)
}

fn encode<M: Message>(call: &Call<'_>, response: &M) -> Result<Frame, Closing> {
    // A client that asks for an unknown version of ApiVersions is answered in version 0 (KIP-511).
    let is_fallback =
        M::API_KEY == Some(ApiKey::API_VERSIONS) && api_versions::is_unsupported(call);
    let version = if is_fallback { 0 } else { call.version };
    encode_response(version, call.correlation_id, response).map_err(|error| {
        tracing::error!(%error, "a response cannot be encoded");
        Closing::Told
    })
}

/// Serves SaslHandshake and SaslAuthenticate, which change the state of the connection.
pub(crate) fn dispatch_sasl(
    call: &Call<'_>,
    decoder: Decoder,
    auth: &mut Authentication,
) -> Result<Answer, Closing> {
    check_version(call)?;
    let (frame, goes_on) = if call.seen.api_key == ApiKey::SASL_HANDSHAKE {
        let request: SaslHandshakeRequest = decode(decoder, call.version)?;
        let (mut response, goes_on) = auth.handshake(call, &request);
        if let Some(code) = call.effects.error.or(call.effects.error_after) {
            response.error_code = code.0;
        }
        (encode(call, &response)?, goes_on)
    } else {
        let request: SaslAuthenticateRequest = decode(decoder, call.version)?;
        let (mut response, goes_on) = auth.authenticate(call, &request);
        if let Some(code) = call.effects.error.or(call.effects.error_after) {
            response.error_code = code.0;
        }
        (encode(call, &response)?, goes_on)
    };
    Ok(if goes_on { Answer::Frame(frame) } else { Answer::LastFrame(frame) })
}
