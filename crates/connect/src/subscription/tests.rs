//! A subscription on the embedded broker.

use milena::{Producer, ProducerRecord, config::ProducerConfig, consumer::OffsetAndMetadata};
use milena_broker::Broker;

use super::*;
use crate::settings::Origin;

const PATIENCE: Duration = Duration::from_secs(60);

/// Gives offsets; those of the second partition are of no use.
struct Offsets;

impl Reading for Offsets {
    fn read(&self, record: &ConsumerRecord<'_>) -> Reaction {
        match record.partition {
            0 => Reaction::Emit(record.offset.into()),
            _ => Reaction::Pass,
        }
    }
}

fn properties(broker: &Broker, reset: &str) -> ClientProperties {
    let mut properties = ClientProperties::default();
    for (name, value) in [
        ("bootstrap.servers", broker.bootstrap_servers().as_str()),
        ("group.id", "g"),
        ("auto.offset.reset", reset),
        ("enable.auto.commit", "false"),
        ("heartbeat.interval.ms", "100"),
        // Who has a partition keeps it.
        ("partition.assignment.strategy", "cooperative-sticky"),
    ] {
        properties.set(Origin::Connector, name, value);
    }
    properties
}

async fn started(properties: &ClientProperties) -> Subscription<Offsets> {
    let mut subscription = Subscription::new(properties, "t", None, Offsets).unwrap();
    subscription.start().await.unwrap();
    subscription
}

#[tokio::test]
async fn large_records_are_handed_out_in_portions_and_all_of_them() {
    const COUNT: i64 = 20;
    const BYTES: usize = 100 << 10;
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let config = ProducerConfig::builder(broker.bootstrap_servers()).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let value = vec![b'x'; BYTES];
    for number in 0..2 * COUNT {
        let partition = i32::try_from(number % 2).unwrap();
        let record = ProducerRecord::to("t").partition(partition).value(&value);
        producer.send(record).await.unwrap();
    }
    producer.close(PATIENCE).await.unwrap();
    let properties = properties(&broker, "earliest");
    let mut subscription = started(&properties).await;
    let ends = Ends::from([(("t".to_owned(), 0), COUNT), (("t".to_owned(), 1), COUNT)]);
    let mut given = Vec::new();
    while !subscription.has_reached(&ends).await.unwrap() {
        let portion = subscription.next(PATIENCE).await.unwrap();
        assert!(portion.len() * BYTES <= PORTION_BYTES + BYTES, "{}", portion.len());
        for emission in portion {
            subscription.accept(&emission.ticket);
            given.push(emission.ticket.offset);
        }
    }
    assert_eq!(given, (0..COUNT).collect::<Vec<_>>());
    let lags = subscription.lags();
    assert!(lags.iter().all(|(_, lag)| *lag == 0), "{lags:?}");
    assert_eq!(subscription.details()["group-id"], "g");
    subscription.commit().await.unwrap();
    assert!(subscription.accepted.lock().committable().is_empty());
    Box::new(subscription).close(PATIENCE).await.unwrap();
}

/// Another member of the group, which has all partitions by now and reads until it is told to leave.
struct Other {
    consumer: Arc<Consumer>,
    polling: tokio::task::JoinHandle<()>,
}

impl Other {
    async fn join(properties: &ClientProperties) -> Self {
        let config = ConsumerConfig::from_properties(properties.pairs()).unwrap();
        let consumer = Arc::new(Consumer::new(config).unwrap());
        consumer.subscribe(["t"]).unwrap();
        while consumer.assignment().is_empty() {
            consumer.poll(Duration::from_millis(10)).await.unwrap();
        }
        let polling = tokio::spawn({
            let consumer = Arc::clone(&consumer);
            async move { while consumer.poll(PATIENCE).await.is_ok() {} }
        });
        Self { consumer, polling }
    }

    async fn leave(self) {
        self.polling.abort();
        let _ = self.polling.await;
        self.consumer.close(PATIENCE).await.unwrap();
    }
}

fn tp() -> TopicPartition {
    TopicPartition::new("t", 0)
}

async fn produce(broker: &Broker, count: i64) -> Ends {
    let config = ProducerConfig::builder(broker.bootstrap_servers()).build().unwrap();
    let producer = Producer::new(config).unwrap();
    for _ in 0..count {
        producer.send(ProducerRecord::to("t").value("v")).await.unwrap();
    }
    producer.close(PATIENCE).await.unwrap();
    Ends::from([(("t".to_owned(), 0), count)])
}

#[tokio::test]
async fn what_another_member_left_unread_is_read_from_the_start_on() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let properties = properties(&broker, "latest");
    let other = Other::join(&properties).await;
    let mut subscription = started(&properties).await;
    assert!(subscription.consumer().assignment().is_empty());
    let ends = produce(&broker, 3).await;
    assert!(!subscription.has_reached(&ends).await.unwrap(), "the other has committed nothing");
    other.leave().await;
    let mut given = Vec::new();
    while !subscription.has_reached(&ends).await.unwrap() {
        for emission in subscription.next(PATIENCE).await.unwrap() {
            given.push(emission.ticket.offset);
        }
    }
    assert_eq!(given, [0, 1, 2]);
    Box::new(subscription).close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn what_another_member_has_committed_is_read() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let properties = properties(&broker, "latest");
    let other = Other::join(&properties).await;
    let mut subscription = started(&properties).await;
    let ends = produce(&broker, 3).await;
    for (offset, is_read) in [(2, false), (3, true)] {
        let committed = OffsetAndMetadata::from(Position::new(offset));
        other.consumer.commit_offsets([(tp(), committed)]).await.unwrap();
        assert_eq!(subscription.has_reached(&ends).await.unwrap(), is_read, "{offset}");
    }
    Box::new(subscription).close(PATIENCE).await.unwrap();
    other.leave().await;
}

#[tokio::test]
async fn a_group_that_begins_at_the_end_has_it_committed_by_the_start() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    produce(&broker, 2).await;
    let latest = properties(&broker, "latest");
    let subscription = started(&latest).await;
    let committed = subscription.consumer().committed(&[tp()]).await.unwrap();
    assert_eq!(committed[&tp()].as_ref().map(|committed| committed.offset), Some(2));
    Box::new(subscription).close(PATIENCE).await.unwrap();
    // A group that has offsets goes on there.
    produce(&broker, 1).await;
    let mut subscription = started(&latest).await;
    let given = subscription.next(PATIENCE).await.unwrap();
    assert_eq!(given.iter().map(|emission| emission.ticket.offset).collect::<Vec<_>>(), [2]);
    Box::new(subscription).close(PATIENCE).await.unwrap();
}
