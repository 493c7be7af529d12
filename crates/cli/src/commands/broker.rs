//! `milena broker`: an embedded broker until it is interrupted.

use std::{fs, io::Write as _, path::Path};

use milena_broker::Broker;

use crate::{arguments, failure::Failure, interrupt::Interrupt};

/// Runs a broker; its addresses are the line that it prints when it is ready.
pub(crate) async fn run(arguments: arguments::Broker) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen();
    let broker = builder(&arguments)?
        .start()
        .await
        .map_err(|error| Failure::Failed(crate::failure::chain(&error)))?;
    let mut output = std::io::stdout();
    writeln!(output, "{}", broker.bootstrap_servers())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))?;
    interrupt.wait().await;
    broker.shutdown().await;
    Err(Failure::Interrupted)
}

fn builder(arguments: &arguments::Broker) -> Result<milena_broker::BrokerBuilder, Failure> {
    let (host, port) = address(&arguments.listen)?;
    let mut builder = Broker::builder().host(host).port(port).nodes(arguments.nodes);
    for user in &arguments.sasl {
        let (name, password) = user
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Failure::Usage("--sasl takes USER:PASSWORD".into()))?;
        builder = builder.user(name, password);
    }
    if let (Some(certificate), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        builder = builder.tls(read(certificate)?, read(key)?);
    }
    if let Some(folder) = &arguments.data_dir {
        builder = builder.data_dir(folder);
    }
    for topic in &arguments.topic {
        let (name, partitions) = match topic.split_once(':') {
            None => (topic.as_str(), 1),
            Some((name, partitions)) => {
                let count = partitions.parse().ok().filter(|count| *count > 0);
                let wrong = || Failure::Usage(format!("--topic {topic}: no number of partitions"));
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

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(path.display(), error))
}
