//! Bootstrap names replaced by canonical names (`client.dns.lookup`, KIP-235).
//!
//! Kerberos needs the name that a broker's address leads back to.

use std::net::SocketAddr;

use tokio::net::lookup_host;

use crate::config::HostPort;

/// The canonical name of every address of every server. A server that cannot be looked up stays as
/// it is, so that connecting to it tells why; an address without a name stands for itself.
pub(crate) async fn names(servers: &[HostPort]) -> Vec<HostPort> {
    let mut names = Vec::new();
    for server in servers {
        let Ok(addresses) = lookup_host((server.host.as_str(), server.port)).await else {
            names.push(server.clone());
            continue;
        };
        for address in addresses {
            let name = HostPort::new(name_of(address).await, server.port);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

async fn name_of(address: SocketAddr) -> String {
    let ip = address.ip();
    let found = tokio::task::spawn_blocking(move || dns_lookup::lookup_addr(&ip)).await;
    match found {
        Ok(Ok(name)) => name,
        _ => ip.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn address_gives_one_name_and_keeps_its_port() {
        let found = names(&[HostPort::new("127.0.0.1", 9093)]).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found.iter().all(|server| server.port == 9093 && !server.host.is_empty()));
    }

    #[tokio::test]
    async fn name_that_cannot_be_looked_up_stays() {
        let server = HostPort::new("no such host", 9092);
        assert_eq!(names(std::slice::from_ref(&server)).await, [server]);
    }
}
