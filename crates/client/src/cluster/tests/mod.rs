//! The cluster against a scripted one: the test sees each request and says what is answered.

mod server;

use std::time::{Duration, Instant};

use milena_core::BrokerId;
use milena_core::metadata::{Broker, LeaderHint};
use milena_pool::Purpose;
use milena_wire::messages::find_coordinator_response::Coordinator;
use milena_wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use milena_wire::messages::{FindCoordinatorResponse, MetadataRequest, MetadataResponse};
use milena_wire::{ApiKey, ErrorCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::server::{Server, soon};
use super::{Cluster, CoordinatorKind};
use crate::ErrorKind;
use crate::config::{ClientConfig, ProducerConfig};

fn config(server: &Server) -> ClientConfig {
    let bootstrap = format!("127.0.0.1:{}", server.port());
    ProducerConfig::builder(bootstrap).build().unwrap().client
}

fn cluster(server: &Server) -> Cluster {
    Cluster::new(&config(server)).unwrap()
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A response that names the server as broker 1.
fn metadata(server: &Server, topics: &[MetadataResponseTopic]) -> MetadataResponse {
    let broker = MetadataResponseBroker {
        node_id: 1,
        host: "127.0.0.1".into(),
        port: i32::from(server.port()),
        ..MetadataResponseBroker::default()
    };
    MetadataResponse {
        brokers: vec![broker],
        controller_id: 1,
        topics: topics.to_vec(),
        ..MetadataResponse::default()
    }
}

fn topic(name: &str, leader_id: i32, leader_epoch: i32) -> MetadataResponseTopic {
    let partition = MetadataResponsePartition {
        leader_id,
        leader_epoch,
        ..MetadataResponsePartition::default()
    };
    MetadataResponseTopic {
        name: Some(name.into()),
        partitions: vec![partition],
        ..MetadataResponseTopic::default()
    }
}

fn failed(name: &str, code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(name.into()),
        error_code: code.0,
        ..MetadataResponseTopic::default()
    }
}

/// The names that a metadata request asks for.
fn asked(request: &MetadataRequest) -> Vec<String> {
    let topics = request.topics.iter().flatten();
    topics.map(|topic| topic.name.as_deref().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn topic_waits_until_it_is_created() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let broker = async {
        for code in [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::LEADER_NOT_AVAILABLE] {
            let request = server.expect(ApiKey::METADATA).await;
            let body = request.body::<MetadataRequest>();
            assert_eq!(asked(&body), ["t"]);
            assert!(body.allow_auto_topic_creation);
            request.answer(&metadata(&server, &[failed("t", code)]));
        }
        let request = server.expect(ApiKey::METADATA).await;
        request.answer(&metadata(&server, &[topic("t", 1, 4)]));
    };
    let (found, ()) = soon(async { tokio::join!(cluster.topic("t", deadline()), broker) }).await;
    let found = found.unwrap();
    assert_eq!(found.partition(0).unwrap().leader, Some(BrokerId(1)));
    assert_eq!(cluster.metadata().leader("t", 0), Some((BrokerId(1), Some(4))));
    // Known by then: no request is made.
    cluster.topic("t", deadline()).await.unwrap();
}

#[tokio::test]
async fn missing_authorization_fails_at_once() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let broker = async {
        let request = server.expect(ApiKey::METADATA).await;
        let denied = failed("t", ErrorCode::TOPIC_AUTHORIZATION_FAILED);
        request.answer(&metadata(&server, &[denied]));
    };
    let (found, ()) = soon(async { tokio::join!(cluster.topic("t", deadline()), broker) }).await;
    let error = found.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broker);
    assert_eq!(error.code(), Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    assert_eq!(error.topic(), Some("t"));
}

#[tokio::test]
async fn topic_that_is_never_created_fails_at_the_deadline_with_its_code() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let until = Instant::now() + Duration::from_millis(300);
    let found = {
        let broker = async {
            loop {
                let request = server.expect(ApiKey::METADATA).await;
                let unknown = failed("t", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
                request.answer(&metadata(&server, &[unknown]));
            }
        };
        tokio::select! {
            found = soon(cluster.topic("t", until)) => found,
            () = broker => unreachable!("the broker never ends"),
        }
    };
    assert_eq!(found.unwrap_err().code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

#[tokio::test]
async fn unreachable_cluster_is_a_timeout_that_says_why() {
    let server = Server::start().await;
    let cluster = cluster(&server);
    drop(server);
    let until = Instant::now() + Duration::from_millis(300);
    let error = soon(cluster.topic("t", until)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("cannot connect to 127.0.0.1"), "{cause}");
}

#[tokio::test]
async fn every_broker_that_cannot_be_used_is_in_the_timeout() {
    let servers = [Server::start().await, Server::start().await];
    let mut config = config(&servers[0]);
    config.bootstrap_servers.extend(self::config(&servers[1]).bootstrap_servers);
    let addresses: Vec<String> =
        config.bootstrap_servers.iter().map(|server| server.to_string()).collect();
    let cluster = Cluster::new(&config).unwrap();
    drop(servers);
    let until = Instant::now() + Duration::from_millis(500);
    let error = soon(cluster.topic("t", until)).await.unwrap_err();
    assert_eq!(error.to_string(), "timed out: nothing was learned of the topic in time (topic t)");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    for address in addresses {
        assert_eq!(cause.matches(&address).count(), 1, "{cause}");
    }
}

#[tokio::test]
async fn a_broker_that_hangs_up_after_its_versions_is_in_the_timeout() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let address = config(&server).bootstrap_servers[0].to_string();
    let until = Instant::now() + Duration::from_millis(500);
    let broker = async {
        loop {
            server.expect(ApiKey::METADATA).await.hang_up();
        }
    };
    let error = tokio::select! {
        found = soon(cluster.topic("t", until)) => found.unwrap_err(),
        () = broker => unreachable!("the broker never ends"),
    };
    let cause = std::error::Error::source(&error).unwrap().to_string();
    let expected =
        format!("connection failed: {address}: the broker answered ApiVersions and closed");
    assert!(cause.starts_with(&expected), "{cause}");
}

#[tokio::test]
async fn requested_update_reaches_subscribers() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let mut snapshots = cluster.subscribe();
    cluster.request_update();
    server.expect(ApiKey::METADATA).await.answer(&metadata(&server, &[]));
    soon(snapshots.wait_for(|snapshot| snapshot.brokers().len() == 1)).await.unwrap();
    cluster.pin_topics(["t"]);
    let request = server.expect(ApiKey::METADATA).await;
    assert_eq!(asked(&request.body()), ["t"]);
    request.answer(&metadata(&server, &[topic("t", 1, 1)]));
    soon(snapshots.wait_for(|snapshot| snapshot.topic("t").is_some())).await.unwrap();
}

#[tokio::test]
async fn leader_hint_is_applied_and_published() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let broker = async {
        let request = server.expect(ApiKey::METADATA).await;
        request.answer(&metadata(&server, &[topic("t", 1, 4)]));
    };
    let (found, ()) = soon(async { tokio::join!(cluster.topic("t", deadline()), broker) }).await;
    found.unwrap();
    let snapshots = cluster.subscribe();
    let endpoint =
        Broker { id: BrokerId(2), host: "127.0.0.1".into(), port: server.port(), rack: None };
    let hint = LeaderHint {
        topic: "t".into(),
        partition: 0,
        leader: BrokerId(2),
        leader_epoch: 5,
        endpoint: Some(endpoint),
    };
    assert!(cluster.apply_leader_hint(&hint));
    assert!(!cluster.apply_leader_hint(&hint), "the second time it is no news");
    assert!(snapshots.has_changed().unwrap());
    let (leader, _) = cluster.metadata().leader("t", 0).unwrap();
    soon(cluster.connection(leader, Purpose::Produce)).await.unwrap();
}

