//! `milena serve`: runs a flow file behind an HTTP server.

use milena::config::Secret;
use milena_connect::{
    runtime::{Server, ServerSettings},
    tls::PemSource,
};

use super::run::{run_flow, secrets};
use crate::{arguments, failure::Failure, listen};

/// Listens, and runs the flow until the program is interrupted; where it listens is printed once the flow is
/// checked.
pub(crate) async fn run(arguments: arguments::Serve) -> Result<(), Failure> {
    let secrets = secrets(&arguments.flow)?;
    listen::address(&arguments.listen)?;
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
    let server = Server::bind(settings).await.map_err(|error| match error.is_of_settings() {
        true => Failure::Refused(error.to_string()),
        false => Failure::Failed(listen::explain(&error)),
    })?;
    run_flow(&arguments.flow, &secrets, Some(server)).await
}
