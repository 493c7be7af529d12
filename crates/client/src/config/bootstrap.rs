//! `bootstrap.servers`: hosts and ports.

use std::fmt;

use super::options::Settled;

/// A broker's host and port, as in `bootstrap.servers`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HostPort {
    /// Name or address, without the brackets of an IPv6 address.
    pub host: String,
    /// TCP port, 1 to 65535.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port`, `[v6 address]:port`, or either with a listener's name (`SSL://`) in front.
    fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected host:port, such as broker1:9092 or [::1]:9092";
        let address = text.split_once("://").map_or(text, |(_, address)| address);
        let (host, port) = match address.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once("]:").ok_or(EXPECTED)?,
            None => address.rsplit_once(':').ok_or(EXPECTED)?,
        };
        let is_host = |character: char| {
            character.is_alphanumeric() || matches!(character, '-' | '.' | '_' | '%' | ':')
        };
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(EXPECTED);
        }
        match port.parse() {
            Ok(0) | Err(_) => Err("expected a port from 1 to 65535 after the host"),
            Ok(port) => Ok(Self { host: host.to_owned(), port }),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The brokers to ask first.
pub(super) fn servers(settled: &mut Settled) -> Vec<HostPort> {
    const NAME: &str = "bootstrap.servers";
    let mut servers = Vec::new();
    let texts = settled.list(NAME);
    for text in texts.iter().filter(|text| !text.is_empty()) {
        match HostPort::parse(text) {
            Ok(server) => servers.push(server),
            Err(expected) => settled.problem_with_value(NAME, text, expected),
        }
    }
    if servers.is_empty() && settled.are_sound(&[NAME]) {
        settled.problem(NAME, "it is required: expected host:port of one broker or more");
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hosts_and_ports() {
        for (text, host, port) in [
            ("localhost:9092", "localhost", 9092),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[::1]:9092", "::1", 9092),
            ("::1:9092", "::1", 9092),
            ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
            ("SASL_SSL://broker_1.example:9093", "broker_1.example", 9093),
        ] {
            let read = HostPort::parse(text).unwrap();
            assert_eq!((read.host.as_str(), read.port), (host, port), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_host_and_port() {
        for text in
            ["", "localhost", ":9092", "a b:1", "host:", "host:0", "host:65536", "host:x", "[::1]"]
        {
            assert!(HostPort::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_v6_addresses_in_brackets() {
        assert_eq!(HostPort::parse("[::1]:9092").unwrap().to_string(), "[::1]:9092");
        assert_eq!(HostPort::parse("a:9092").unwrap().to_string(), "a:9092");
    }
}
