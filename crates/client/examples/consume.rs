//! Consumes topics as a member of a group and prints what comes, until nothing came for some
//! seconds:
//!
//! `cargo run --example consume -- localhost:9092 group cooperative-sticky 10 topic...`

use std::{error::Error, time::Duration};

use milena::{Consumer, RebalanceListener, TopicPartition, config::ConsumerConfig};

struct Report;

impl RebalanceListener for Report {
    async fn on_partitions_assigned(&self, _: &Consumer, partitions: &[TopicPartition]) {
        eprintln!("assigned {partitions:?}");
    }

    async fn on_partitions_revoked(&self, _: &Consumer, partitions: &[TopicPartition]) {
        eprintln!("revoked {partitions:?}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or_else(|| format!("{name} is missing"));
    let config = ConsumerConfig::builder(next("the bootstrap server")?)
        .group_id(next("the group")?)
        .property("partition.assignment.strategy", next("the assignor")?)
        .property("auto.offset.reset", "earliest")
        .build()?;
    let quiet = Duration::from_secs(next("the number of quiet seconds")?.parse()?);
    let consumer = Consumer::new(config)?;
    consumer.set_rebalance_listener(Report);
    consumer.subscribe(arguments)?;
    loop {
        let records = consumer.poll(quiet).await?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            let value = String::from_utf8_lossy(record.value.unwrap_or_default());
            println!("{}-{} {} {value}", record.topic, record.partition, record.offset);
        }
    }
    consumer.close(Duration::from_secs(10)).await?;
    Ok(())
}
