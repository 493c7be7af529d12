//! `milena perf latency`: how long it takes until a record is acknowledged.

use std::{
    thread,
    time::{Duration, Instant},
};

use milena::producer::{Delivery, Producer, ProducerRecord};
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinSet,
};

use super::{producer, records::values, report::Report};
use crate::{arguments::PerfLatency, failure::Failure, properties::PropertyList};

/// Records that do not count when each is awaited: the first ones pay for connections.
const WARM_UP_RECORDS: u64 = 200;

/// How long the records of a paced run do not count.
const WARM_UP_SECONDS: u64 = 2;

pub(super) async fn run(arguments: PerfLatency) -> Result<(), Failure> {
    let producer =
        producer(PropertyList::of(&arguments.connection)?, &[("linger.ms", &arguments.linger_ms)])?;
    let report = match arguments.rate {
        None => awaited(&producer, &arguments).await?,
        Some(rate) => paced(&producer, &arguments, rate).await?,
    };
    producer.close(Duration::from_secs(30)).await?;
    report.print(arguments.json)
}

/// Each record is sent when the one before it has been acknowledged.
async fn awaited(producer: &Producer, arguments: &PerfLatency) -> Result<Report, Failure> {
    let values = values(arguments.size);
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
    Ok(Report::new("latency", arguments.records, begin.elapsed()).latencies(times))
}

/// Each record is sent when it is due, and its time runs from then: what keeps it from being sent
/// counts too.
///
/// A thread of its own keeps the time, because tokio's clock has steps of a millisecond. A task for
/// each partition awaits the deliveries, which come in the order of the records there, so that nothing is
/// woken for a record whose forerunner is still awaited.
async fn paced(producer: &Producer, arguments: &PerfLatency, rate: u32) -> Result<Report, Failure> {
    let warm_up = WARM_UP_SECONDS * u64::from(rate);
    let (count, size) = (arguments.records, arguments.size);
    let (topic, producer) = (arguments.topic.clone(), producer.clone());
    let mut waiting = JoinSet::new();
    let mut partitions = Vec::new();
    for _ in 0..producer.partitions_count(&topic).await? {
        let (sender, deliveries) = mpsc::unbounded_channel();
        waiting.spawn(awaited_in_order(deliveries));
        partitions.push(sender);
    }
    let runtime = Handle::current();
    let pacing = tokio::task::spawn_blocking(move || {
        let values = values(size);
        let begin = Instant::now();
        let due_at =
            |number: u64| begin + Duration::from_nanos(number * 1_000_000_000 / u64::from(rate));
        for (number, value) in (0..count + warm_up).zip(values.iter().cycle()) {
            let due = due_at(number);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let record = ProducerRecord::to(&topic).value(value);
            let delivery = runtime.block_on(producer.send(record))?;
            let partition = usize::try_from(delivery.partition()).unwrap_or_default();
            if let Some(partition) = partitions.get(partition) {
                let counts = number >= warm_up;
                // The other end lives until this one is dropped.
                let _ = partition.send(Sent { due, counts, delivery });
            }
        }
        Ok::<_, milena::Error>(due_at(warm_up))
    });
    let begin = pacing.await.map_err(|error| Failure::new("the pacing thread", error))??;
    let (mut times, mut failed) = (Vec::new(), 0);
    for (of_partition, failed_there) in waiting.join_all().await {
        times.extend(of_partition);
        failed += failed_there;
    }
    Ok(Report::new("latency", count, begin.elapsed()).errors(failed).latencies(times))
}

/// A record of a paced run that has been sent.
struct Sent {
    due: Instant,
    /// Whether it is none of the warm-up.
    counts: bool,
    delivery: Delivery,
}

/// The times of the records of one partition, and how many of them failed.
async fn awaited_in_order(mut deliveries: UnboundedReceiver<Sent>) -> (Vec<Duration>, u64) {
    let (mut times, mut failed) = (Vec::new(), 0);
    while let Some(Sent { due, counts, delivery }) = deliveries.recv().await {
        match delivery.await {
            Ok(_) if counts => times.push(due.elapsed()),
            Ok(_) => {}
            Err(_) => failed += 1,
        }
    }
    (times, failed)
}
