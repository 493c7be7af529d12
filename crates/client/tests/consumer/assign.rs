//! Partitions assigned by hand: reading, seeking, pausing, looking offsets up.

use std::time::Duration;

use milena::{
    Consumer, ErrorKind,
    config::{AutoOffsetReset, ConsumerConfig},
};
use milena_wire::compression::{Compression, CompressionType};

use crate::support::*;

async fn reader(broker: &milena_broker::Broker, partitions: i32) -> Consumer {
    let consumer = Consumer::new(config(broker, |builder| builder)).unwrap();
    consumer.assign((0..partitions).map(|partition| tp("t", partition))).unwrap();
    consumer
}

#[tokio::test]
async fn reads_every_partition_from_the_beginning_in_order() {
    let broker = broker("t", 3).await;
    for partition in 0..3 {
        produce(&broker, partition, 0..95).await;
    }
    let consumer = Consumer::new(config(&broker, |builder| builder.max_poll_records(7))).unwrap();
    consumer.assign((0..3).map(|partition| tp("t", partition))).unwrap();
    let mut seen = Seen::default();
    let mut largest = 0;
    while seen.count() < 285 {
        let records = within(consumer.poll(PATIENCE)).await.unwrap();
        largest = largest.max(records.len());
        assert_eq!(records.iter().count(), records.len());
        for record in &records {
            assert_eq!(record.key, Some(&b"key"[..]));
            assert_eq!(record.timestamp, *TIME + record.offset % 10);
            seen.note(record.topic, record.partition, record.offset, record.value);
        }
    }
    assert_eq!(largest, 7);
    seen.check_contiguous();
    assert_eq!(seen.offsets(2), (0..95).collect::<Vec<_>>());
    assert_eq!(seen.0[&tp("t", 1)][94].1, "94");
    assert_eq!(consumer.position(&tp("t", 0)).await.unwrap().offset, 95);
    assert_eq!(consumer.lag(&tp("t", 0)), Some(0));
    consumer.close(PATIENCE).await.unwrap();
    let error = consumer.poll(PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn reads_compressed_batches_from_their_middle() {
    let broker = broker("t", 1).await;
    let values: Vec<String> = (0..50).map(|n| format!("{n}-{}", "x".repeat(100))).collect();
    for codec in [
        CompressionType::Gzip,
        CompressionType::Snappy,
        CompressionType::Lz4,
        CompressionType::Zstd,
    ] {
        let compression = Compression::from(codec);
        let producer = Producer { compression, ..Default::default() };
        produce_batch(&broker, 0, batch(producer, &values), None).await;
    }
    let consumer = reader(&broker, 1).await;
    consumer.seek(&tp("t", 0), 27).unwrap();
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 173).await.unwrap();
    seen.check_contiguous();
    assert_eq!(seen.offsets(0)[0], 27);
    assert!(seen.0[&tp("t", 0)][0].1.starts_with("27-"));
}

#[tokio::test]
async fn waits_for_records_and_returns_none_when_time_is_up() {
    let broker = broker("t", 1).await;
    let consumer = reader(&broker, 1).await;
    assert!(consumer.poll(Duration::from_millis(50)).await.unwrap().is_empty());
    let (records, ()) = tokio::join!(consumer.poll(PATIENCE), produce(&broker, 0, 0..1));
    assert_eq!(records.unwrap().len(), 1);
}

#[tokio::test]
async fn seeks_back_and_forth() {
    let broker = broker("t", 2).await;
    produce(&broker, 0, 0..100).await;
    let consumer = reader(&broker, 2).await;
    let zero = [tp("t", 0)];
    let first = |records: &milena::ConsumerRecords| records.iter().next().unwrap().offset;
    assert_eq!(first(&within(consumer.poll(PATIENCE)).await.unwrap()), 0);
    consumer.seek(&zero[0], 55).unwrap();
    assert_eq!(first(&within(consumer.poll(PATIENCE)).await.unwrap()), 55);
    consumer.seek_to_beginning(&zero).unwrap();
    assert_eq!(first(&within(consumer.poll(PATIENCE)).await.unwrap()), 0);
    consumer.seek_to_end(&zero).unwrap();
    assert_eq!(consumer.position(&zero[0]).await.unwrap().offset, 100);
    produce(&broker, 0, 100..101).await;
    assert_eq!(first(&within(consumer.poll(PATIENCE)).await.unwrap()), 100);
    let error = consumer.seek(&tp("u", 0), 0).unwrap_err();
    assert_eq!((error.kind(), error.topic()), (ErrorKind::InvalidArgument, Some("u")));
    assert!(consumer.seek(&zero[0], -1).is_err());
}

#[tokio::test]
async fn paused_partitions_wait_and_lose_nothing() {
    let broker = broker("t", 2).await;
    produce(&broker, 0, 0..50).await;
    produce(&broker, 1, 0..50).await;
    let consumer = Consumer::new(config(&broker, |builder| builder.max_poll_records(5))).unwrap();
    consumer.assign([tp("t", 0), tp("t", 1)]).unwrap();
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() >= 5).await.unwrap();
    consumer.pause(&[tp("t", 0)]).unwrap();
    assert_eq!(consumer.paused(), [tp("t", 0)]);
    let before = seen.offsets(0).len();
    poll_until(&consumer, &mut seen, |seen| seen.offsets(1).len() == 50).await.unwrap();
    assert_eq!(seen.offsets(0).len(), before);
    consumer.resume(&[tp("t", 0)]).unwrap();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 100).await.unwrap();
    seen.check_contiguous();
}

