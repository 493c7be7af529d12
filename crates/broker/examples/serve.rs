//! A broker on a fixed port until the process is interrupted:
//! `cargo run -p milena-broker --example serve -- PORT [NODES] [USER:PASSWORD] [DATA_DIR]`.
//!
//! An empty argument leaves its option as it is.

use std::error::Error;

use milena_broker::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |index: usize| arguments.get(index).map(String::as_str).filter(|text| !text.is_empty());
    let mut builder = Broker::builder().port(argument(0).unwrap_or("9092").parse()?);
    if let Some(nodes) = argument(1) {
        builder = builder.nodes(nodes.parse()?);
    }
    if let Some((user, password)) = argument(2).and_then(|login| login.split_once(':')) {
        builder = builder.user(user, password);
    }
    if let Some(directory) = argument(3) {
        builder = builder.data_dir(directory);
    }
    let broker = builder.start().await?;
    println!("{}", broker.bootstrap_servers());
    std::future::pending::<()>().await;
    Ok(())
}