#[tokio::test]
async fn coordinator_is_looked_up_until_there_is_one_and_then_remembered() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let answer = |error: ErrorCode, node_id| {
        let coordinator = Coordinator {
            key: "group".into(),
            error_code: error.0,
            node_id,
            host: "127.0.0.1".into(),
            port: i32::from(server.port()),
            ..Coordinator::default()
        };
        FindCoordinatorResponse {
            coordinators: vec![coordinator],
            ..FindCoordinatorResponse::default()
        }
    };
    let port = server.port();
    let answers = [
        answer(ErrorCode::COORDINATOR_NOT_AVAILABLE, -1),
        answer(ErrorCode::NONE, 5),
        answer(ErrorCode::NONE, 6),
    ];
    let broker = async {
        let mut answers = answers.iter();
        while answers.len() > 0 {
            let request = server.next().await;
            if request.api_key == ApiKey::METADATA {
                request.answer(&metadata_of(port));
            } else {
                request.answer(answers.next().unwrap());
            }
        }
        server
    };
    let client = async {
        let find = || cluster.coordinator("group", CoordinatorKind::Group, deadline());
        let first = find().await.unwrap();
        assert_eq!(find().await.unwrap(), first);
        cluster.connection(first, Purpose::Coordinator).await.unwrap();
        cluster.forget_coordinator("group", CoordinatorKind::Group);
        (first, find().await.unwrap())
    };
    let (found, _server) = soon(async { tokio::join!(client, broker) }).await;
    assert_eq!(found, (BrokerId(5), BrokerId(6)));
}