#[tokio::test]
async fn looks_offsets_up() {
    let broker = broker("t", 2).await;
    produce(&broker, 0, 0..10).await;
    let consumer = reader(&broker, 2).await;
    let both = [tp("t", 0), tp("t", 1)];
    let beginning = consumer.beginning_offsets(&both).await.unwrap();
    assert_eq!(beginning.values().copied().collect::<Vec<_>>(), [0, 0]);
    let end = consumer.end_offsets(&both).await.unwrap();
    assert_eq!(end.values().copied().collect::<Vec<_>>(), [10, 0]);
    let times = [(tp("t", 0), *TIME + 4), (tp("t", 1), *TIME + 4)];
    let found = consumer.offsets_for_times(times).await.unwrap();
    let at = found[&tp("t", 0)].unwrap();
    assert_eq!((at.offset, at.timestamp), (4, *TIME + 4));
    assert_eq!(found[&tp("t", 1)], None);
    let error = consumer.end_offsets(&[tp("t", 9)]).await.unwrap_err();
    assert_eq!((error.kind(), error.partition()), (ErrorKind::InvalidArgument, Some(9)));
}

#[tokio::test]
async fn without_a_policy_a_partition_asks_for_a_seek() {
    let broker = broker("t", 1).await;
    produce(&broker, 0, 0..10).await;
    let config = config(&broker, |builder| builder.auto_offset_reset(AutoOffsetReset::None));
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    for _ in 0..2 {
        let error = consumer.poll(PATIENCE).await.unwrap_err();
        assert_eq!((error.kind(), error.partition()), (ErrorKind::NoOffset, Some(0)));
    }
    consumer.seek(&tp("t", 0), 1000).unwrap();
    let error = within(consumer.poll(PATIENCE)).await.unwrap_err();
    assert!(error.to_string().contains("1000"), "{error}");
    consumer.seek(&tp("t", 0), 3).unwrap();
    let records = within(consumer.poll(PATIENCE)).await.unwrap();
    assert_eq!(records.iter().next().unwrap().offset, 3);
}

