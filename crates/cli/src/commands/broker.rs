//! `milena broker`: an embedded broker until it is interrupted.

use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use milena_broker::Broker;

use crate::{
    arguments,
    failure::{Failure, chain},
    interrupt::Interrupt,
};

/// Runs a broker; its addresses are the line that it prints when it is ready.
pub(crate) async fn run(arguments: arguments::Broker) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    let broker =
        builder(&arguments)?.start().await.map_err(|error| Failure::Failed(explain(&error)))?;
    let mut output = io::stdout();
    writeln!(output, "{}", broker.bootstrap_servers())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))?;
    interrupt.wait().await;
    broker.shutdown().await;
    interrupt.outcome()
}

/// The error, and what to do where another program has the port.
fn explain(error: &milena_broker::StartError) -> String {
    let mut text = chain(error);
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse) {
            text.push_str(": another program listens there; --listen names another port, 0 any");
        }
        cause = error.source();
    }
    text
}

fn builder(arguments: &arguments::Broker) -> Result<milena_broker::BrokerBuilder, Failure> {
    let (host, port) = address(&arguments.listen)?;
    let delay = Duration::from_millis(arguments.group_initial_rebalance_delay.into());
    let mut builder = Broker::builder()
        .host(host)
        .port(port)
        .nodes(arguments.nodes)
        .group_initial_rebalance_delay(delay);
    for user in &arguments.sasl {
        let (name, password) = user
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Failure::Usage("--sasl takes USER:PASSWORD".into()))?;
        builder = builder.user(name, password);
    }
    if let (Some(certificate), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        builder = builder.tls(read("--tls-cert", certificate)?, read("--tls-key", key)?);
    }
    if let Some(folder) = &arguments.data_dir {
        builder = builder.data_dir(folder);
    }
    for topic in &arguments.topic {
        let (name, partitions) = match topic.split_once(':') {
            None => (topic.as_str(), 1),
            Some((name, partitions)) => {
                let count = partitions.parse().ok().filter(|count| *count > 0);
                let wrong = || {
                    Failure::Usage(format!(
                        "--topic {topic}: it must be NAME or NAME:PARTITIONS, of 1 or more"
                    ))
                };
                (name, count.ok_or_else(wrong)?)
            }
        };
        builder = builder.topic(name, partitions);
    }
    Ok(match &arguments.as_version {
        Some(release) => builder.as_version(release),
        None => builder,
    })
}

fn address(listen: &str) -> Result<(String, u16), Failure> {
    let wrong = || Failure::Usage(format!("--listen {listen}: it must be ADDRESS:PORT"));
    let (host, port) = listen.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), port.parse().map_err(|_| wrong())?))
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(format!("{option} {}", path.display()), error))
}
