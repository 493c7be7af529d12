//! Several nodes: leaders and coordinators that move, nodes that stop and start.

use milena_broker::{Broker, CommandError};
use milena_wire::ErrorCode;
use milena_wire::messages::metadata_request::MetadataRequestTopic;
use milena_wire::messages::{MetadataRequest, MetadataResponse};

use crate::raw::{Client, code, idempotent, values};

async fn metadata(client: &mut Client) -> MetadataResponse {
    let topic = MetadataRequestTopic { name: Some("t".into()), ..Default::default() };
    client.ask(12, &MetadataRequest { topics: Some(vec![topic]), ..Default::default() }).await
}

fn index(node_id: i32) -> usize {
    usize::try_from(node_id - 1).unwrap()
}

#[test]
fn a_broker_can_be_shared_between_threads() {
    const fn can<T: Send + Sync + 'static>() {}
    can::<(Broker, milena_broker::BrokerBuilder, milena_broker::Fault)>();
}

#[tokio::test]
async fn only_the_leader_serves_and_a_moved_leader_has_a_new_epoch() {
    let broker = Broker::builder().nodes(3).topic("t", 6).start().await.unwrap();
    let mut any = Client::connect(&broker).await;
    let leaders: Vec<_> =
        metadata(&mut any).await.topics[0].partitions.iter().map(|one| one.leader_id).collect();
    for node in 1..=3 {
        assert_eq!(
            leaders.iter().filter(|&&leader| leader == node).count(),
            2,
            "leaders are spread: {leaders:?}"
        );
    }
    let old = broker.leader("t", 0).unwrap().unwrap();
    let new = broker.node_ids().into_iter().find(|&node| node != old).unwrap();
    let mut old_leader = Client::connect_node(&broker, index(old)).await;
    old_leader.produce_values("t", 0, &["a"]).await;
    assert_eq!(broker.move_leader("t", 0, new), Ok(1));
    let refused = old_leader.produce("t", 0, idempotent(-1, -1, -1, &["b"])).await;
    assert_eq!(code(refused.error_code), ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!((refused.current_leader.leader_id, refused.current_leader.leader_epoch), (new, 1));
    assert_eq!(
        code(old_leader.fetch("t", 0, 0).await.error_code),
        ErrorCode::NOT_LEADER_OR_FOLLOWER
    );
    let mut new_leader = Client::connect_node(&broker, index(new)).await;
    assert_eq!(new_leader.produce_values("t", 0, &["b"]).await, 1);
    assert_eq!(values(&new_leader.fetch("t", 0, 0).await).len(), 2);
    assert_eq!(broker.move_leader("t", 0, 9), Err(CommandError::UnknownNode { node_id: 9 }));
}

#[tokio::test]
async fn a_stopped_node_hands_over_what_has_another_replica() {
    let broker = Broker::builder()
        .nodes(2)
        .topic_with("t", 2, 2, [])
        .topic("single", 2)
        .start()
        .await
        .unwrap();
    let mut first = Client::connect_node(&broker, 0).await;
    let mut second = Client::connect_node(&broker, 1).await;
    broker.stop_node(2).await.unwrap();
    assert_eq!(second.receive_frame().await, None, "its connections are cut");
    let described = metadata(&mut first).await;
    assert_eq!(described.brokers.len(), 1);
    for partition in &described.topics[0].partitions {
        assert_eq!((partition.leader_id, &partition.offline_replicas[..]), (1, &[2][..]));
    }
    let leaders = [0, 1].map(|partition| broker.leader("single", partition).unwrap());
    assert!(leaders.contains(&None), "{leaders:?}");

    broker.start_node(2).await.unwrap();
    let leaders = [0, 1].map(|partition| broker.leader("single", partition).unwrap());
    assert!(leaders.contains(&Some(2)), "{leaders:?}");
    assert_eq!(metadata(&mut first).await.topics[0].partitions[0].isr_nodes.len(), 2);
    let mut second = Client::connect_node(&broker, 1).await;
    assert_eq!(metadata(&mut second).await.brokers.len(), 2);
}

#[tokio::test]
async fn a_moved_coordinator_refuses_at_its_old_place() {
    let broker = Broker::builder().nodes(2).start().await.unwrap();
    let old = broker.group_coordinator("g").unwrap();
    let new = 3 - old;
    broker.move_group_coordinator("g", new).unwrap();
    assert_eq!(broker.group_coordinator("g"), Some(new));
    broker.stop_node(new).await.unwrap();
    assert_eq!(broker.group_coordinator("g"), Some(old));
}

#[tokio::test]
async fn a_shutdown_ends_waiting_fetches_and_frees_the_port() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let address = broker.bootstrap_servers();
    let mut client = Client::connect(&broker).await;
    let mut request = crate::raw::fetch_request("t", &[(0, 0)]);
    request.max_wait_ms = 60_000;
    client.send(crate::raw::FETCH_BY_NAME, &request).await;
    while broker.faults().requests().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(crate::raw::DEADLINE, broker.shutdown()).await.unwrap();
    assert_eq!(client.receive_frame().await, None);
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let again = Broker::builder().port(port).start().await.unwrap();
    assert_eq!(again.bootstrap_servers(), address);
}
