//! The endpoint as properties and the line of `OAuthBearerLoginModule` describe it.
//!
//! Properties win over the line, as in Java. The line's options `ssl.*` say how TLS with the endpoint
//! is made; the client's own `ssl.*` are for brokers.

use std::time::Duration;

use super::super::options::{Options, Settled};
use super::super::sasl::TOKEN_ENDPOINT as URL;
use super::super::{JaasConfig, Tls, tls};
use super::{RefreshPolicy, TokenEndpoint, TokenEndpointProvider};

const JAAS: &str = "sasl.jaas.config";
const CLIENT_ID: &str = "sasl.oauthbearer.client.credentials.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.credentials.client.secret";
const SCOPE: &str = "sasl.oauthbearer.scope";
const RETRIEVER: &str = "sasl.oauthbearer.jwt.retriever.class";
const RETRIEVERS: [&str; 3] = [
    "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
    "org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever",
    "org.apache.kafka.common.security.oauthbearer.FileJwtRetriever",
];

/// Reads the endpoint; problems go to `settled`.
pub(in crate::config) fn settle(
    settled: &mut Settled,
    url: &str,
    jaas: Option<&JaasConfig>,
) -> Option<TokenEndpointProvider> {
    check_retriever(settled);
    let is_file = url.starts_with("file:");
    let client_id = option(settled, CLIENT_ID, jaas, "clientId", !is_file);
    let client_secret = option(settled, CLIENT_SECRET, jaas, "clientSecret", !is_file);
    let scope = option(settled, SCOPE, jaas, "scope", false);
    let (client_id, client_secret) = (client_id?, client_secret?);
    let mut endpoint = TokenEndpoint::new(url, client_id, client_secret)
        .urlencode_header(settled.boolean("sasl.oauthbearer.header.urlencode"))
        .connect_timeout(settled.millis("sasl.login.connect.timeout.ms"))
        .read_timeout(settled.millis("sasl.login.read.timeout.ms"))
        .retry_backoff(
            settled.millis("sasl.login.retry.backoff.ms"),
            settled.millis("sasl.login.retry.backoff.max.ms"),
        )
        .refresh(refresh(settled));
    if let Some(scope) = scope.filter(|scope| !scope.is_empty()) {
        endpoint = endpoint.scope(scope);
    }
    if let Some(jaas) = jaas {
        for (name, value) in &jaas.options {
            if let Some(name) = name.strip_prefix("extension_") {
                endpoint = endpoint.extension(name, value.reveal());
            }
        }
        if let Some(tls) = endpoint_tls(settled, jaas)? {
            endpoint = endpoint.tls(tls);
        }
    }
    match endpoint.build() {
        Ok(provider) => {
            if provider.is_in_clear() {
                let message = "the client's secret goes over the network without TLS; use https";
                settled.warn(URL, message);
            }
            Some(provider)
        }
        Err(error) => {
            settled.problem(URL, error.message().to_owned());
            None
        }
    }
}

/// A property, or else the option of the line; nothing at all is a problem if it is needed.
fn option(
    settled: &mut Settled,
    name: &'static str,
    jaas: Option<&JaasConfig>,
    option: &str,
    is_needed: bool,
) -> Option<String> {
    let of_line = jaas.and_then(|jaas| jaas.option(option)).filter(|text| !text.is_empty());
    match (settled.text(name), of_line) {
        (Some(text), of_line) => {
            if of_line.is_some() {
                let message = format!("{option} of {JAAS} has no effect beside it");
                settled.warn(name, message);
            }
            Some(text)
        }
        (None, Some(text)) => Some(text.to_owned()),
        (None, None) if is_needed => {
            let message =
                format!("it is required, as {URL} is set; {option} in {JAAS} will do too");
            settled.problem(name, message);
            None
        }
        (None, None) => Some(String::new()),
    }
}

fn check_retriever(settled: &mut Settled) {
    let class = settled.text(RETRIEVER).unwrap_or_default();
    if settled.are_sound(&[RETRIEVER]) && !RETRIEVERS.contains(&class.as_str()) {
        let expected = "Java classes cannot be run; expected Kafka's DefaultJwtRetriever, \
                        ClientCredentialsJwtRetriever or FileJwtRetriever";
        settled.problem_with_value(RETRIEVER, &class, expected);
    }
}

fn refresh(settled: &Settled) -> RefreshPolicy {
    let seconds = |name| Duration::from_secs(u64::try_from(settled.integer(name)).unwrap_or(0));
    RefreshPolicy {
        window_factor: settled.double("sasl.login.refresh.window.factor"),
        window_jitter: settled.double("sasl.login.refresh.window.jitter"),
        min_period: seconds("sasl.login.refresh.min.period.seconds"),
        buffer: seconds("sasl.login.refresh.buffer.seconds"),
    }
}

/// TLS with the endpoint, if the line says anything about it; `None` outside: it is wrong.
fn endpoint_tls(settled: &mut Settled, jaas: &JaasConfig) -> Option<Option<Tls>> {
    let mut options = Options::new(settled.client());
    let mut any = false;
    for (name, value) in jaas.options.iter().filter(|(name, _)| name.starts_with("ssl.")) {
        options.set_text(name, value.reveal());
        any = true;
    }
    if !any {
        return Some(None);
    }
    let mut options = options.settle();
    let tls = tls::settle(&mut options);
    match options.finish() {
        Ok(_) => Some(Some(tls)),
        Err(error) => {
            settled.problem(JAAS, format!("its options for TLS: {}", error.message()));
            None
        }
    }
}
