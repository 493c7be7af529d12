//! `milena consume`: prints records, a line for each.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    time::Duration,
};

use milena::{
    Consumer, TopicPartition,
    config::{ClientKind, ConsumerConfig},
    consumer::{ConsumerRecord, ConsumerRecords, OffsetAndMetadata, Position},
};
use serde_json::json;

use super::record_json;
use crate::{
    arguments::Consume,
    failure::Failure,
    interrupt::Interrupt,
    properties::{PropertyList, warn},
};

/// How long one poll waits for records.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);

/// How long the end waits for the last commit and the group.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Beginning,
    End,
    Stored,
    At(i64),
    /// So many records before the end.
    Last(i64),
}

impl Begin {
    fn parse(text: &str) -> Result<Self, Failure> {
        match (text, text.parse::<i64>()) {
            ("beginning", _) => Ok(Self::Beginning),
            ("end", _) => Ok(Self::End),
            ("stored", _) => Ok(Self::Stored),
            (_, Ok(offset @ 0..)) => Ok(Self::At(offset)),
            (_, Ok(back)) => Ok(Self::Last(back.saturating_neg())),
            _ => Err(Failure::Usage(format!(
                "-o {text}: it must be beginning, end, stored, an offset N or -N"
            ))),
        }
    }
}

/// Prints records until the count, the end or an interrupt.
pub(crate) async fn run(arguments: Consume) -> Result<(), Failure> {
    let begin = arguments.offset.as_deref().map(Begin::parse).transpose()?;
    let mut interrupt = Interrupt::listen()?;
    let config = config(&arguments, begin)?;
    let has_group = config.group_id().is_some();
    if begin == Some(Begin::Stored) && !has_group {
        let text = "-o stored: offsets are stored for a group; name it with -g or -X group.id";
        return Err(Failure::Usage(text.into()));
    }
    let consumer = Consumer::new(config)?;
    let prepared = tokio::select! {
        ends = prepare(&arguments, begin, &consumer, has_group) => ends.map(Some),
        () = interrupt.wait() => Ok(None),
    };
    let outcome = match prepared {
        Ok(Some(ends)) => {
            print_all(&arguments, &consumer, ends.as_ref(), has_group, &mut interrupt).await
        }
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    let closed = consumer.close(CLOSE_TIMEOUT).await;
    outcome?;
    closed?;
    interrupt.outcome()
}

fn config(arguments: &Consume, begin: Option<Begin>) -> Result<ConsumerConfig, Failure> {
    let mut properties = PropertyList::of(&arguments.connection)?;
    if let Some(group) = &arguments.group {
        properties.set("group.id", group);
    }
    match begin {
        Some(Begin::Beginning) => properties.set("auto.offset.reset", "earliest"),
        Some(Begin::End) => properties.set("auto.offset.reset", "latest"),
        _ => {}
    }
    if begin.is_none() && !properties.contains("group.id") {
        // Without a group there is nothing stored, and who asks for a topic wants to see it.
        properties.set_default("auto.offset.reset", "earliest");
    }
    // What is printed is committed, no more: with -c a poll brings more than is printed.
    properties.set("enable.auto.commit", "false");
    let config = ConsumerConfig::from_properties(properties.into_entries())?;
    warn(config.warnings());
    Ok(config)
}

/// The offset behind each partition's last record when the command began.
type Ends = BTreeMap<TopicPartition, i64>;

/// Subscribes or assigns, and gives the ends where the command ends there.
async fn prepare(
    arguments: &Consume,
    begin: Option<Begin>,
    consumer: &Consumer,
    has_group: bool,
) -> Result<Option<Ends>, Failure> {
    let partitions = partitions(arguments).await?;
    // The end is where it is when the command begins, whatever is written meanwhile.
    let ends =
        if arguments.exit_at_end { Some(consumer.end_offsets(&partitions).await?) } else { None };
    let is_member = has_group
        && arguments.partition.is_none()
        && !matches!(begin, Some(Begin::At(_) | Begin::Last(_)));
    if is_member {
        // A beginning or an end is where the group begins when it has nothing stored.
        consumer.subscribe([arguments.topic.as_str()])?;
    } else {
        consumer.assign(partitions.iter().cloned())?;
        seek(consumer, &partitions, begin).await?;
    }
    Ok(ends)
}

/// Prints records until the count, the ends or an interrupt, and commits what it has printed.
async fn print_all(
    arguments: &Consume,
    consumer: &Consumer,
    ends: Option<&Ends>,
    has_group: bool,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let mut output = io::BufWriter::new(io::stdout());
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut commit = None;
    while left > 0 {
        let records = tokio::select! {
            records = consumer.poll(POLL_TIMEOUT) => records?,
            () = interrupt.wait() => break,
        };
        let printed = print(&records, left, ends, arguments.json, &mut output)?;
        output.flush().map_err(|error| Failure::output(&error))?;
        left -= printed.count;
        if has_group && !printed.next.is_empty() {
            // Commits happen in order; the last one is awaited at the end.
            commit = Some(consumer.commit_offsets(printed.next));
        }
        let is_through = tokio::select! {
            is_through = has_reached(consumer, ends) => is_through?,
            () = interrupt.wait() => true,
        };
        if is_through {
            break;
        }
    }
    let Some(commit) = commit else { return Ok(()) };
    tokio::select! {
        committed = commit => Ok(committed?),
        () = async {
            interrupt.wait().await;
            tokio::time::sleep(CLOSE_TIMEOUT).await;
        } => Err(Failure::Failed(format!(
            "the last offsets were not committed within {} s: the group goes on before them, \
             and some records come again",
            CLOSE_TIMEOUT.as_secs()
        ))),
    }
}

/// What of a poll was printed.
struct Printed {
    count: u64,
    /// The offset behind the last printed record of each partition.
    next: Vec<(TopicPartition, OffsetAndMetadata)>,
}

/// The topic's partitions, or the one that is asked for.
async fn partitions(arguments: &Consume) -> Result<Vec<TopicPartition>, Failure> {
    let topic = arguments.topic.as_str();
    let admin = PropertyList::of(&arguments.connection)?.admin(ClientKind::Consumer)?;
    let description = admin.describe_topics([topic]).await.one()?;
    let count = description.partitions.len();
    let numbers = description.partitions.iter().map(|partition| partition.partition);
    let numbers = numbers.filter(|number| arguments.partition.is_none_or(|only| only == *number));
    let found: Vec<_> = numbers.map(|partition| TopicPartition::new(topic, partition)).collect();
    match arguments.partition {
        Some(partition) if found.is_empty() => Err(Failure::Failed(format!(
            "-p {partition}: topic {topic:?} has {count} partition(s), counted from 0"
        ))),
        _ => Ok(found),
    }
}

async fn seek(
    consumer: &Consumer,
    partitions: &[TopicPartition],
    begin: Option<Begin>,
) -> Result<(), Failure> {
    match begin {
        None | Some(Begin::Stored) => {}
        Some(Begin::Beginning) => consumer.seek_to_beginning(partitions)?,
        Some(Begin::End) => consumer.seek_to_end(partitions)?,
        Some(Begin::At(offset)) => {
            for partition in partitions {
                consumer.seek(partition, offset)?;
            }
        }
        Some(Begin::Last(count)) => {
            let firsts = consumer.beginning_offsets(partitions).await?;
            for (partition, end) in consumer.end_offsets(partitions).await? {
                let first = firsts.get(&partition).copied().unwrap_or_default();
                consumer.seek(&partition, end.saturating_sub(count).max(first))?;
            }
        }
    }
    Ok(())
}

/// Prints at most `left` records, those before the ends.
fn print(
    records: &ConsumerRecords,
    left: u64,
    ends: Option<&Ends>,
    as_json: bool,
    output: &mut impl io::Write,
) -> Result<Printed, Failure> {
    let mut printed = Printed { count: 0, next: Vec::new() };
    for partition in records.partitions() {
        let end = ends.and_then(|ends| ends.get(partition.topic_partition())).copied();
        let mut next = None;
        for record in partition.records() {
            if printed.count == left || end.is_some_and(|end| record.offset >= end) {
                break;
            }
            printed.count += 1;
            next = Some(record.offset + 1);
            let written = if as_json {
                writeln!(output, "{}", line(&record))
            } else {
                output
                    .write_all(record.value.unwrap_or_default())
                    .and_then(|()| output.write_all(b"\n"))
            };
            written.map_err(|error| Failure::output(&error))?;
        }
        if let Some(next) = next {
            let position = OffsetAndMetadata::from(Position::new(next));
            printed.next.push((partition.topic_partition().clone(), position));
        }
    }
    Ok(printed)
}

fn line(record: &ConsumerRecord<'_>) -> serde_json::Value {
    let headers =
        record.headers.map(|header| json!([header.key(), record_json::bytes(header.value())]));
    json!({
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record_json::bytes(record.key),
        "value": record_json::bytes(record.value),
        "headers": headers.collect::<Vec<_>>(),
    })
}

/// Whether every partition that the consumer has is at its end, and it has any.
async fn has_reached(consumer: &Consumer, ends: Option<&Ends>) -> Result<bool, Failure> {
    let Some(ends) = ends else { return Ok(false) };
    let assignment = consumer.assignment();
    for partition in &assignment {
        let Some(end) = ends.get(partition) else { continue };
        if consumer.position(partition).await?.offset < *end {
            return Ok(false);
        }
    }
    Ok(!assignment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_where_to_begin() {
        for (text, begin) in [
            ("beginning", Begin::Beginning),
            ("end", Begin::End),
            ("stored", Begin::Stored),
            ("0", Begin::At(0)),
            ("17", Begin::At(17)),
            ("-5", Begin::Last(5)),
        ] {
            assert_eq!(Begin::parse(text).unwrap(), begin, "{text}");
        }
        assert!(Begin::parse("later").is_err());
    }
}
