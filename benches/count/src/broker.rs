//! A broker in a process of its own: its instructions are nobody's but its own.
//!
//! The tool that counts follows no child, so the broker runs at full speed besides.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

use milena::{Producer, ProducerRecord, config::ProducerConfig};
use milena_broker::Broker;

/// Stands in the place of a work's name where the process is a broker.
pub(crate) const ARGUMENT: &str = "broker";

/// The topic that every broker has, of one partition.
pub(crate) const TOPIC: &str = "t";

/// The value of every record.
pub(crate) const VALUE: [u8; 100] = [b'v'; 100];

/// A broker that runs until this is dropped.
pub(crate) struct OtherProcess {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl OtherProcess {
    /// Starts a broker whose topic has so many records.
    pub(crate) fn start(records: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([ARGUMENT, &records.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().to_owned();
        assert!(!address.is_empty(), "the broker has not started");
        Self { child, address }
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// Is the broker: tells where it listens, and ends when its input does.
pub(crate) fn serve(records: usize) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let broker = Broker::builder().topic(TOPIC, 1).start().await.unwrap();
        let config = ProducerConfig::builder(broker.bootstrap_servers()).build().unwrap();
        let producer = Producer::new(config).unwrap();
        for _ in 0..records {
            drop(producer.send(ProducerRecord::to(TOPIC).value(&VALUE)).await.unwrap());
        }
        producer.flush().await.unwrap();
        println!("{}", broker.bootstrap_servers());
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        end.await.unwrap().unwrap();
    });
}
