//! Produce: what is written, what is recognised again, what is refused.

use bytes::Bytes;
use milena_broker::Broker;
use milena_wire::ErrorCode;
use milena_wire::compression::Compression;
use milena_wire::messages::{InitProducerIdRequest, MetadataRequest};
use milena_wire::records::{RecordBatches, SealOptions};

use crate::raw::{Client, batch_at, code, compressed, idempotent, produce_request, values};

#[tokio::test]
async fn records_come_back_with_the_offsets_that_they_were_given() {
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    assert_eq!(client.produce_values("t", 1, &["a", "b"]).await, 0);
    assert_eq!(client.produce_values("t", 1, &["c"]).await, 2);
    let fetched = client.fetch("t", 1, 1).await;
    let expected = [(0, "a"), (1, "b"), (2, "c")].map(|(offset, value)| (offset, value.to_owned()));
    assert_eq!(values(&fetched), expected);
    assert_eq!(
        (fetched.high_watermark, fetched.last_stable_offset, fetched.log_start_offset),
        (3, 3, 0)
    );
    assert_eq!(values(&client.fetch("t", 0, 0).await), []);
    assert_eq!(broker.offsets("t", 1), Ok((0, 3)));
}

#[tokio::test]
async fn every_codec_is_stored_as_it_came() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let text = "the same words again and again ".repeat(50);
    for name in ["gzip", "snappy", "lz4", "zstd"] {
        let compression: Compression = name.parse().unwrap();
        let bytes = compressed(compression, &[&text, &text]);
        let produced = client.produce("t", 0, bytes.clone()).await;
        assert_eq!(code(produced.error_code), ErrorCode::NONE, "{name}");
        let fetched = client.fetch("t", 0, produced.base_offset).await;
        assert_eq!(fetched.records.as_ref().unwrap()[21..], bytes[21..], "{name}");
        assert_eq!(values(&fetched).len(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_retried_batch_is_answered_with_its_first_offset() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let producer = client
        .ask(4, &InitProducerIdRequest { transactional_id: None, ..Default::default() })
        .await;
    assert_eq!((code(producer.error_code), producer.producer_epoch), (ErrorCode::NONE, 0));
    let id = producer.producer_id;
    client.produce("t", 0, idempotent(id, 0, 0, &["a", "b"])).await;
    let second = client.produce("t", 0, idempotent(id, 0, 2, &["c"])).await;
    let again = client.produce("t", 0, idempotent(id, 0, 0, &["a", "b"])).await;
    assert_eq!(
        (second.base_offset, again.base_offset, code(again.error_code)),
        (2, 0, ErrorCode::NONE)
    );
    let gap = client.produce("t", 0, idempotent(id, 0, 9, &["x"])).await;
    assert_eq!(code(gap.error_code), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let bumped = client.produce("t", 0, idempotent(id, 1, 0, &["d"])).await;
    assert_eq!((code(bumped.error_code), bumped.base_offset), (ErrorCode::NONE, 3));
    let fenced = client.produce("t", 0, idempotent(id, 0, 3, &["x"])).await;
    assert_eq!(code(fenced.error_code), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(broker.offsets("t", 0), Ok((0, 4)));
}

#[tokio::test]
async fn refuses_what_may_not_enter_a_log() {
    let small = [("max.message.bytes", "200")];
    let broker =
        Broker::builder().topic("t", 1).topic_with("small", 1, 1, small).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let good = idempotent(-1, -1, -1, &["a"]);
    let mut flipped = good.to_vec();
    flipped[65] ^= 1;
    let cases = [
        ("t", flipped.into(), ErrorCode::CORRUPT_MESSAGE),
        ("t", good.slice(..good.len() - 1), ErrorCode::CORRUPT_MESSAGE),
        ("t", [good.clone(), good.clone()].concat().into(), ErrorCode::INVALID_RECORD),
        ("t", idempotent(5, 0, -1, &["a"]), ErrorCode::INVALID_RECORD),
        ("t", hostile_count(&good), ErrorCode::CORRUPT_MESSAGE),
        ("small", idempotent(-1, -1, -1, &[&"x".repeat(300)]), ErrorCode::MESSAGE_TOO_LARGE),
        ("missing", good.clone(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    ];
    for (topic, records, expected) in cases {
        let produced = client.produce(topic, 0, records).await;
        assert_eq!(code(produced.error_code), expected);
        assert_eq!(produced.base_offset, -1);
    }
    assert_eq!(broker.offsets("t", 0), Ok((0, 0)));
}

#[tokio::test]
async fn tells_which_records_of_a_compacted_topic_lack_a_key() {
    let compacted = [("cleanup.policy", "compact")];
    let broker = Broker::builder().topic_with("t", 1, 1, compacted).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let produced = client.produce("t", 0, idempotent(-1, -1, -1, &["a", "b"])).await;
    assert_eq!(code(produced.error_code), ErrorCode::INVALID_RECORD);
    let indexes: Vec<_> = produced.record_errors.iter().map(|record| record.batch_index).collect();
    assert_eq!(indexes, [0, 1]);
    assert!(produced.error_message.is_some());
}

#[tokio::test]
async fn a_topic_with_log_append_time_has_the_brokers_clock() {
    let broker_time = [("message.timestamp.type", "LogAppendTime")];
    let broker = Broker::builder().topic_with("t", 1, 1, broker_time).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let produced = client.produce("t", 0, batch_at(5, &["a", "b"], &SealOptions::default())).await;
    assert!(produced.log_append_time_ms > 1_600_000_000_000);
    let fetched = client.fetch("t", 0, 0).await;
    let batch = RecordBatches::new(fetched.records.unwrap()).next().unwrap().unwrap();
    batch.verify_crc().unwrap();
    for record in batch.records(1000).unwrap().iter() {
        assert_eq!(record.unwrap().timestamp, produced.log_append_time_ms);
    }
}

#[tokio::test]
async fn a_timestamp_from_the_future_is_refused_by_record() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let produced =
        client.produce("t", 0, batch_at(i64::MAX - 5, &["a"], &SealOptions::default())).await;
    assert_eq!(code(produced.error_code), ErrorCode::INVALID_TIMESTAMP);
    assert_eq!(produced.record_errors.len(), 1);
}

#[tokio::test]
async fn acks_zero_is_not_answered_and_an_error_closes_the_connection() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let mut request = produce_request("t", 0, idempotent(-1, -1, -1, &["a"]));
    request.acks = 0;
    client.send(9, &request).await;
    // The next answer belongs to the next request.
    client.ask(9, &MetadataRequest::default()).await;
    assert_eq!(broker.offsets("t", 0), Ok((0, 1)));
    let mut request = produce_request("missing", 0, idempotent(-1, -1, -1, &["a"]));
    request.acks = 0;
    client.send(9, &request).await;
    assert_eq!(client.receive_frame().await, None);
}

#[tokio::test]
async fn acks_that_do_not_exist_and_too_few_replicas_are_refused() {
    let broker = Broker::builder()
        .topic_with("t", 1, 1, [("min.insync.replicas", "2")])
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&broker).await;
    for (acks, expected) in [
        (7, ErrorCode::INVALID_REQUIRED_ACKS),
        (-1, ErrorCode::NOT_ENOUGH_REPLICAS),
        (1, ErrorCode::NONE),
    ] {
        let mut request = produce_request("t", 0, idempotent(-1, -1, -1, &["a"]));
        request.acks = acks;
        let response = client.ask(9, &request).await;
        assert_eq!(code(response.responses[0].partition_responses[0].error_code), expected);
    }
}

/// A batch that states more records than it has, with a good checksum.
fn hostile_count(good: &Bytes) -> Bytes {
    let mut bytes = good.to_vec();
    bytes[23..27].copy_from_slice(&(i32::MAX - 1).to_be_bytes());
    bytes[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

#[tokio::test]
async fn the_offsets_that_a_producer_sends_do_not_matter() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    for base_offset in [i64::MAX, i64::MIN, 5] {
        let mut bytes = idempotent(-1, -1, -1, &["a"]).to_vec();
        bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
        let produced = client.produce("t", 0, bytes.into()).await;
        assert_eq!(code(produced.error_code), ErrorCode::NONE, "{base_offset}");
    }
    let offsets: Vec<_> =
        values(&client.fetch("t", 0, 0).await).iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [0, 1, 2]);
}
