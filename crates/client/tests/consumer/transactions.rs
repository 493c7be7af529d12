//! Records of transactions, by isolation level.

use milena::{Consumer, config::IsolationLevel};

use crate::support::*;

#[tokio::test]
async fn read_committed_leaves_aborted_records_and_markers_out() {
    let broker = broker("t", 1).await;
    let values = |name: &str| -> Vec<String> { (0..5).map(|n| format!("{name}{n}")).collect() };
    transaction(&broker, "a", &values("aborted"), false).await;
    produce(&broker, 0, 0..3).await;
    transaction(&broker, "b", &values("committed"), true).await;
    transaction(&broker, "a", &values("again"), false).await;
    transaction(&broker, "a", &values("kept"), true).await;
    for (level, expected) in
        [(IsolationLevel::ReadUncommitted, 23), (IsolationLevel::ReadCommitted, 13)]
    {
        let config = config(&broker, |builder| builder.isolation_level(level).max_poll_records(2));
        let consumer = Consumer::new(config).unwrap();
        consumer.assign([tp("t", 0)]).unwrap();
        let mut seen = Seen::default();
        poll_until(&consumer, &mut seen, |seen| seen.count() >= expected).await.unwrap();
        let values: Vec<&str> = seen.0[&tp("t", 0)].iter().map(|(_, v)| v.as_str()).collect();
        assert_eq!(values.len(), expected);
        let sees_aborted =
            values.iter().any(|v| v.starts_with("aborted") || v.starts_with("again"));
        assert_eq!(sees_aborted, level == IsolationLevel::ReadUncommitted);
        // The position goes on behind the last marker.
        let at = tp("t", 0);
        within(async {
            while consumer.position(&at).await.unwrap().offset != 27 {
                assert!(consumer.poll(PATIENCE / 100).await.unwrap().is_empty());
            }
        })
        .await;
    }
}
