//! Silence that the broker asks for (KIP-219).

use std::time::Duration;

use milena_pool::{Connection, ConnectionConfig};
use milena_wire::messages::{MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse};
use tokio::time::Instant;

use crate::scripted::{Listener, metadata_request, numbered_response};

const PAUSE: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_secs(2);

fn throttled() -> MetadataResponse {
    let throttle_time_ms = i32::try_from(PAUSE.as_millis()).unwrap();
    MetadataResponse { throttle_time_ms, ..MetadataResponse::default() }
}

async fn pause_before_second_request(version: i16) -> (Duration, Connection) {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let start = || connection.start::<MetadataRequest>(&metadata_request(), version, SHORT);
    let first = start().unwrap();
    let request = peer.receive().await;
    peer.answer(&request, &throttled()).await;
    first.await.unwrap();
    let begin = Instant::now();
    // The deadline is shorter than the pause: it runs from when the request is written.
    let second = start().unwrap();
    let request = peer.receive().await;
    let paused = begin.elapsed();
    peer.answer(&request, &numbered_response(1)).await;
    assert_eq!(second.await.unwrap().controller_id, 1);
    (paused, connection)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_as_long_as_the_broker_says() {
    let (paused, connection) = pause_before_second_request(6).await;
    assert!(paused >= PAUSE && paused < PAUSE + SHORT, "{paused:?}");
    assert_eq!(connection.throttled_until(), None);
}

#[tokio::test(start_paused = true)]
async fn broker_before_2_0_has_waited_itself() {
    let (paused, _) = pause_before_second_request(5).await;
    assert_eq!(paused, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn throttled_connection_says_until_when() {
    let listener = Listener::start().await;
    let (connection, mut peer) = listener.connect(&ConnectionConfig::default()).await;
    let pending = connection.start(&ProduceRequest::default(), 9, SHORT).unwrap();
    let request = peer.receive().await;
    let throttle_time_ms = i32::try_from(PAUSE.as_millis()).unwrap();
    peer.answer(&request, &ProduceResponse { throttle_time_ms, ..ProduceResponse::default() })
        .await;
    let begin = Instant::now();
    pending.await.unwrap();
    let until = connection.throttled_until().unwrap();
    assert!(until >= (begin + PAUSE).into_std());
}
