//! The connections to several brokers.

use std::time::Duration;

use milena_core::BrokerId;
use milena_core::backoff::Backoff;
use milena_pool::{
    BrokerPool, BrokerPoolConfig, ConnectErrorKind, ConnectionConfig, HostPort, Purpose,
};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::scripted::{Listener, metadata_request, numbered_response, soon};

const BROKER: BrokerId = BrokerId(3);

fn address(listener: &Listener) -> HostPort {
    HostPort::new("127.0.0.1", listener.port())
}

/// An address that refuses connections.
async fn refusing() -> HostPort {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    HostPort::new("127.0.0.1", closed.local_addr().unwrap().port())
}

fn pool(bootstrap_servers: Vec<HostPort>) -> BrokerPool {
    let reconnect_backoff = Backoff::new(Duration::from_secs(8), Duration::from_secs(64));
    let connection = ConnectionConfig { reconnect_backoff, ..ConnectionConfig::default() };
    BrokerPool::new(BrokerPoolConfig { connection, bootstrap_servers })
}

#[tokio::test]
async fn callers_share_one_attempt_and_one_connection() {
    let listener = Listener::start().await;
    let pool = pool(Vec::new());
    pool.set_brokers([(BROKER, address(&listener))]);
    let connect = || soon(pool.connection(BROKER, Purpose::Fetch));
    let (first, second, mut peer) =
        tokio::join!(connect(), connect(), listener.accept_negotiated());
    let third = connect().await.unwrap();
    let pending = [first.unwrap(), second.unwrap(), third].map(|connection| async move {
        connection.send(&metadata_request()).await.unwrap().controller_id
    });
    let answers = async {
        for number in 0..3 {
            let request = peer.receive().await;
            peer.answer(&request, &numbered_response(number)).await;
        }
    };
    let [a, b, c] = pending;
    let (a, b, c, ()) = soon(async { tokio::join!(a, b, c, answers) }).await;
    let mut numbers = [a, b, c];
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(pool.connections(), 1);
}

#[tokio::test]
async fn purposes_have_connections_of_their_own() {
    let listener = Listener::start().await;
    let pool = pool(Vec::new());
    pool.set_brokers([(BROKER, address(&listener))]);
    for purpose in [Purpose::Fetch, Purpose::Produce] {
        let (connection, _peer) =
            tokio::join!(soon(pool.connection(BROKER, purpose)), listener.accept_negotiated());
        connection.unwrap();
    }
}

#[tokio::test]
async fn caller_that_gives_up_does_not_stop_the_attempt() {
    let listener = Listener::start().await;
    let pool = pool(Vec::new());
    pool.set_brokers([(BROKER, address(&listener))]);
    {
        let given_up = pool.connection(BROKER, Purpose::Control);
        tokio::pin!(given_up);
        let is_ready = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(given_up.as_mut().poll(cx).is_ready())
        });
        assert!(!is_ready.await);
    }
    let (connection, _peer) =
        tokio::join!(soon(pool.connection(BROKER, Purpose::Control)), listener.accept_negotiated());
    connection.unwrap();
    assert_eq!(pool.connections(), 1);
}

