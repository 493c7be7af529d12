//! `milena perf idle`: what a producer and a consumer cost while nothing is to be done.

use std::time::{Duration, Instant};

use milena::{Consumer, config::ConsumerConfig, producer::ProducerRecord};

use super::{
    partitions, producer,
    report::{Report, cpu_seconds},
};
use crate::{arguments::PerfIdle, failure::Failure, properties::PropertyList};

/// How long nothing may have come before the consumer counts as idle.
const QUIET: Duration = Duration::from_secs(2);

/// A producer that has a record in every partition and a consumer that has read them, for so many
/// seconds without anything.
pub(super) async fn run(arguments: PerfIdle) -> Result<(), Failure> {
    let producer = producer(PropertyList::of(&arguments.connection)?, &[])?;
    let partitions = partitions(&arguments.connection, &arguments.topic).await?;
    for partition in &partitions {
        let record = ProducerRecord::to(&arguments.topic).value(b"one");
        drop(producer.send(record.partition(partition.partition)).await?);
    }
    producer.flush().await?;
    let mut properties = PropertyList::of(&arguments.connection)?;
    properties.set_default("auto.offset.reset", "earliest");
    properties.set_default("enable.auto.commit", "false");
    let consumer = Consumer::new(ConsumerConfig::from_properties(properties.into_entries())?)?;
    let count = partitions.len();
    consumer.assign(partitions)?;
    let (mut read, mut last) = (0, Instant::now());
    while last.elapsed() < QUIET {
        let records = consumer.poll(Duration::from_millis(500)).await?.len();
        read += records;
        if records > 0 || read < count {
            last = Instant::now();
        }
    }
    let (begin, cpu_before) = (Instant::now(), cpu_seconds());
    while begin.elapsed() < Duration::from_secs(arguments.seconds) {
        consumer.poll(Duration::from_millis(500)).await?;
    }
    let report = Report::new("idle", count as u64, begin.elapsed()).cpu(cpu_seconds() - cpu_before);
    producer.close(Duration::from_secs(30)).await?;
    consumer.close(Duration::from_secs(30)).await?;
    report.print(arguments.json)
}
