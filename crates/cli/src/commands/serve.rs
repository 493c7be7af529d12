//! `milena serve`: runs a flow file behind an HTTP server.

use std::io::{self, Write as _};

use milena::config::Secret;
use milena_connect::{
    runtime::{Server, ServerSettings},
    tls::PemSource,
};

use super::run::{run_flow, secrets};
use crate::{arguments, failure::Failure};

/// Listens, prints where, and runs the flow until the program is interrupted.
pub(crate) async fn run(arguments: arguments::Serve) -> Result<(), Failure> {
    let secrets = secrets(&arguments.flow)?;
    let mut settings = ServerSettings::new(&arguments.listen);
    settings.body_bytes_max = arguments.max_body_bytes;
    settings.connections_max = arguments.max_connections;
    if let Some(text) = &arguments.token {
        // A token on the command line is there for every user of the machine to see.
        let token = secrets
            .resolve_text(text, "--token")
            .map_err(|error| Failure::Usage(error.to_string()))?
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Failure::Usage("--token: expected secrets.NAME".to_owned()))?;
        settings.token = Some(Secret::from(token));
    }
    if let (Some(chain), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        settings.certificate = Some((PemSource::File(chain.clone()), PemSource::File(key.clone())));
    }
    settings.client_ca = arguments.client_ca.as_ref().map(|path| PemSource::File(path.clone()));
    let server = Server::bind(settings)
        .await
        .map_err(|error| Failure::new(format!("--listen {}", arguments.listen), error))?;
    let scheme = if server.is_tls() { "https" } else { "http" };
    let address =
        server.address().map_err(|error| Failure::new("the address of the server", error))?;
    let mut output = io::stdout();
    writeln!(output, "{scheme}://{address}")
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))?;
    run_flow(&arguments.flow, &secrets, Some(server)).await
}
