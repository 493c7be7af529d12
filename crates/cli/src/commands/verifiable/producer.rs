//! `milena verifiable-producer`: produces numbers, and says of each what became of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use milena::{
    config::ProducerConfig,
    producer::{Delivery, Producer, ProducerRecord},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::event;
use crate::{
    arguments::VerifiableProducer,
    failure::{Failure, explain},
    interrupt::Interrupt,
    properties::{PropertyList, warn},
};

/// Deliveries that are awaited in the order of sending.
const QUEUE: usize = 10_000;

/// How long the end waits for what was sent.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(130);

/// A message that was sent, or was not.
struct Sent {
    key: Option<String>,
    value: String,
    outcome: Result<Delivery, milena::Error>,
}

/// Runs until the count or an interrupt.
pub(crate) async fn run(arguments: VerifiableProducer) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    let producer = Producer::new(config(&arguments)?)?;
    event("startup_complete", Value::Null)?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let acked = Arc::new(AtomicU64::new(0));
    let reporter = tokio::spawn(report(arguments.topic.clone(), receiver, Arc::clone(&acked)));
    let begin = Instant::now();
    let sent = send(&arguments, &producer, &sender, &mut interrupt).await;
    drop(sender);
    let closed = producer.close(CLOSE_TIMEOUT).await;
    reporter.await.map_err(|error| Failure::new("the events", error))??;
    event("shutdown_complete", Value::Null)?;
    let acked = acked.load(Ordering::Relaxed);
    event("tool_data", summary(&arguments, sent, acked, begin.elapsed()))?;
    closed?;
    interrupt.outcome()
}

fn config(arguments: &VerifiableProducer) -> Result<ProducerConfig, Failure> {
    let mut properties = PropertyList::from_file(arguments.command_config.as_deref())?;
    properties.set_default("bootstrap.servers", &arguments.bootstrap_server);
    properties.set_default("acks", arguments.acks);
    if arguments.acks != -1 || !properties.contains("retries") {
        // Without retries there is nothing that idempotence could protect.
        properties.set_default("enable.idempotence", false);
    }
    properties.set_default("retries", 0);
    let config = ProducerConfig::from_properties(properties.into_entries())?;
    warn(config.warnings());
    Ok(config)
}

/// Sends until the count or an interrupt, and says how many were sent.
async fn send(
    arguments: &VerifiableProducer,
    producer: &Producer,
    sender: &mpsc::Sender<Sent>,
    interrupt: &mut Interrupt,
) -> u64 {
    let begin = Instant::now();
    let mut number = 0_u64;
    let limit = u64::try_from(arguments.max_messages).unwrap_or(u64::MAX);
    while number < limit && !interrupt.is_told() {
        if let Some(due) = due(arguments.throughput, number) {
            tokio::select! {
                () = tokio::time::sleep_until((begin + due).into()) => {}
                () = interrupt.wait() => return number,
            }
        }
        let value = match arguments.value_prefix {
            Some(prefix) => format!("{prefix}.{number}"),
            None => number.to_string(),
        };
        let key = arguments.repeating_keys.map(|keys| (number % keys).to_string());
        let mut record = ProducerRecord::to(&arguments.topic)
            .key_value(key.as_ref().map(String::as_bytes), Some(value.as_bytes()));
        if arguments.message_create_time >= 0 {
            let elapsed = i64::try_from(begin.elapsed().as_millis()).unwrap_or(i64::MAX);
            record = record.timestamp_ms(arguments.message_create_time.saturating_add(elapsed));
        }
        let Some(outcome) = interrupt.unless(producer.send(record)).await else { break };
        number += 1;
        if sender.send(Sent { key, value, outcome }).await.is_err() {
            return number;
        }
    }
    number
}

/// When a message is due at a rate; None where there is no rate to keep.
#[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
fn due(throughput: i64, number: u64) -> Option<Duration> {
    (throughput > 0).then(|| Duration::from_secs_f64(number as f64 / throughput as f64))
}

/// Says of each message what became of it, in the order of sending.
async fn report(
    topic: String,
    mut receiver: mpsc::Receiver<Sent>,
    acked: Arc<AtomicU64>,
) -> Result<(), Failure> {
    while let Some(Sent { key, value, outcome }) = receiver.recv().await {
        let outcome = match outcome {
            Ok(delivery) => delivery.await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(metadata) => {
                acked.fetch_add(1, Ordering::Relaxed);
                let body = json!({
                    "key": key,
                    "value": value,
                    "topic": metadata.topic(),
                    "partition": metadata.partition(),
                    "offset": metadata.offset().unwrap_or(-1),
                });
                event("producer_send_success", body)?;
            }
            Err(error) => {
                let exception = error
                    .code()
                    .and_then(milena::ErrorCode::exception)
                    .map_or_else(|| format!("{:?}", error.kind()), str::to_owned);
                let body = json!({
                    "topic": topic,
                    "key": key,
                    "value": value,
                    "exception": exception,
                    "message": explain(&error),
                });
                event("producer_send_error", body)?;
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "an average")]
fn summary(arguments: &VerifiableProducer, sent: u64, acked: u64, elapsed: Duration) -> Value {
    json!({
        "sent": sent,
        "acked": acked,
        "target_throughput": arguments.throughput,
        "avg_throughput": acked as f64 / elapsed.as_secs_f64().max(1e-9),
    })
}