#[tokio::test]
async fn unknown_broker_is_an_error() {
    let error = pool(Vec::new()).connection(BROKER, Purpose::Control).await.unwrap_err();
    assert!(matches!(error.kind(), ConnectErrorKind::UnknownBroker(BROKER)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn failed_attempts_are_followed_by_growing_pauses() {
    let pool = pool(Vec::new());
    pool.set_brokers([(BROKER, refusing().await)]);
    let mut elapsed = Vec::new();
    for _ in 0..4 {
        let begin = Instant::now();
        pool.connection(BROKER, Purpose::Control).await.unwrap_err();
        elapsed.push(begin.elapsed().as_secs_f64());
    }
    let expected = [0.0, 8.0, 16.0, 32.0];
    for (elapsed, expected) in elapsed.iter().zip(expected) {
        let spread = expected * 0.2 + 0.5;
        assert!((elapsed - expected).abs() <= spread, "{elapsed} instead of {expected}");
    }
}

#[tokio::test]
async fn moved_broker_gets_a_new_connection() {
    let (old, new) = (Listener::start().await, Listener::start().await);
    let pool = pool(Vec::new());
    pool.set_brokers([(BROKER, address(&old))]);
    let (connection, mut peer) =
        tokio::join!(soon(pool.connection(BROKER, Purpose::Control)), old.accept_negotiated());
    drop(connection.unwrap());
    pool.set_brokers([(BROKER, address(&new))]);
    peer.closed().await;
    let (connection, _peer) =
        tokio::join!(soon(pool.connection(BROKER, Purpose::Control)), new.accept_negotiated());
    assert_eq!(connection.unwrap().target(), &address(&new));
}

#[tokio::test]
async fn lost_connection_is_made_again() {
    let listener = Listener::start().await;
    let pool = pool(Vec::new());
    pool.set_brokers([(BROKER, address(&listener))]);
    let connect = || soon(pool.connection(BROKER, Purpose::Control));
    let (first, peer) = tokio::join!(connect(), listener.accept_negotiated());
    let first = first.unwrap();
    let timeout = Duration::from_secs(60);
    let pending = first.start(&metadata_request(), 12, timeout).unwrap();
    drop(peer);
    soon(pending).await.unwrap_err();
    let (second, _peer) = tokio::join!(connect(), listener.accept_negotiated());
    assert!(!second.unwrap().is_closed());
}

#[tokio::test]
async fn bootstrap_goes_on_to_servers_that_answer() {
    let listener = Listener::start().await;
    let pool = pool(vec![refusing().await, address(&listener), refusing().await]);
    let (connection, _peer) = tokio::join!(soon(pool.bootstrap()), listener.accept_negotiated());
    assert_eq!(connection.unwrap().target(), &address(&listener));
    // The connection serves again, and becomes the broker's when the broker is known.
    assert_eq!(soon(pool.bootstrap()).await.unwrap().target(), &address(&listener));
    pool.set_brokers([(BROKER, address(&listener))]);
    soon(pool.connection(BROKER, Purpose::Control)).await.unwrap();
    assert_eq!(pool.connections(), 1);
}

#[tokio::test]
async fn bootstrap_without_any_server_fails_with_the_error_that_says_most() {
    let http = Listener::start().await;
    let pool = pool(vec![refusing().await, address(&http)]);
    let broker = async {
        let mut peer = http.accept().await;
        peer.receive().await;
        peer.send_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    };
    let (connection, ()) = tokio::join!(soon(pool.bootstrap()), broker);
    let error = connection.unwrap_err();
    assert!(error.to_string().contains("HTTP"), "{error}");
}

#[tokio::test]
async fn no_bootstrap_server_at_all_is_an_error() {
    let error = pool(Vec::new()).bootstrap().await.unwrap_err();
    assert!(matches!(error.kind(), ConnectErrorKind::NoBootstrapServer), "{error:?}");
}

#[tokio::test]
async fn any_prefers_a_connection_that_is_there() {
    let (idle, connected) = (Listener::start().await, Listener::start().await);
    let pool = pool(Vec::new());
    pool.set_brokers([(BrokerId(1), address(&idle)), (BROKER, address(&connected))]);
    let (connection, _peer) = tokio::join!(
        soon(pool.connection(BROKER, Purpose::Control)),
        connected.accept_negotiated()
    );
    connection.unwrap();
    for _ in 0..5 {
        assert_eq!(soon(pool.any()).await.unwrap().target(), &address(&connected));
    }
}

#[tokio::test]
async fn closed_pool_connects_no_more_and_answers_what_is_under_way() {
    let listener = Listener::start().await;
    let pool = pool(vec![address(&listener)]);
    pool.set_brokers([(BROKER, address(&listener))]);
    let (connection, mut peer) =
        tokio::join!(soon(pool.connection(BROKER, Purpose::Control)), listener.accept_negotiated());
    let connection = connection.unwrap();
    let timeout = Duration::from_secs(60);
    let pending = connection.start(&metadata_request(), 12, timeout).unwrap();
    drop(connection);
    pool.close();
    let request = peer.receive().await;
    peer.answer(&request, &numbered_response(2)).await;
    assert_eq!(soon(pending).await.unwrap().controller_id, 2);
    peer.closed().await;
    let error = pool.connection(BROKER, Purpose::Control).await.unwrap_err();
    assert!(matches!(error.kind(), ConnectErrorKind::Closed), "{error:?}");
    let error = pool.bootstrap().await.unwrap_err();
    assert!(matches!(error.kind(), ConnectErrorKind::Closed), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn broker_that_hangs_does_not_hold_up_the_others() {
    let (hung, alive) = (Listener::start().await, Listener::start().await);
    for _ in 0..4 {
        let pool = pool(Vec::new());
        pool.set_brokers([(BrokerId(1), address(&hung)), (BrokerId(2), address(&alive))]);
        let begin = Instant::now();
        let (connection, _peer) = tokio::join!(pool.any(), alive.accept_negotiated());
        assert_eq!(connection.unwrap().target(), &address(&alive));
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    }
}
