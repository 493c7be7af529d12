//! Order, cancellation, deadlines and the ways in which a connection ends.

use std::time::Duration;

use bytes::Bytes;
use milena_pool::{Connection, ConnectionConfig, DisconnectReason, PendingResponse, RequestError};
use milena_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use milena_wire::messages::{MetadataRequest, ProduceRequest};
use milena_wire::{ApiKey, frame};
use tokio::io::AsyncReadExt as _;

use crate::scripted::{Listener, Received, metadata_request, numbered_response, soon};

const VERSION: i16 = 12;
const LONG: Duration = Duration::from_secs(600);

fn start(connection: &Connection, timeout: Duration) -> PendingResponse<MetadataRequest> {
    connection.start(&metadata_request(), VERSION, timeout).unwrap()
}

async fn number(pending: PendingResponse<MetadataRequest>) -> i32 {
    soon(pending).await.unwrap().controller_id
}

#[tokio::test]
async fn requests_are_written_in_call_order_and_answered_in_order() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let pending: Vec<_> = (0..50).map(|_| start(&connection, LONG)).collect();
    let mut received: Vec<Received> = Vec::new();
    for _ in 0..50 {
        received.push(peer.receive().await);
    }
    let ids: Vec<i32> = received.iter().map(|request| request.correlation_id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    for (index, request) in received.iter().enumerate() {
        peer.answer(request, &numbered_response(i32::try_from(index).unwrap())).await;
    }
    // Awaited in the opposite order: each future gets its own response.
    for (index, pending) in pending.into_iter().enumerate().rev() {
        assert_eq!(number(pending).await, i32::try_from(index).unwrap());
    }
    assert!(!connection.is_closed());
}

#[tokio::test]
async fn dropped_request_leaves_the_connection_alive() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let first = start(&connection, LONG);
    let dropped = start(&connection, LONG);
    let last = start(&connection, LONG);
    drop(dropped);
    for number in 0..3 {
        let request = peer.receive().await;
        peer.answer(&request, &numbered_response(number)).await;
    }
    assert_eq!(number(first).await, 0);
    assert_eq!(number(last).await, 2);
    assert!(!connection.is_closed());
}

#[tokio::test]
async fn responses_may_come_in_any_pieces() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let pending = [start(&connection, LONG), start(&connection, LONG)];
    let mut bytes = Vec::new();
    for index in 0..2 {
        let request = peer.receive().await;
        let response = numbered_response(index);
        let frame = frame::encode_response(request.version, request.correlation_id, &response);
        bytes.extend_from_slice(&frame.unwrap().to_bytes());
    }
    for byte in bytes {
        peer.send_raw(&[byte]).await;
    }
    for (index, pending) in pending.into_iter().enumerate() {
        assert_eq!(number(pending).await, i32::try_from(index).unwrap());
    }
}

#[tokio::test]
async fn response_with_a_foreign_correlation_id_ends_the_connection() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let pending = start(&connection, LONG);
    let request = peer.receive().await;
    peer.answer_as(VERSION, request.correlation_id + 7, &numbered_response(0)).await;
    let error = soon(pending).await.unwrap_err();
    assert!(error.may_have_been_written());
    let RequestError::Disconnected {
        reason: DisconnectReason::MismatchedResponse(mismatch), ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(mismatch.received, request.correlation_id + 7);
    assert_eq!(mismatch.expected, Some((request.correlation_id, ApiKey::METADATA)));
    peer.closed().await;
}

#[tokio::test]
async fn response_to_nothing_ends_the_connection() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    peer.answer_as(VERSION, 99, &numbered_response(0)).await;
    peer.closed().await;
    let reason = connection.disconnect_reason().unwrap();
    assert!(matches!(reason, DisconnectReason::MismatchedResponse(_)), "{reason:?}");
    let error = connection.start(&metadata_request(), VERSION, LONG).unwrap_err();
    assert!(!error.may_have_been_written());
}

#[tokio::test]
async fn response_that_cannot_be_read_fails_its_request_alone() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let garbled = start(&connection, LONG);
    let whole = start(&connection, LONG);
    let request = peer.receive().await;
    let body = [&request.correlation_id.to_be_bytes()[..], &[0, 0xff, 0xff]].concat();
    let length = i32::try_from(body.len()).unwrap().to_be_bytes();
    peer.send_raw(&[&length[..], &body].concat()).await;
    let request = peer.receive().await;
    peer.answer(&request, &numbered_response(5)).await;
    let error = soon(garbled).await.unwrap_err();
    assert!(matches!(error, RequestError::Decode(_)), "{error:?}");
    assert!(error.may_have_been_written());
    assert_eq!(number(whole).await, 5);
}

#[tokio::test]
async fn oversized_frame_ends_the_connection() {
    let listener = Listener::start().await;
    let config = ConnectionConfig { response_bytes_max: 1 << 20, ..ConnectionConfig::default() };
    let (connection, mut peer) = listener.connect(&config).await;
    let pending = start(&connection, LONG);
    peer.receive().await;
    peer.send_raw(&((1 << 20) + 1_i32).to_be_bytes()).await;
    let error = soon(pending).await.unwrap_err();
    let RequestError::Disconnected { reason, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(reason, DisconnectReason::FrameTooLarge { bytes: 1_048_577, .. }));
    peer.closed().await;
}

