//! `milena perf`: how fast records are produced, consumed and acknowledged.
//!
//! The values are those of the peers that Milena is measured against (`benches/peers`): a pool of
//! 1,000 JSON-like texts made by one xorshift generator.

mod report;

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use milena::{
    Consumer, TopicPartition,
    config::{ClientKind, ConsumerConfig, ProducerConfig},
    producer::{Producer, ProducerRecord},
};

use self::report::Report;
use crate::{
    arguments::{Connection, Perf, PerfConsume, PerfLatency, PerfProduce},
    failure::Failure,
    interrupt::Interrupt,
    properties::{PropertyList, warn},
};

/// How many different values there are.
const POOL_VALUES: usize = 1000;

/// The most bytes that the values have together: of large ones there are fewer.
const POOL_BYTES_MAX: usize = 64 << 20;

/// Records of a latency run that do not count: the first ones pay for connections.
const WARM_UP_RECORDS: u64 = 200;

/// Runs the command.
pub(crate) async fn run(perf: Perf) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    let work = async {
        match perf {
            Perf::Produce(arguments) => produce(arguments).await,
            Perf::Consume(arguments) => consume(arguments).await,
            Perf::Latency(arguments) => latency(arguments).await,
        }
    };
    // A task of the runtime, as an application has it: the main thread would be one more to wake.
    let mut work = tokio::spawn(work);
    tokio::select! {
        outcome = &mut work => {
            outcome.unwrap_or_else(|error| Err(Failure::Failed(error.to_string())))
        }
        () = interrupt.wait() => {
            work.abort();
            interrupt.outcome()
        }
    }
}

/// The values, each of so many bytes.
fn pool(size: usize) -> Vec<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 88_172_645_463_325_252_u64;
    (0..POOL_VALUES.min(POOL_BYTES_MAX / size.max(1)).max(1))
        .map(|id| {
            let mut value = format!("{{\"id\":{id},\"event\":\"click\",\"user\":\"").into_bytes();
            while value.len() < size {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                value.push(LETTERS[usize::from(state.to_le_bytes()[0] & 63)]);
            }
            value.truncate(size);
            value
        })
        .collect()
}

fn producer(
    mut properties: PropertyList,
    settings: &[(&str, &dyn Display)],
) -> Result<Producer, Failure> {
    for (name, value) in settings {
        properties.set_default(name, value);
    }
    let config = ProducerConfig::from_properties(properties.into_entries())?;
    warn(config.warnings());
    Ok(Producer::new(config)?)
}

async fn produce(arguments: PerfProduce) -> Result<(), Failure> {
    let producer = producer(
        PropertyList::of(&arguments.connection)?,
        &[
            ("compression.type", &arguments.compression),
            ("linger.ms", &arguments.linger_ms),
            ("batch.size", &arguments.batch_size),
        ],
    )?;
    let values = pool(arguments.size);
    let topic = arguments.topic.as_str();
    producer.partitions_count(topic).await?;
    let begin = Instant::now();
    for value in
        values.iter().cycle().take(usize::try_from(arguments.records).unwrap_or(usize::MAX))
    {
        // The handle is dropped: what failed is counted.
        drop(producer.send(ProducerRecord::to(topic).value(value)).await?);
    }
    producer.flush().await?;
    let report = Report::new("produce", arguments.records, begin.elapsed())
        .errors(producer.metrics().records_failed);
    producer.close(Duration::from_secs(30)).await?;
    report.print(arguments.json)
}

async fn latency(arguments: PerfLatency) -> Result<(), Failure> {
    let producer = producer(PropertyList::of(&arguments.connection)?, &[("linger.ms", &0)])?;
    let values = pool(arguments.size);
    let topic = arguments.topic.as_str();
    let mut times = Vec::with_capacity(usize::try_from(arguments.records).unwrap_or_default());
    let mut begin = Instant::now();
    let mut pool = values.iter().cycle();
    for number in 0..arguments.records + WARM_UP_RECORDS {
        if number == WARM_UP_RECORDS {
            begin = Instant::now();
        }
        let value = pool.next().map(Vec::as_slice).unwrap_or_default();
        let sent = Instant::now();
        producer.send_and_wait(ProducerRecord::to(topic).value(value)).await?;
        if number >= WARM_UP_RECORDS {
            times.push(sent.elapsed());
        }
    }
    let report = Report::new("latency", arguments.records, begin.elapsed()).latencies(times);
    producer.close(Duration::from_secs(30)).await?;
    report.print(arguments.json)
}

async fn consume(arguments: PerfConsume) -> Result<(), Failure> {
    let mut properties = PropertyList::of(&arguments.connection)?;
    properties.set_default("auto.offset.reset", "earliest");
    properties.set_default("enable.auto.commit", "false");
    properties.set_default("max.poll.records", 10_000);
    properties.set_default("max.partition.fetch.bytes", 10_485_760);
    let config = ConsumerConfig::from_properties(properties.into_entries())?;
    warn(config.warnings());
    let partitions = partitions(&arguments.connection, &arguments.topic).await?;
    let consumer = Consumer::new(config)?;
    let begin = Instant::now();
    consumer.assign(partitions)?;
    let (mut count, mut bytes) = (0_u64, 0_u64);
    while count < arguments.records {
        let records = consumer.poll(Duration::from_millis(500)).await?;
        for partition in records.partitions() {
            for record in partition.records() {
                count += 1;
                bytes += record.value.map_or(0, |value| value.len() as u64);
            }
        }
    }
    let report = Report::new("consume", count, begin.elapsed()).bytes(bytes);
    consumer.close(Duration::from_secs(30)).await?;
    report.print(arguments.json)
}

async fn partitions(connection: &Connection, topic: &str) -> Result<Vec<TopicPartition>, Failure> {
    let admin = PropertyList::of(connection)?.admin(ClientKind::Consumer)?;
    let description = admin.describe_topics([topic]).await.one()?;
    let numbers = description.partitions.iter().map(|partition| partition.partition);
    Ok(numbers.map(|partition| TopicPartition::new(topic, partition)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_the_values_of_the_peers() {
        let pool = pool(40);
        assert_eq!(pool.len(), POOL_VALUES);
        assert!(pool.iter().all(|value| value.len() == 40));
        assert!(pool[7].starts_with(b"{\"id\":7,\"event\":\"click\",\"user\":\""));
    }

    #[test]
    fn makes_few_values_when_they_are_large() {
        assert_eq!(pool(POOL_BYTES_MAX / 2).len(), 2);
        assert_eq!(pool(POOL_BYTES_MAX + 1).len(), 1);
    }
}
