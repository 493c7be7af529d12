//! A broker until the process is interrupted:
//! `cargo run -p milena-broker --example serve -- port=9092 nodes=3 user=alice:secret data=DIR
//! cert=FILE key=FILE release=2.8 delay-ms=3000`. Every argument may be left out.

use std::error::Error;
use std::time::Duration;

use milena_broker::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(std::io::stderr)
        .init();
    let mut builder = Broker::builder();
    let (mut certificate, mut key) = (None, None);
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').ok_or("NAME=VALUE was expected")?;
        builder = match name {
            "port" => builder.port(value.parse()?),
            "nodes" => builder.nodes(value.parse()?),
            "user" => {
                let (user, password) = value.split_once(':').ok_or("user=NAME:PASSWORD")?;
                builder.user(user, password)
            }
            "data" => builder.data_dir(value),
            "release" => builder.as_version(value),
            "delay-ms" => {
                builder.group_initial_rebalance_delay(Duration::from_millis(value.parse()?))
            }
            "cert" => {
                certificate = Some(std::fs::read(value)?);
                builder
            }
            "key" => {
                key = Some(std::fs::read(value)?);
                builder
            }
            other => return Err(format!("unknown argument {other}").into()),
        };
    }
    if let (Some(certificate), Some(key)) = (certificate, key) {
        builder = builder.tls(certificate, key);
    }
    let broker = builder.start().await?;
    println!("{}", broker.bootstrap_servers());
    std::future::pending::<()>().await;
    Ok(())
}
