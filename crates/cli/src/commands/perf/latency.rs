//! `milena perf latency`: how long it takes until a record is acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use milena::producer::{Producer, ProducerRecord};
use tokio::{runtime::Handle, sync::mpsc};

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
/// A thread of its own keeps the time, because tokio's clock has steps of a millisecond.
async fn paced(producer: &Producer, arguments: &PerfLatency, rate: u32) -> Result<Report, Failure> {
    let warm_up = WARM_UP_SECONDS * u64::from(rate);
    let (count, size) = (arguments.records, arguments.size);
    let (topic, producer) = (arguments.topic.clone(), producer.clone());
    producer.partitions_count(&topic).await?;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let failed = Arc::new(AtomicU64::new(0));
    let runtime = Handle::current();
    let failures = Arc::clone(&failed);
    let pacing = tokio::task::spawn_blocking(move || {
        let values = values(size);
        let begin = Instant::now();
        let due_at = |number| begin + Duration::from_secs(1) * number / rate;
        for (number, value) in
            (0..).zip(values.iter().cycle()).take_while(|(n, _)| u64::from(*n) < count + warm_up)
        {
            let due: Instant = due_at(number);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let record = ProducerRecord::to(&topic).value(value);
            let delivery = runtime.block_on(producer.send(record))?;
            let (sender, failures) = (sender.clone(), Arc::clone(&failures));
            runtime.spawn(async move {
                match delivery.await {
                    Ok(_) if u64::from(number) >= warm_up => drop(sender.send(due.elapsed())),
                    Ok(_) => {}
                    Err(_) => drop(failures.fetch_add(1, Ordering::Relaxed)),
                }
            });
        }
        Ok::<_, milena::Error>(due_at(u32::try_from(warm_up).unwrap_or(u32::MAX)))
    });
    let mut times = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    while let Some(time) = receiver.recv().await {
        times.push(time);
    }
    let begin = pacing.await.map_err(|error| Failure::new("the pacing thread", error))??;
    Ok(Report::new("latency", count, begin.elapsed())
        .errors(failed.load(Ordering::Relaxed))
        .latencies(times))
}
