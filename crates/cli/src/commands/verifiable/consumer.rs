//! `milena verifiable-consumer`: consumes in a group, and says what it is given and commits.

use std::time::Duration;

use milena::{
    Consumer, RebalanceListener, TopicPartition,
    config::ConsumerConfig,
    consumer::{ConsumerRecords, OffsetAndMetadata, Position},
};
use serde_json::{Map, Value, json};

use super::event;
use crate::{
    arguments::VerifiableConsumer,
    failure::Failure,
    interrupt::Interrupt,
    properties::{PropertyList, warn},
};

/// How long one poll waits for records.
const POLL_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the end waits for the group.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until the count or an interrupt.
pub(crate) async fn run(arguments: VerifiableConsumer) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    let consumer = Consumer::new(config(&arguments)?)?;
    consumer.set_rebalance_listener(Events);
    consumer.subscribe([arguments.topic.as_str()])?;
    event("startup_complete", Value::Null)?;
    let outcome = consume(&arguments, &consumer, &mut interrupt).await;
    let closed = consumer.close(CLOSE_TIMEOUT).await;
    event("shutdown_complete", Value::Null)?;
    outcome?;
    closed?;
    interrupt.outcome()
}

fn config(arguments: &VerifiableConsumer) -> Result<ConsumerConfig, Failure> {
    let mut properties = PropertyList::from_file(arguments.command_config.as_deref())?;
    properties.set("bootstrap.servers", &arguments.bootstrap_server);
    properties.set("group.id", &arguments.group_id);
    properties.set("group.protocol", format!("{:?}", arguments.group_protocol).to_lowercase());
    if let Some(assignor) = &arguments.group_remote_assignor {
        properties.set("group.remote.assignor", assignor);
    }
    // Harnesses of Kafka 2.3 write None where there is no instance id.
    if let Some(id) = arguments.group_instance_id.as_ref().filter(|id| *id != "None") {
        properties.set("group.instance.id", id);
    }
    if let Some(timeout) = arguments.session_timeout {
        properties.set("session.timeout.ms", timeout);
    }
    properties.set("enable.auto.commit", arguments.enable_autocommit);
    properties.set("auto.offset.reset", format!("{:?}", arguments.reset_policy).to_lowercase());
    properties.set("partition.assignment.strategy", &arguments.assignment_strategy);
    let config = ConsumerConfig::from_properties(properties.into_entries())?;
    warn(config.warnings());
    Ok(config)
}

async fn consume(
    arguments: &VerifiableConsumer,
    consumer: &Consumer,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let mut left = u64::try_from(arguments.max_messages).unwrap_or(u64::MAX);
    while left > 0 {
        let records = tokio::select! {
            records = consumer.poll(POLL_TIMEOUT) => records?,
            () = interrupt.wait() => return Ok(()),
        };
        if records.is_empty() {
            continue;
        }
        let (count, offsets) = describe(&records, left, arguments.verbose)?;
        left -= count;
        if !arguments.enable_autocommit {
            commit(consumer, offsets).await?;
        }
    }
    Ok(())
}

/// Says what was consumed: how many records, and behind them the offsets to commit.
fn describe(
    records: &ConsumerRecords,
    left: u64,
    verbose: bool,
) -> Result<(u64, Vec<(TopicPartition, i64)>), Failure> {
    let mut total = 0;
    let mut partitions = Vec::new();
    let mut offsets = Vec::new();
    let mut data = Vec::new();
    for partition in records.partitions() {
        let mut range: Option<(i64, i64)> = None;
        let mut count = 0_u64;
        for record in partition.records() {
            if total == left {
                break;
            }
            total += 1;
            count += 1;
            range = Some((range.map_or(record.offset, |(first, _)| first), record.offset));
            if verbose {
                data.push(json!({
                    "key": record.key.map(String::from_utf8_lossy),
                    "value": record.value.map(String::from_utf8_lossy),
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                }));
            }
        }
        let Some((first, last)) = range else { continue };
        partitions.push(json!({
            "topic": partition.topic(),
            "partition": partition.partition(),
            "count": count,
            "minOffset": first,
            "maxOffset": last,
        }));
        offsets.push((partition.topic_partition().clone(), last + 1));
    }
    for data in data {
        event("record_data", data)?;
    }
    event("records_consumed", json!({ "count": total, "partitions": partitions }))?;
    Ok((total, offsets))
}

async fn commit(consumer: &Consumer, offsets: Vec<(TopicPartition, i64)>) -> Result<(), Failure> {
    let described: Vec<Value> = offsets
        .iter()
        .map(|(tp, offset)| {
            json!({ "topic": &*tp.topic, "partition": tp.partition, "offset": offset })
        })
        .collect();
    let commits = offsets
        .into_iter()
        .map(|(tp, offset)| (tp, OffsetAndMetadata::from(Position::new(offset))));
    let outcome = consumer.commit_offsets(commits).await;
    let mut body = Map::new();
    body.insert("offsets".into(), described.into());
    if let Err(error) = &outcome {
        body.insert("error".into(), error.to_string().into());
    }
    body.insert("success".into(), outcome.is_ok().into());
    event("offsets_committed", Value::Object(body))
}

/// Says which partitions come and go.
struct Events;

impl RebalanceListener for Events {
    async fn on_partitions_assigned(&self, _: &Consumer, partitions: &[TopicPartition]) {
        print("partitions_assigned", partitions);
    }

    async fn on_partitions_revoked(&self, _: &Consumer, partitions: &[TopicPartition]) {
        print("partitions_revoked", partitions);
    }
}

fn print(name: &str, partitions: &[TopicPartition]) {
    let partitions: Vec<Value> = partitions
        .iter()
        .map(|tp| json!({ "topic": &*tp.topic, "partition": tp.partition }))
        .collect();
    // A reader that has gone is noticed by the next event of the loop.
    let _ = event(name, json!({ "partitions": partitions }));
}
