//! The arguments of `milena broker`.

use std::path::PathBuf;

use clap::Args;

use super::whole;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  milena broker
  milena broker --listen 0.0.0.0:9092 --data-dir /var/lib/milena
  milena broker --sasl alice:secret --tls-cert server.pem --tls-key server.key")]
pub(crate) struct Broker {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9092")]
    pub(crate) listen: String,
    /// Let in this user alone, by PLAIN and SCRAM (can be repeated)
    #[arg(long, alias = "user", value_name = "USER:PASSWORD")]
    pub(crate) sasl: Vec<String>,
    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Keep the data here instead of in memory
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How many brokers the cluster has; they listen on the ports that follow, or on free ones
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=100))]
    pub(crate) nodes: i32,
    /// Create this topic at once (can be repeated)
    #[arg(long, value_name = "NAME[:PARTITIONS]")]
    pub(crate) topic: Vec<String>,
    /// How long the first rebalance of a group waits for more members
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = whole::<u32>)]
    pub(crate) group_initial_rebalance_delay: u32,
    /// Behave as this release of Kafka, such as 1.1 or 3.9
    #[arg(long, value_name = "RELEASE")]
    pub(crate) as_version: Option<String>,
}
