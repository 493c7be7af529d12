//! `milena perf`: how fast records are produced, consumed and acknowledged.
//!
//! The records are those of the peers that Milena is measured against (`benches/peers`).

mod idle;
mod latency;
mod records;
mod report;

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

use milena::{
    Consumer, TopicPartition,
    config::{ClientKind, ConsumerConfig, ProducerConfig},
    producer::{Header, Producer, ProducerRecord},
};
use tokio::task::JoinSet;

use self::report::Report;
use crate::{
    arguments::{Connection, Perf, PerfConsume, PerfProduce},
    failure::Failure,
    interrupt::Interrupt,
    properties::{PropertyList, warn},
};

/// Runs the command.
pub(crate) async fn run(perf: Perf) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    let work = async {
        match perf {
            Perf::Produce(arguments) => produce(arguments).await,
            Perf::Consume(arguments) => consume(arguments).await,
            Perf::Latency(arguments) => latency::run(arguments).await,
            Perf::Idle(arguments) => idle::run(arguments).await,
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
    let pool = Arc::new(Pool::of(&arguments));
    let begin = Instant::now();
    // An unknown topic is an error here, not one of each record.
    producer.partitions_count(&arguments.topic).await?;
    let share = |task: u64| {
        usize::try_from(arguments.records * task / arguments.tasks).unwrap_or(usize::MAX)
    };
    let mut tasks = JoinSet::new();
    for task in 1..arguments.tasks {
        let (producer, pool) = (producer.clone(), Arc::clone(&pool));
        let (first, end) = (share(task), share(task + 1));
        tasks.spawn(async move { send(&producer, &pool, first, end).await });
    }
    send(&producer, &pool, 0, share(1)).await?;
    while let Some(outcome) = tasks.join_next().await {
        outcome.map_err(|error| Failure::new("a sending task", error))??;
    }
    producer.flush().await?;
    let report = Report::new("produce", arguments.records, begin.elapsed())
        .errors(producer.metrics().records_failed);
    producer.close(Duration::from_secs(30)).await?;
    report.print(arguments.json)
}

/// What the records of a run are made of.
struct Pool {
    topic: String,
    values: Vec<Vec<u8>>,
    keys: Option<Vec<Vec<u8>>>,
    headers: &'static [Header<'static>],
}

impl Pool {
    fn of(arguments: &PerfProduce) -> Self {
        Self {
            topic: arguments.topic.clone(),
            values: records::values(arguments.size),
            keys: arguments.keys.then(records::keys),
            headers: if arguments.headers { &records::HEADERS } else { &[] },
        }
    }
}

/// Sends the records of these numbers. The handles are dropped: what failed is counted.
async fn send(producer: &Producer, pool: &Pool, first: usize, end: usize) -> Result<(), Failure> {
    let values = pool.values.iter().cycle().skip(first % pool.values.len());
    let mut keys = pool.keys.as_ref().map(|keys| keys.iter().cycle().skip(first % keys.len()));
    for value in values.take(end - first) {
        let key = keys.as_mut().and_then(Iterator::next).map(Vec::as_slice);
        let record = ProducerRecord::to(&pool.topic).key_value(key, Some(value));
        drop(producer.send(record.headers(pool.headers)).await?);
    }
    Ok(())
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
    let (count, bytes) = match arguments.stream {
        true => read_stream(&consumer, arguments.records).await?,
        false => read_batches(&consumer, arguments.records).await?,
    };
    let report = Report::new("consume", count, begin.elapsed()).bytes(bytes);
    consumer.close(Duration::from_secs(30)).await?;
    report.print(arguments.json)
}

/// Polls until so many records are there. Returns how many there are, and the bytes of their values.
async fn read_batches(consumer: &Consumer, wanted: u64) -> Result<(u64, u64), Failure> {
    let (mut count, mut bytes) = (0, 0);
    while count < wanted {
        let records = consumer.poll(Duration::from_millis(500)).await?;
        for partition in records.partitions() {
            for record in partition.records() {
                count += 1;
                bytes += record.value.map_or(0, |value| value.len() as u64);
            }
        }
    }
    Ok((count, bytes))
}

/// The same from a stream of records.
async fn read_stream(consumer: &Consumer, wanted: u64) -> Result<(u64, u64), Failure> {
    let (mut count, mut bytes) = (0, 0);
    let mut records = consumer.stream();
    while count < wanted {
        let Some(record) = records.next().await else { break };
        count += 1;
        bytes += record?.value.map_or(0, |value| value.len() as u64);
    }
    Ok((count, bytes))
}

async fn partitions(connection: &Connection, topic: &str) -> Result<Vec<TopicPartition>, Failure> {
    let admin = PropertyList::of(connection)?.admin(ClientKind::Consumer)?;
    let description = admin.describe_topics([topic]).await.one()?;
    let numbers = description.partitions.iter().map(|partition| partition.partition);
    Ok(numbers.map(|partition| TopicPartition::new(topic, partition)).collect())
}
