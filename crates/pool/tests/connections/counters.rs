//! What a pool counts, against what goes over the wire.

use std::time::Duration;

use milena_core::BrokerId;
use milena_core::backoff::Backoff;
use milena_pool::{
    BrokerPool, BrokerPoolConfig, ConnectionConfig, ConnectionCounts, HostPort, Purpose,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::scripted::{Listener, metadata_request, numbered_response, soon};

const BROKER: BrokerId = BrokerId(3);

/// A time that no request here takes.
const LONG: Duration = Duration::from_secs(60);

/// Passes one connection on to `port`; ends with the bytes that went there and came back.
async fn relay(port: u16) -> (HostPort, JoinHandle<(u64, u64)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = HostPort::new("127.0.0.1", listener.local_addr().unwrap().port());
    let task = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut broker = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        copy_bidirectional(&mut client, &mut broker).await.unwrap()
    });
    (address, task)
}

fn pool() -> BrokerPool {
    let reconnect_backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
    let connection = ConnectionConfig { reconnect_backoff, ..ConnectionConfig::default() };
    BrokerPool::new(BrokerPoolConfig { connection, bootstrap_servers: Vec::new() })
}

async fn counts_when(
    pool: &BrokerPool,
    is_so: impl Fn(&ConnectionCounts) -> bool,
) -> ConnectionCounts {
    soon(async {
        loop {
            let counts = pool.counts();
            if is_so(&counts) {
                return counts;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn requests_bytes_and_connections_are_counted() {
    let listener = Listener::start().await;
    let pool = pool();
    assert_eq!(pool.counts(), ConnectionCounts::default());
    let (address, relayed) = relay(listener.port()).await;
    pool.set_brokers([(BROKER, address)]);
    let (connection, mut peer) =
        tokio::join!(soon(pool.connection(BROKER, Purpose::Fetch)), listener.accept_negotiated());
    let connection = connection.unwrap();
    let counts = pool.counts();
    assert_eq!((counts.connections_made, counts.connections_open), (1, 1));
    assert_eq!((counts.requests_sent, counts.requests_in_flight), (1, 0), "ApiVersions");

    let version = connection.api_versions().highest::<milena_wire::messages::MetadataRequest>();
    let start = || connection.start(&metadata_request(), version.unwrap(), LONG).unwrap();
    let first = start();
    let request = peer.receive().await;
    assert_eq!((pool.counts().requests_sent, pool.counts().requests_in_flight), (2, 1));
    peer.answer(&request, &numbered_response(7)).await;
    soon(first).await.unwrap();
    assert_eq!(pool.counts().requests_in_flight, 0);

    // One that nobody waits for is no failure; the other is.
    drop(start());
    let second = start();
    for _ in 0..2 {
        peer.receive().await;
    }
    drop(peer);
    soon(second).await.unwrap_err();
    let counts = pool.counts();
    let (bytes_out, bytes_in) = soon(relayed).await.unwrap();
    let expected = (4, 1, 0, bytes_out, bytes_in);
    let requests = (counts.requests_sent, counts.requests_failed, counts.requests_in_flight);
    let (sent, failed, in_flight) = requests;
    assert_eq!((sent, failed, in_flight, counts.bytes_out, counts.bytes_in), expected);
    assert_eq!((counts.connections_lost, counts.connections_open), (1, 0));
    assert_eq!(counts.connections_failed, 0);
}

#[tokio::test]
async fn attempts_that_fail_are_counted_and_closing_is_no_loss() {
    let listener = Listener::start().await;
    let pool = pool();
    pool.set_brokers([(BROKER, HostPort::new("127.0.0.1", listener.port()))]);
    // The peer hangs up before it has told its versions: no connection comes of it.
    let hang_up = async { drop(listener.accept_raw().await) };
    let (refused, ()) = tokio::join!(soon(pool.connection(BROKER, Purpose::Control)), hang_up);
    refused.unwrap_err();
    let counts = pool.counts();
    assert_eq!((counts.connections_failed, counts.connections_made), (1, 0));
    assert_eq!(counts.connections_open, 0);

    let (connection, _peer) =
        tokio::join!(soon(pool.connection(BROKER, Purpose::Control)), listener.accept_negotiated());
    drop(connection.unwrap());
    assert_eq!(pool.counts().connections_open, 1);
    pool.close();
    let counts = counts_when(&pool, |counts| counts.connections_open == 0).await;
    assert_eq!((counts.connections_made, counts.connections_lost), (1, 0));
    assert_eq!((counts.requests_in_flight, counts.connections_failed), (0, 1));
}
