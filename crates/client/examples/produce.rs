//! Produces records of one size and prints how long it took, or awaits each one and prints the
//! latencies:
//!
//! `cargo run --release --example produce -- localhost:9092 topic 100000 100 none 5 16384`
//! `cargo run --release --example produce -- localhost:9092 topic 1000 100 await`

use std::error::Error;
use std::time::{Duration, Instant};

use milena::config::ProducerConfig;
use milena::{Producer, ProducerRecord};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or_else(|| format!("{name} is missing"));
    let servers = next("the bootstrap server")?;
    let topic = next("the topic")?;
    let count: u32 = next("the number of records")?.parse()?;
    let value = vec![b'v'; next("the size of a value")?.parse()?];
    let compression = next("the compression")?;
    let record = ProducerRecord::to(&topic).value(&value);
    if compression == "await" {
        let config = ProducerConfig::builder(servers).linger(Duration::ZERO).build()?;
        return awaited(Producer::new(config)?, record, count).await;
    }
    let config = ProducerConfig::builder(servers)
        .property("compression.type", compression)
        .property("linger.ms", next("linger.ms")?)
        .property("batch.size", next("batch.size")?)
        .build()?;
    let producer = Producer::new(config)?;
    producer.partitions_count(&topic).await?;
    let start = Instant::now();
    for _ in 0..count {
        producer.send(record).await?;
    }
    producer.flush().await?;
    println!("{count} records in {:?}: {}", start.elapsed(), producer.metrics());
    producer.close(Duration::from_secs(10)).await?;
    Ok(())
}

async fn awaited(
    producer: Producer,
    record: ProducerRecord<'_>,
    count: u32,
) -> Result<(), Box<dyn Error>> {
    let mut latencies = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        producer.send_and_wait(record).await?;
        latencies.push(start.elapsed());
    }
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied();
    println!("p50 {:?}, p99 {:?}", at(50).unwrap_or_default(), at(99).unwrap_or_default());
    producer.close(Duration::from_secs(10)).await?;
    Ok(())
}
