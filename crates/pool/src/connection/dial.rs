//! From a name to a TCP connection: every address is tried.
//!
//! Addresses are tried in the order of the resolver with the families alternating. The next one
//! starts when the one before has failed or has not answered for [`STAGGER`]; the first that
//! connects wins.
//!
//! Spec: KIP-302#proposed-changes, RFC8305#5.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::config::{ConnectionConfig, HostPort};
use crate::error::ConnectErrorKind;

/// How long an address may be silent before the next one is tried too (RFC 8305, 5).
const STAGGER: Duration = Duration::from_millis(250);

/// Socket options.
#[derive(Clone, Copy, Debug)]
struct SocketOptions {
    send_buffer_bytes: Option<u32>,
    receive_buffer_bytes: Option<u32>,
}

/// Connects to the first address of `target` that accepts.
pub(super) async fn tcp(
    target: &HostPort,
    config: &ConnectionConfig,
) -> Result<TcpStream, ConnectErrorKind> {
    let found = lookup_host((target.host.as_str(), target.port)).await;
    let addresses = alternating(found.map_err(ConnectErrorKind::Resolve)?);
    if addresses.is_empty() {
        return Err(ConnectErrorKind::NoAddress);
    }
    let options = SocketOptions {
        send_buffer_bytes: config.send_buffer_bytes,
        receive_buffer_bytes: config.receive_buffer_bytes,
    };
    first_accepting(addresses, options).await
}

async fn first_accepting(
    addresses: Vec<SocketAddr>,
    options: SocketOptions,
) -> Result<TcpStream, ConnectErrorKind> {
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut errors = Vec::new();
    let mut next_at = Instant::now();
    loop {
        if Instant::now() >= next_at
            && let Some(address) = waiting.next()
        {
            attempts.spawn(async move { (address, open(address, options).await) });
            next_at = Instant::now() + STAGGER;
        }
        tokio::select! {
            attempt = attempts.join_next() => match attempt {
                Some(Ok((_, Ok(stream)))) => return Ok(stream),
                Some(Ok((address, Err(error)))) => {
                    errors.push((address, error));
                    next_at = Instant::now();
                }
                Some(Err(_)) => next_at = Instant::now(),
                None if waiting.len() == 0 => return Err(ConnectErrorKind::Refused(errors)),
                None => next_at = Instant::now(),
            },
            () = sleep_until(next_at), if waiting.len() > 0 => {}
        }
    }
}

async fn open(address: SocketAddr, options: SocketOptions) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(bytes) = options.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.set_keepalive(true)?;
    let stream = socket.connect(address).await?;
    // Requests are written whole, so waiting for more to write only costs time.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Each address once, the families taking turns, beginning with the first one's.
fn alternating(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let Some(first) = unique.first().copied() else { return unique };
    let (preferred, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        unique.into_iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut other = other.into_iter();
    let mut ordered: Vec<SocketAddr> = Vec::new();
    for address in preferred {
        ordered.push(address);
        ordered.extend(other.next());
    }
    ordered.extend(other);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn families_take_turns() {
        let given = ["[::1]:1", "[::2]:1", "[::1]:1", "1.1.1.1:1", "[::3]:1"];
        let ordered = alternating(given.iter().map(|address| address.parse().unwrap()));
        let ordered: Vec<String> = ordered.iter().map(ToString::to_string).collect();
        assert_eq!(ordered, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
    }

    #[tokio::test]
    async fn tries_the_next_address_when_one_refuses() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepting = listener.local_addr().unwrap();
        let options =
            SocketOptions { send_buffer_bytes: Some(1 << 16), receive_buffer_bytes: None };
        let stream = first_accepting(vec![refusing, accepting], options).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), accepting);
        let error = first_accepting(vec![refusing], options).await.unwrap_err();
        assert!(matches!(error, ConnectErrorKind::Refused(attempts) if attempts.len() == 1));
    }
}
