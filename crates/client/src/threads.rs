//! What goes from thread to thread: the compiler checks it.

use std::time::Duration;

use crate::admin::{NewPartitions, NewTopic, OffsetSpec, Results};
use crate::config::{
    AdminConfig, AdminConfigBuilder, ConsumerConfig, ConsumerConfigBuilder, ProducerConfig,
    ProducerConfigBuilder, Properties,
};
use crate::consumer::{ConsumerGroupMetadata, PartitionRecords, PendingCommit, RecordStream};
use crate::metrics::Snapshot;
use crate::producer::{Delivery, ProducerBuilder, TopicProducer, Transaction};
use crate::{
    Admin, Consumer, ConsumerRecord, ConsumerRecords, Error, OwnedRecord, Producer, ProducerRecord,
    RecordMetadata, TopicPartition,
};

#[test]
fn handles_and_values_can_be_shared_and_kept() {
    const fn can<T: Send + Sync + 'static>() {}
    can::<(Producer, TopicProducer, Consumer, Admin)>();
    can::<(Delivery, PendingCommit, RecordMetadata, Error, Snapshot)>();
    can::<(ConsumerRecords, PartitionRecords, OwnedRecord, Results<String, ()>)>();
    can::<(ProducerConfig, ConsumerConfig, AdminConfig, Properties)>();
    can::<(ProducerConfigBuilder, ConsumerConfigBuilder, AdminConfigBuilder, ProducerBuilder)>();
    can::<Transaction>();
}

#[test]
fn what_borrows_can_be_sent() {
    const fn can<T: Send>() {}
    can::<(ProducerRecord<'_>, ConsumerRecord<'_>, RecordStream<'_>)>();
}

#[test]
fn every_future_can_be_spawned() {
    fn is_send(_: impl Send) {}
    // That it compiles is the test.
    let _producing = |producer: &Producer, topic: &TopicProducer, record: ProducerRecord<'_>| {
        is_send((producer.send(record), producer.send_and_wait(record), topic.send(record)));
        is_send((producer.topic("t"), producer.partitions_count("t")));
        is_send((producer.flush(), producer.close(Duration::ZERO)));
    };
    let _in_transactions = |producer: &Producer, transaction: &Transaction| {
        is_send((producer.init_transactions(), producer.begin_transaction()));
        is_send((transaction.commit(), transaction.abort()));
        is_send(transaction.send(ProducerRecord::to("t")));
        let group = ConsumerGroupMetadata::new("g");
        is_send(async move { transaction.send_offsets([], &group).await });
    };
    let _consuming = |consumer: &Consumer, partitions: &[TopicPartition]| {
        is_send((consumer.poll(Duration::ZERO), consumer.close(Duration::ZERO)));
        is_send((consumer.unsubscribe(), consumer.commit_sync(), consumer.commit_async()));
        is_send((consumer.committed(partitions), consumer.position(&partitions[0])));
        is_send((consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)));
    };
    let _administering = |admin: &Admin, partition: TopicPartition| {
        is_send((admin.create_topics([NewTopic::new("t", 1, 1)]), admin.delete_topics(["t"])));
        is_send(admin.create_partitions([NewPartitions::increase_to("t", 2)]));
        is_send((admin.list_topics(), admin.describe_topics(["t"]), admin.describe_cluster()));
        is_send(admin.list_offsets([(partition.clone(), OffsetSpec::Latest)]));
        is_send(admin.delete_records([(partition, 0)]));
        is_send(admin.fence_producers(["t"]));
    };
}