#[tokio::test]
async fn end_of_stream_fails_all_requests_as_possibly_written() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let pending = [start(&connection, LONG), start(&connection, LONG)];
    peer.receive().await;
    peer.receive().await;
    drop(peer);
    for pending in pending {
        let error = soon(pending).await.unwrap_err();
        assert!(error.may_have_been_written() && error.is_retriable(), "{error:?}");
    }
    assert!(connection.is_closed());
}

/// A request that is longer than what the sockets hold, so that it cannot be written whole.
fn huge_request() -> ProduceRequest {
    let records = Some(Bytes::from(vec![0; 64 << 20]));
    let partition = PartitionProduceData { records, ..PartitionProduceData::default() };
    let topic = TopicProduceData {
        name: "t".into(),
        partition_data: vec![partition],
        ..TopicProduceData::default()
    };
    ProduceRequest { acks: 0, topic_data: vec![topic], ..ProduceRequest::default() }
}

#[tokio::test]
async fn request_that_was_not_written_whole_is_certainly_not_written() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let partly = connection.start(&huge_request(), 9, LONG).unwrap();
    let behind = start(&connection, LONG);
    // The broker takes the first bytes and goes.
    let mut first = [0; 4];
    soon(peer.stream.read_exact(&mut first)).await.unwrap();
    drop(peer);
    assert!(!soon(partly).await.unwrap_err().may_have_been_written());
    assert!(!soon(behind).await.unwrap_err().may_have_been_written());
}

#[tokio::test]
async fn request_without_response_resolves_when_it_is_written() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let written = connection.send_without_response(&huge_request(), 9).unwrap();
    let pending = start(&connection, LONG);
    let mut written = tokio::spawn(written);
    let first = tokio::select! {
        _ = &mut written => panic!("nobody has read the request"),
        first = peer.stream.read_u32() => first.unwrap(),
    };
    let mut rest = vec![0; usize::try_from(first).unwrap()];
    soon(peer.stream.read_exact(&mut rest)).await.unwrap();
    soon(written).await.unwrap().unwrap();
    // It takes no place among the requests that wait for responses.
    let request = peer.receive().await;
    peer.answer(&request, &numbered_response(3)).await;
    assert_eq!(number(pending).await, 3);
}

#[tokio::test(start_paused = true)]
async fn late_response_closes_the_connection() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let patient = start(&connection, LONG);
    let hasty = start(&connection, Duration::from_secs(5));
    peer.receive().await;
    peer.receive().await;
    let begin = tokio::time::Instant::now();
    let error = hasty.await.unwrap_err();
    assert!(begin.elapsed() >= Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(matches!(error, RequestError::TimedOut { written: true, .. }), "{error:?}");
    let error = patient.await.unwrap_err();
    let RequestError::Disconnected { reason, written: true, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(reason, DisconnectReason::RequestTimedOut { .. }), "{reason:?}");
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn cancelled_request_that_is_never_answered_shows_a_hung_broker() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    drop(start(&connection, Duration::from_secs(5)));
    peer.receive().await;
    peer.closed().await;
    let reason = connection.disconnect_reason().unwrap();
    assert!(matches!(reason, DisconnectReason::RequestTimedOut { .. }), "{reason:?}");
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_closed_and_a_busy_one_is_not() {
    let listener = Listener::start().await;
    let idle = Duration::from_secs(10);
    let config =
        ConnectionConfig { connections_max_idle: Some(idle), ..ConnectionConfig::default() };
    let (connection, mut peer) = listener.connect(&config).await;
    let begin = tokio::time::Instant::now();
    let pending = start(&connection, LONG);
    let request = peer.receive().await;
    tokio::time::advance(idle * 3).await;
    assert!(!connection.is_closed(), "a response is waited for");
    peer.answer(&request, &numbered_response(1)).await;
    assert_eq!(pending.await.unwrap().controller_id, 1);
    peer.closed().await;
    assert!(begin.elapsed() >= idle * 4);
    let reason = connection.disconnect_reason().unwrap();
    assert!(matches!(reason, DisconnectReason::Idle(_)), "{reason:?}");
}

#[tokio::test]
async fn last_handle_closes_the_connection_after_the_last_response() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let pending = start(&connection, LONG);
    drop(connection);
    let request = peer.receive().await;
    peer.answer(&request, &numbered_response(8)).await;
    assert_eq!(number(pending).await, 8);
    peer.closed().await;
}

#[tokio::test]
async fn request_that_nobody_waits_for_is_still_written_when_the_last_handle_goes() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    drop(start(&connection, LONG));
    drop(connection);
    assert_eq!(peer.receive().await.api_key, ApiKey::METADATA);
    peer.closed().await;
}