fn metadata_of(port: u16) -> MetadataResponse {
    let broker = MetadataResponseBroker {
        node_id: 1,
        host: "127.0.0.1".into(),
        port: i32::from(port),
        ..MetadataResponseBroker::default()
    };
    MetadataResponse { brokers: vec![broker], ..MetadataResponse::default() }
}

#[tokio::test]
async fn refused_group_is_an_error_at_once() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let broker = async {
        loop {
            let request = server.next().await;
            if request.api_key == ApiKey::METADATA {
                request.answer(&metadata(&server, &[]));
                continue;
            }
            let coordinator = Coordinator {
                error_code: ErrorCode::GROUP_AUTHORIZATION_FAILED.0,
                ..Coordinator::default()
            };
            request.answer(&FindCoordinatorResponse {
                coordinators: vec![coordinator],
                ..FindCoordinatorResponse::default()
            });
            return;
        }
    };
    let find = cluster.coordinator("group", CoordinatorKind::Group, deadline());
    let (found, ()) = soon(async { tokio::join!(find, broker) }).await;
    let error = found.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::GROUP_AUTHORIZATION_FAILED));
    assert!(!error.is_retriable());
}

#[tokio::test]
async fn controller_is_the_broker_that_metadata_names() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let broker = async {
        server.expect(ApiKey::METADATA).await.answer(&metadata(&server, &[]));
    };
    let (connection, ()) = soon(async { tokio::join!(cluster.controller(), broker) }).await;
    assert_eq!(connection.unwrap().target().port, server.port());
}

#[tokio::test]
async fn closing_wakes_those_who_wait_and_refuses_those_who_come() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let waiting = tokio::spawn({
        let cluster = cluster.clone();
        async move { cluster.topic("t", deadline()).await }
    });
    let _unanswered = server.expect(ApiKey::METADATA).await;
    cluster.close();
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let error = soon(cluster.any_connection()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let error = soon(cluster.connection(BrokerId(1), Purpose::Fetch)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn last_handle_ends_the_task() {
    let mut server = Server::start().await;
    let cluster = cluster(&server);
    let inner = std::sync::Arc::downgrade(&cluster.inner);
    cluster.request_update();
    server.expect(ApiKey::METADATA).await.answer(&metadata(&server, &[]));
    drop(cluster);
    soon(async {
        while inner.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn failure_that_does_not_pass_is_tried_again_only_when_somebody_asks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bootstrap = listener.local_addr().unwrap().to_string();
    let config = ProducerConfig::builder(bootstrap).build().unwrap().client;
    let cluster = Cluster::new(&config).unwrap();
    let (accepted, mut attempts) = watch::channel(0);
    // A web server.
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            accepted.send_modify(|count| *count += 1);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    });
    for attempt in 1..=2 {
        let deadline = tokio::time::Instant::now().into_std() + Duration::from_secs(60);
        let error = cluster.topic("t", deadline).await.unwrap_err();
        assert!(!error.is_retriable() && error.to_string().contains("HTTP"), "{error}");
        // Virtual time: it passes when nothing else has anything to do.
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(*attempts.borrow_and_update(), attempt);
    }
}
