//! `milena broker`: an embedded broker until it is interrupted.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use milena_broker::{Broker, StartError};

use crate::{arguments, failure::Failure, interrupt::Interrupt, listen};

/// Runs a broker; its addresses are the line that it prints when it is ready.
pub(crate) async fn run(arguments: arguments::Broker) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    let broker = builder(&arguments)?.start().await.map_err(|error| {
        let text = listen::explain(&error);
        match error {
            StartError::Config { .. } | StartError::Tls { .. } => Failure::Refused(text),
            _ => Failure::Failed(text),
        }
    })?;
    let mut output = io::stdout();
    writeln!(output, "{}", broker.bootstrap_servers())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))?;
    interrupt.wait().await;
    broker.shutdown().await;
    interrupt.outcome()
}

fn builder(arguments: &arguments::Broker) -> Result<milena_broker::BrokerBuilder, Failure> {
    let (host, port) = listen::address(&arguments.listen)?;
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

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::refused(format!("{option} {}", path.display()), error))
}
