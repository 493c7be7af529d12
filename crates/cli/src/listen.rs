//! `--listen`: how an address is read, and what helps where it cannot be had.

use std::{error::Error, io};

use milena_connect::connector::with_causes;

use crate::failure::Failure;

/// Host and port of `--listen`; an IPv6 address is in brackets.
pub(crate) fn address(listen: &str) -> Result<(String, u16), Failure> {
    let read = || {
        let (host, port) = listen.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host.to_owned(), port.parse().ok()?)).filter(|_| !host.is_empty())
    };
    read().ok_or_else(|| Failure::Usage(format!("--listen {listen}: it must be ADDRESS:PORT")))
}

/// The error, and what to do where another program has the port.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut text = with_causes(error);
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
            text.push_str(": another program listens there; --listen names another port, 0 any");
        }
        cause = error.source();
    }
    text
}
