//! The arguments of `milena run` and `milena serve`.

use std::path::PathBuf;

use clap::Args;

use super::whole;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  milena run examples/quickstart.toml
  milena run examples/quickstart.toml --brokers localhost:9092
  milena run flow.toml --secrets kafka.secrets
  milena run flow.toml -F client.properties -X linger.ms=20 | jq .baseOffset")]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) flow: FlowOptions,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  milena serve examples/webhook.toml --listen 127.0.0.1:8080
  curl -d '{\"messages\":[{\"value\":\"arrived\"}]}' 127.0.0.1:8080/v1/connectors/cars/produce
  curl -X POST '127.0.0.1:8080/v1/consumers/inbox/poll?max=10&timeoutMs=1000'
  curl -d '{\"ack\":[1]}' 127.0.0.1:8080/v1/consumers/inbox/ack
  curl 127.0.0.1:8080/healthz

  MILENA_SECRET_TOKEN=... milena serve flow.toml --listen 0.0.0.0:8443 \\
      --token secrets.TOKEN --tls-cert server.pem --tls-key server.key")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) flow: FlowOptions,
    /// Where to listen, as HOST:PORT; port 0 takes any free one, and standard output tells which
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// The token that requests must have as "Authorization: Bearer", as secrets.NAME
    #[arg(long, value_name = "SECRET")]
    pub(crate) token: Option<String>,
    /// A PEM file with the server's certificate chain, for HTTPS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// A PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A PEM file with those who sign the certificates that clients must show
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// The longest body of a request, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, value_parser = whole::<usize>)]
    pub(crate) max_body_bytes: usize,
    /// The most connections at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = at_least_one)]
    pub(crate) max_connections: usize,
}

/// Which flow runs, with what.
#[derive(Debug, Args)]
pub(crate) struct FlowOptions {
    /// The flow file: docs/flows.md describes it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Brokers in place of the flow's: HOST:PORT with commas between them, or "embedded"
    #[arg(long, value_name = "LIST")]
    pub(crate) brokers: Option<String>,
    /// A file of secrets, NAME=value or JSON, that only its owner may read
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
    /// Take the file of --secrets though others may read it, as where a cluster mounts it
    #[arg(long, requires = "secrets")]
    pub(crate) secrets_any_access: bool,
    /// What stands before the names of secrets in the environment
    #[arg(long, value_name = "PREFIX", default_value = "MILENA_SECRET_")]
    pub(crate) secrets_prefix: String,
    /// A property of Java's client, for every step that knows it (can be repeated)
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    pub(crate) properties: Vec<String>,
    /// Properties of Java's client from a file; -X wins
    #[arg(short = 'F', value_name = "FILE")]
    pub(crate) properties_file: Option<PathBuf>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected 1 or more".to_owned())
}
