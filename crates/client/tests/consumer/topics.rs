//! Which topics and partitions there are.

use milena::{Consumer, Error, ErrorKind, PartitionInfo, Producer, config::ProducerConfig};
use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};

use crate::support::*;

/// Three nodes, of which the last is down, and a topic on all of them.
async fn cluster() -> Broker {
    let broker = Broker::builder().nodes(3).default_replication_factor(3).topic("t", 2);
    let broker = broker.topic("u", 1).start().await.unwrap();
    broker.stop_node(3).await.unwrap();
    broker
}

fn check(broker: &Broker, partitions: &[PartitionInfo]) {
    assert_eq!(partitions.len(), 2);
    for (number, info) in (0..).zip(partitions) {
        assert_eq!((info.topic.as_str(), info.partition), ("t", number));
        assert_eq!(info.topic_partition(), tp("t", number));
        assert_eq!(info.leader, broker.leader("t", number).unwrap());
        assert!(info.leader.is_some() && info.leader_epoch.is_some(), "{info:?}");
        let sorted = |ids: &[i32]| {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids
        };
        assert_eq!(sorted(&info.replicas), [1, 2, 3], "{info:?}");
        assert_eq!(sorted(&info.in_sync_replicas), [1, 2], "{info:?}");
        assert_eq!(info.offline_replicas, [3], "{info:?}");
    }
}

#[tokio::test]
async fn partitions_are_told_with_their_brokers() {
    let broker = cluster().await;
    let consumer = Consumer::new(config(&broker, |builder| builder)).unwrap();
    check(&broker, &within(consumer.partitions_for("t")).await.unwrap());
    // The same from what the consumer keeps once it reads the topic.
    consumer.assign([tp("t", 0)]).unwrap();
    produce(&broker, 0, 0..1).await;
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 1).await.unwrap();
    let requests = broker.faults().requests().len();
    check(&broker, &within(consumer.partitions_for("t")).await.unwrap());
    let metadata = |seen: &milena_broker::RequestSeen| seen.api_key == ApiKey::METADATA;
    assert!(!broker.faults().requests()[requests..].iter().any(metadata));
    let config = ProducerConfig::builder(broker.bootstrap_servers()).build().unwrap();
    let producer = Producer::new(config).unwrap();
    check(&broker, &within(producer.partitions_for("t")).await.unwrap());
    producer.close(PATIENCE).await.unwrap();
    let closed = producer.partitions_for("t").await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn all_topics_are_listed_also_after_an_error_that_passes() {
    let broker = cluster().await;
    broker.faults().inject(Fault::on(ApiKey::METADATA).disconnect_before_applying().times(2));
    let consumer = Consumer::new(config(&broker, |builder| builder)).unwrap();
    let topics = within(consumer.list_topics()).await.unwrap();
    let counts: Vec<_> = topics.iter().map(|(name, all)| (name.as_str(), all.len())).collect();
    assert_eq!(counts, [("t", 2), ("u", 1)]);
    check(&broker, &topics["t"]);
    consumer.close(PATIENCE).await.unwrap();
    assert_eq!(consumer.list_topics().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_an_error_at_once_unless_it_may_be_created() {
    let broker = Broker::builder().start().await.unwrap();
    for may_create in [false, true] {
        let config = config(&broker, |builder| builder.allow_auto_create_topics(may_create));
        let consumer = Consumer::new(config).unwrap();
        let found: Result<_, Error> = within(consumer.partitions_for("new")).await;
        if may_create {
            assert_eq!(found.unwrap().len(), 1);
        } else {
            let error = found.unwrap_err();
            assert_eq!(error.code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
            assert_eq!(error.topic(), Some("new"));
        }
    }
}
