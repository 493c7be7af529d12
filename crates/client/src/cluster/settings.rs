//! From the client's configuration to that of the pool and of the metadata machine.

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

use milena_core::backoff::Backoff;
use milena_core::metadata::{MetadataConfig, MetadataRecovery};
use milena_pool::tls::{ClientCertificate, PemSource, StoreFile, TlsConfig, Trust};
use milena_pool::{
    BrokerPoolConfig, ConnectionConfig, DnsLookup, HostPort as PoolHostPort, OAuthBearerToken,
    Sasl as PoolSasl, Security as PoolSecurity, TokenError, TokenFuture, TokenProvider,
};
use milena_sasl::Secret as SaslSecret;
use milena_sasl::oauthbearer::Extensions;
use milena_sasl::scram::ScramHash;

use crate::config::{
    ClientConfig, ClientDnsLookup, MetadataRecoveryStrategy, OAuthBearerTokenError,
    OAuthBearerTokenProvider, Sasl, ScramMechanism, Secret, Security, StoreSource, StoreType, Tls,
};
use crate::{Error, ErrorKind};

/// The pool's settings. Reads certificate files.
pub(super) fn pool(config: &ClientConfig) -> Result<BrokerPoolConfig, Error> {
    let connection = ConnectionConfig {
        client_id: config.client_id.clone(),
        security: security(&config.security)?,
        sasl: config.security.sasl.as_ref().map(sasl),
        request_timeout: config.request_timeout,
        connection_setup_timeout: Backoff::new(
            config.socket_connection_setup_timeout,
            config.socket_connection_setup_timeout_max,
        ),
        connections_max_idle: config.connections_max_idle,
        reconnect_backoff: Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max),
        dns_lookup: match config.client_dns_lookup {
            ClientDnsLookup::UseAllDnsIps => DnsLookup::UseAllDnsIps,
            ClientDnsLookup::ResolveCanonicalBootstrapServersOnly => {
                DnsLookup::ResolveCanonicalBootstrapServersOnly
            }
        },
        send_buffer_bytes: config.send_buffer_bytes,
        receive_buffer_bytes: config.receive_buffer_bytes,
        ..ConnectionConfig::default()
    };
    let bootstrap_servers = config
        .bootstrap_servers
        .iter()
        .map(|server| PoolHostPort::new(server.host.clone(), server.port))
        .collect();
    Ok(BrokerPoolConfig { connection, bootstrap_servers })
}

/// The pause between retries of requests.
pub(super) const fn retry_backoff(config: &ClientConfig) -> Backoff {
    Backoff::new(config.retry_backoff, config.retry_backoff_max)
}

/// The settings of the metadata machine.
pub(super) const fn metadata(config: &ClientConfig, seed: u64) -> MetadataConfig {
    MetadataConfig {
        max_age: config.metadata_max_age,
        topic_idle: config.metadata_max_idle,
        retry_backoff: retry_backoff(config),
        recovery: match config.metadata_recovery_strategy {
            MetadataRecoveryStrategy::None => MetadataRecovery::None,
            MetadataRecoveryStrategy::Rebootstrap => MetadataRecovery::Rebootstrap,
        },
        rebootstrap_trigger: config.metadata_recovery_rebootstrap_trigger,
        allow_auto_topic_creation: config.allow_auto_create_topics,
        seed,
    }
}

fn security(security: &Security) -> Result<PoolSecurity, Error> {
    if !security.protocol.uses_tls() {
        return Ok(PoolSecurity::Plaintext);
    }
    let settings = security.tls.as_ref().map_or_else(TlsConfig::default, tls);
    let client = settings.build().map_err(|error| {
        Error::new(ErrorKind::Config, format!("TLS cannot be used: {error}")).with_source(error)
    })?;
    Ok(PoolSecurity::Tls(client))
}

/// The settings of a TLS client.
pub(crate) fn tls(tls: &Tls) -> TlsConfig {
    let trust = match &tls.trust_store {
        None => Trust::System,
        Some(StoreSource::File(path)) => {
            let password = tls.trust_store_password.as_ref();
            Trust::Store(file(path, tls.trust_store_type, password))
        }
        Some(StoreSource::Inline(text)) => Trust::Pem(PemSource::Inline(text.reveal().to_owned())),
    };
    let mut settings = TlsConfig::new(trust).versions(tls.enabled_protocols.iter().copied());
    if let Some(store) = &tls.key_store {
        settings = match (&store.certificate_chain, &store.key) {
            (StoreSource::File(path), None) => {
                settings.client_store(file(path, store.store_type, store.password.as_ref()))
            }
            (chain, key) => settings.client_certificate(ClientCertificate {
                chain: pem(chain),
                key: key.as_ref().map(pem),
            }),
        };
        if let Some(password) = &store.key_password {
            settings = settings.key_password(password.reveal());
        }
    }
    if !tls.verify_host_name {
        settings = settings.dangerous().without_host_name_check();
    }
    settings
}

fn file(path: &Path, store_type: Option<StoreType>, password: Option<&Secret>) -> StoreFile {
    let mut file = StoreFile::new(path);
    if let Some(store_type) = store_type {
        file = file.store_type(store_type);
    }
    match password {
        Some(password) => file.password(password.reveal()),
        None => file,
    }
}

fn pem(source: &StoreSource) -> PemSource {
    match source {
        StoreSource::File(path) => PemSource::File(path.clone()),
        StoreSource::Inline(text) => PemSource::Inline(text.reveal().to_owned()),
    }
}

/// The credentials as the pool has them.
pub(crate) fn sasl(sasl: &Sasl) -> PoolSasl {
    match sasl {
        Sasl::Plain { username, password } => {
            PoolSasl::Plain { username: username.clone(), password: secret(password) }
        }
        Sasl::Scram { mechanism, username, password, token_auth } => PoolSasl::Scram {
            hash: match mechanism {
                ScramMechanism::Sha256 => ScramHash::Sha256,
                ScramMechanism::Sha512 => ScramHash::Sha512,
            },
            username: username.clone(),
            password: secret(password),
            token_auth: *token_auth,
        },
        Sasl::OAuthBearer { provider } => {
            PoolSasl::OAuthBearer { provider: Arc::new(Tokens(Arc::clone(provider))) }
        }
    }
}

fn secret(secret: &Secret) -> SaslSecret {
    SaslSecret::new(secret.reveal().as_bytes().to_vec())
}

/// The user's token provider as the pool asks it.
struct Tokens(Arc<dyn OAuthBearerTokenProvider>);

impl TokenProvider for Tokens {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let token = self.0.token().await.map_err(token_error)?;
            let mut extensions = Extensions::new();
            for (name, value) in &token.extensions {
                extensions = extensions
                    .with(name, value)
                    .map_err(|error| TokenError::refused(Arc::new(error)))?;
            }
            Ok(OAuthBearerToken { value: secret(&token.value), extensions })
        })
    }
}

/// Of an endpoint it is known whether asking again may help; of others it is hoped.
fn token_error(error: OAuthBearerTokenError) -> TokenError {
    #[cfg(feature = "oauth")]
    let is_final = crate::config::token_endpoint_refused(&*error);
    #[cfg(not(feature = "oauth"))]
    let is_final = false;
    let cause = Arc::<dyn StdError + Send + Sync>::from(error);
    if is_final { TokenError::refused(cause) } else { TokenError::unavailable(cause) }
}
