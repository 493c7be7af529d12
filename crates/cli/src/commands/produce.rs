//! `milena produce`: each line of standard input is a record.

use std::{
    fmt::Display,
    future::ready,
    io::{self, BufRead as _, Write as _},
    pin::pin,
    thread,
    time::Duration,
};

use milena::{
    config::ProducerConfig,
    producer::{Delivery, Header, Producer, ProducerRecord, RecordMetadata},
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::{
    arguments::Produce,
    failure::{Failure, explain},
    interrupt::Interrupt,
    properties::{PropertyList, warn},
};

/// Lines that are read before the producer takes them, and deliveries that are awaited in order.
const QUEUE_LINES: usize = 1024;

/// How long the end waits for what was accepted, beyond `delivery.timeout.ms`.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(130);

/// Sends every line; ends when all are delivered.
pub(crate) async fn run(arguments: Produce) -> Result<(), Failure> {
    let mut properties = PropertyList::of(&arguments.connection)?;
    if let Some(compression) = &arguments.compression {
        properties.set("compression.type", compression);
    }
    let config = ProducerConfig::from_properties(properties.into_entries())?;
    warn(config.warnings());
    let mut interrupt = Interrupt::listen()?;
    let producer = Producer::new(config)?;
    match interrupt.unless(check_partition(&arguments, &producer)).await {
        Some(checked) => checked?,
        None => return interrupt.outcome(),
    }
    let (deliveries, awaited) = mpsc::channel(QUEUE_LINES);
    let printer = tokio::spawn(print(awaited, arguments.json));
    let sent = send_lines(&arguments, &producer, deliveries, &mut interrupt).await;
    let closed = producer.close(CLOSE_TIMEOUT).await;
    let printed = printer.await.map_err(|error| Failure::new("printing", error))?;
    sent.and(printed)?;
    closed?;
    interrupt.outcome()
}

/// Refuses a partition that the topic does not have. Sending to it would wait for its creation.
async fn check_partition(arguments: &Produce, producer: &Producer) -> Result<(), Failure> {
    let Some(partition) = arguments.partition else { return Ok(()) };
    let topic = &arguments.topic;
    let count = producer.partitions_count(topic).await?;
    match usize::try_from(partition) {
        Ok(number) if number < count => Ok(()),
        _ => Err(Failure::Failed(format!(
            "-p {partition}: topic {topic:?} has {count} partition(s), counted from 0"
        ))),
    }
}

/// Sends lines until they end or the program is interrupted.
async fn send_lines(
    arguments: &Produce,
    producer: &Producer,
    deliveries: mpsc::Sender<(u64, Delivery)>,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let headers = arguments
        .headers
        .iter()
        .map(|header| match header.split_once('=') {
            Some((name, value)) => Ok(Header::new(name, Some(value.as_bytes()))),
            None => Err(Failure::Usage(format!("-H {header}: it must be NAME=VALUE"))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut lines = lines();
    for number in 1.. {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = interrupt.wait() => break,
        };
        let Some(line) = line else { break };
        let line = line.map_err(|error| failed(number, error))?;
        let (key, value) = key_and_value(arguments, &line);
        let mut record =
            ProducerRecord::to(&arguments.topic).key_value(key, Some(value)).headers(&headers);
        if let Some(partition) = arguments.partition {
            record = record.partition(partition);
        }
        let Some(delivery) = interrupt.unless(producer.send(record)).await else { break };
        let delivery = delivery.map_err(|error| failed(number, explain(&error)))?;
        if deliveries.send((number, delivery)).await.is_err() {
            // The printer has ended: it tells why.
            break;
        }
    }
    Ok(())
}

/// What became of a line.
fn failed(number: u64, cause: impl Display) -> Failure {
    Failure::Failed(format!("standard input: line {number}: {cause}"))
}

/// The lines of standard input, read by a thread of their own.
fn lines() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(QUEUE_LINES);
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn key_and_value<'a>(arguments: &'a Produce, line: &'a [u8]) -> (Option<&'a [u8]>, &'a [u8]) {
    let whole = (arguments.key.as_ref().map(String::as_bytes), line);
    let Some(delimiter) = arguments.key_delimiter.as_ref().map(String::as_bytes) else {
        return whole;
    };
    if delimiter.is_empty() {
        return whole;
    }
    line.windows(delimiter.len()).position(|window| window == delimiter).map_or(whole, |at| {
        let (key, rest) = line.split_at(at);
        (Some(key), rest.get(delimiter.len()..).unwrap_or_default())
    })
}

/// Awaits the deliveries in order, and prints them where JSON is wanted.
async fn print(
    mut deliveries: mpsc::Receiver<(u64, Delivery)>,
    as_json: bool,
) -> Result<(), Failure> {
    let mut output = io::BufWriter::new(io::stdout());
    while let Some((number, delivery)) = deliveries.recv().await {
        let mut delivery = pin!(delivery);
        let metadata = tokio::select! {
            biased;
            metadata = &mut delivery => metadata,
            () = ready(()) => {
                // This one may take a while: what is known already is shown.
                output.flush().map_err(|error| Failure::output(&error))?;
                delivery.await
            }
        };
        let metadata = metadata.map_err(|error| failed(number, explain(&error)))?;
        if as_json {
            writeln!(output, "{}", line(&metadata)).map_err(|error| Failure::output(&error))?;
            if deliveries.is_empty() {
                output.flush().map_err(|error| Failure::output(&error))?;
            }
        }
    }
    output.flush().map_err(|error| Failure::output(&error))
}

fn line(metadata: &RecordMetadata) -> serde_json::Value {
    json!({
        "topic": metadata.topic(),
        "partition": metadata.partition(),
        "offset": metadata.offset(),
        "timestamp": metadata.timestamp_ms(),
    })
}
