//! Clients that break the protocol lose their connection, and nothing else happens.

use milena_broker::Broker;
use milena_wire::messages::{ApiVersionsRequest, MetadataRequest};
use milena_wire::{ApiKey, ErrorCode};

use crate::raw::{Client, code};

#[tokio::test]
async fn bad_bytes_close_their_connection_alone() {
    let broker = Broker::builder().request_max_bytes(1 << 20).start().await.unwrap();
    let mut good = Client::connect(&broker).await;
    let cases: [&[u8]; 7] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff],
        &[0, 0x20, 0, 0],
        b"GET / HTTP/1.1\r\n\r\n",
        // A header that ends too early, an unknown API, a request of garbage.
        &[0, 0, 0, 3, 0, 3, 0],
        &[0, 0, 0, 10, 0x03, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff],
        &[0, 0, 0, 14, 0, 3, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0, 0xff, 0xff, 0xff],
    ];
    for bytes in cases {
        let mut bad = Client::connect(&broker).await;
        bad.send_bytes(bytes).await;
        assert_eq!(bad.receive_frame().await, None, "{bytes:?}");
    }
    assert_eq!(good.ask(9, &MetadataRequest::default()).await.brokers.len(), 1);
}

#[tokio::test]
async fn versions_that_are_not_offered_close_the_connection() {
    let broker = Broker::builder().max_version(ApiKey::METADATA, 5).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    assert!(client.try_ask(5, &MetadataRequest::default()).await.is_some());
    assert!(client.try_ask(6, &MetadataRequest::default()).await.is_none());
}

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let broker = Broker::builder().as_version("2.0").start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let request = ApiVersionsRequest {
        client_software_name: "x".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    client.send(3, &request).await;
    let frame = client.receive_frame().await.unwrap();
    let (_, response) =
        milena_wire::frame::decode_response::<ApiVersionsRequest>(frame, 0).unwrap();
    assert_eq!(code(response.error_code), ErrorCode::UNSUPPORTED_VERSION);
    assert_eq!((response.api_keys[0].api_key, response.api_keys[0].max_version), (18, 2));
    assert_eq!(code(client.ask(2, &request).await.error_code), ErrorCode::NONE);
}

#[tokio::test]
async fn random_bytes_behind_a_good_header_never_stop_the_broker() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    // A fixed sequence: every run sends the same bytes.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    for round in 0..200 {
        let key = i16::try_from(round % 76).unwrap();
        let mut body: Vec<u8> = Vec::new();
        body.extend(key.to_be_bytes());
        body.extend((i16::from(next()[0] % 14)).to_be_bytes());
        body.extend([0, 0, 0, 1, 0xff, 0xff]);
        (0..round % 9).for_each(|_| body.extend(next()));
        let mut client = Client::connect(&broker).await;
        client.send_bytes(&u32::try_from(body.len()).unwrap().to_be_bytes()).await;
        client.send_bytes(&body).await;
    }
    let mut client = Client::connect(&broker).await;
    assert_eq!(client.produce_values("t", 0, &["a"]).await, 0);
}
