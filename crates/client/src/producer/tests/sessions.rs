//! Sessions that end: a busy producer authenticates again on its live connections.
//!
//! Spec-test: KIP-368#proposed-changes.

use std::collections::BTreeSet;

use milena_wire::ApiKey;

use super::*;
use crate::config::{Sasl, SecurityProtocol};
use crate::producer::ProducerRecord;

const LIFETIME: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);

/// The requests of an API, by connection.
fn connections_with(broker: &Broker, api_key: ApiKey) -> Vec<u64> {
    let seen = broker.faults().requests();
    seen.iter().filter(|request| request.api_key == api_key).map(|seen| seen.connection).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_producer_renews_its_sessions_and_loses_neither_records_nor_connections() {
    let broker = start(|builder| {
        builder.topic("t", 1).user("alice", "secret").connections_max_reauth(LIFETIME)
    })
    .await;
    let config = config(&broker)
        .security_protocol(SecurityProtocol::SaslPlaintext)
        .sasl(Sasl::scram_sha_512("alice", "secret"));
    let producer = Producer::new(config.build().unwrap()).unwrap();
    let begin = Instant::now();
    let mut sent = 0;
    // Until the connection that carries the records has authenticated three times.
    loop {
        assert!(begin.elapsed() < PATIENCE, "the sessions are not renewed");
        let deliveries: Vec<_> = futures_util::future::join_all(
            (0..50).map(|_| producer.send_and_wait(ProducerRecord::to("t").value("x"))),
        )
        .await;
        for delivery in deliveries {
            delivery.unwrap();
            sent += 1;
        }
        let carrying: BTreeSet<u64> =
            connections_with(&broker, ApiKey::PRODUCE).into_iter().collect();
        assert_eq!(carrying.len(), 1, "every record goes over one connection");
        let renewed = connections_with(&broker, ApiKey::SASL_HANDSHAKE);
        if renewed.iter().filter(|connection| carrying.contains(connection)).count() >= 3 {
            break;
        }
    }
    assert!(begin.elapsed() > LIFETIME);
    let metrics = producer.metrics();
    assert_eq!(
        (metrics.connections_lost, metrics.batches_retried, metrics.records_failed),
        (0, 0, 0)
    );
    assert_eq!(broker.offsets("t", 0).unwrap(), (0, sent));
    producer.close(PATIENCE).await.unwrap();
}