#[tokio::test]
async fn dropping_polls_loses_no_records() {
    let broker = broker("t", 2).await;
    let config = config(&broker, |builder| builder.max_poll_records(3));
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([tp("t", 0), tp("t", 1)]).unwrap();
    let mut seen = Seen::default();
    let writer = async {
        for round in 0..20 {
            produce(&broker, round % 2, 0..10).await;
        }
    };
    let reader = async {
        let mut wait = 0;
        while seen.count() < 200 {
            wait = (wait + 7) % 23;
            tokio::select! {
                biased;
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                records = consumer.poll(PATIENCE) => {
                    for record in &records.unwrap() {
                        seen.note(record.topic, record.partition, record.offset, record.value);
                    }
                }
            }
        }
    };
    within(async { tokio::join!(writer, reader) }).await;
    seen.check_contiguous();
    assert_eq!(seen.count(), 200);
}

#[tokio::test]
async fn a_stream_yields_owned_records_and_gives_back_what_it_did_not_yield() {
    let broker = broker("t", 1).await;
    produce(&broker, 0, 0..30).await;
    let consumer = reader(&broker, 1).await;
    for start in [0, 12, 24] {
        let mut stream = consumer.stream();
        for offset in start..(start + 12).min(30) {
            let record = within(stream.next()).await.unwrap().unwrap();
            assert_eq!(record.offset, offset);
            assert_eq!(record.value.unwrap(), offset.to_string());
        }
    }
    assert_eq!(consumer.position(&tp("t", 0)).await.unwrap().offset, 30);
}

#[tokio::test]
async fn a_batch_larger_than_every_limit_is_read_whole() {
    let broker = broker("t", 1).await;
    let large = ["x".repeat(500_000)];
    produce_batch(&broker, 0, batch(Producer::default(), &large), None).await;
    produce(&broker, 0, 0..1).await;
    let config =
        config(&broker, |builder| builder.fetch_max_bytes(1000).max_partition_fetch_bytes(1000));
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 2).await.unwrap();
    assert_eq!(seen.0[&tp("t", 0)][0].1.len(), 500_000);
}

#[tokio::test]
async fn many_partitions_stay_within_the_budget() {
    let broker = broker("t", 200).await;
    for partition in 0..200 {
        produce(&broker, partition, 0..10).await;
    }
    let consumer = reader(&broker, 200).await;
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 2000).await.unwrap();
    seen.check_contiguous();
    assert_eq!(seen.0.len(), 200);
    assert_eq!(consumer.metrics().fetch_buffered_bytes, 0);
    assert_eq!(consumer.metrics().records_fetched, 2000);
}

#[tokio::test]
async fn mistakes_are_errors() {
    let broker = broker("t", 1).await;
    let consumer = Consumer::new(config(&broker, |builder| builder)).unwrap();
    let error = consumer.poll(PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(consumer.subscribe(["t"]).unwrap_err().to_string().contains("group.id"));
    assert!(consumer.commit_sync().await.unwrap_err().to_string().contains("group.id"));
    let grouped = Consumer::new(config(&broker, |builder| builder.group_id("group"))).unwrap();
    assert!(grouped.subscribe(Vec::<String>::new()).is_err());
    assert!(grouped.subscribe_pattern("(").is_err());
    grouped.assign([tp("t", 0)]).unwrap();
    assert!(grouped.subscribe(["t"]).unwrap_err().to_string().contains("unsubscribe"));
    grouped.unsubscribe().await;
    grouped.subscribe(["t"]).unwrap();
    assert!(grouped.assign([tp("t", 0)]).is_err());
}

#[tokio::test]
async fn a_cluster_that_never_answers_is_an_error() {
    let config = ConsumerConfig::builder("127.0.0.1:1")
        .request_timeout(Duration::from_secs(1))
        .default_api_timeout(Duration::from_secs(1))
        .fetch_max_wait(Duration::from_millis(100))
        .build()
        .unwrap();
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    let error = within(async {
        loop {
            if let Err(error) = consumer.poll(Duration::from_millis(200)).await {
                return error;
            }
        }
    })
    .await;
    assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Transport), "{error:?}");
}
