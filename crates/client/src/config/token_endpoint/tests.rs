//! The provider against an endpoint that the tests serve.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use milena_pool::Sasl as PoolSasl;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::sasl::TOKEN_ENDPOINT as URL;
use super::super::token::OAuthBearerTokenProvider as _;
use super::super::{AdminConfig, ClientConfig, Sasl, Secret};
use super::*;
use crate::cluster::pool_sasl;

const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
const SOON: Duration = Duration::from_millis(50);

/// An endpoint that gives these answers one after the other, the last one again and again.
struct Endpoint {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    async fn start(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                let count = {
                    let mut seen = seen.lock();
                    seen.push(request);
                    seen.len()
                };
                let (status, body) = answers.get(count - 1).unwrap_or(&answers[answers.len() - 1]);
                let head = format!(
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
            }
        });
        Self { url, requests }
    }

    async fn giving(lives: &[u64]) -> Self {
        Self::start(lives.iter().map(|life| (200, grant(*life))).collect()).await
    }

    fn settings(&self) -> TokenEndpoint {
        TokenEndpoint::new(self.url.as_str(), "ada", "geheim").retry_backoff(SOON, SOON * 4)
    }

    fn count(&self) -> usize {
        self.requests.lock().len()
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
        });
        if body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

/// A JWT that lives so many seconds.
fn jwt(life: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let claims =
        format!(r#"{{"sub":"ada","iat":{},"exp":{}}}"#, now.as_secs(), now.as_secs() + life);
    format!("e30.{}.", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

fn grant(life: u64) -> String {
    format!(r#"{{"access_token":"{}","token_type":"bearer","expires_in":{life}}}"#, jwt(life))
}

#[tokio::test]
async fn endpoint_is_asked_as_the_grant_of_client_credentials_has_it() {
    let endpoint = Endpoint::giving(&[3600]).await;
    let provider = endpoint
        .settings()
        .scope("read write+all")
        .extension("logicalCluster", "lkc-1")
        .build()
        .unwrap();
    let token = provider.token().await.unwrap();
    assert!(token.value.reveal().starts_with("e30."));
    assert_eq!(token.extensions["logicalCluster"], "lkc-1");
    assert!(token.expires_at > SystemTime::now() + Duration::from_secs(3500));
    let request = endpoint.requests.lock()[0].to_ascii_lowercase();
    assert!(request.starts_with("post /token http/1.1\r\n"), "{request}");
    for line in [
        "\r\nauthorization: basic ywrhomdlagvpbq==\r\n",
        "\r\naccept: application/json\r\n",
        "\r\ncontent-type: application/x-www-form-urlencoded\r\n",
        "\r\n\r\ngrant_type=client_credentials&scope=read+write%2ball",
    ] {
        assert!(request.contains(line), "{line}: {request}");
    }
    assert!(!format!("{provider:?}").contains("geheim"));
}

#[tokio::test]
async fn id_and_secret_are_encoded_when_asked_for() {
    let endpoint = Endpoint::giving(&[3600]).await;
    let settings = TokenEndpoint::new(endpoint.url.as_str(), "a:b", "c d");
    settings.urlencode_header(true).build().unwrap().token().await.unwrap();
    let expected = base64::prelude::BASE64_STANDARD.encode("a%3Ab:c+d");
    assert!(endpoint.requests.lock()[0].contains(&expected));
}

#[tokio::test]
async fn token_is_kept_until_its_time_to_be_replaced_has_come() {
    let endpoint = Endpoint::giving(&[3600]).await;
    let provider = endpoint.settings().build().unwrap();
    for _ in 0..5 {
        provider.token().await.unwrap();
    }
    assert_eq!(endpoint.count(), 1);
    // A factor of none means that a token of a short life is replaced at once, while it lives.
    let eager = RefreshPolicy { window_factor: 0.0, ..RefreshPolicy::default() };
    let endpoint = Endpoint::giving(&[30, 40, 50]).await;
    let provider = endpoint.settings().refresh(eager).build().unwrap();
    let mut ends = Vec::new();
    for _ in 0..3 {
        ends.push(provider.token().await.unwrap().expires_at);
    }
    assert_eq!(endpoint.count(), 3);
    assert!(ends.is_sorted_by(|one, other| one < other), "{ends:?}");
}

#[tokio::test]
async fn many_that_need_the_first_token_ask_for_it_once() {
    let endpoint = Endpoint::giving(&[3600]).await;
    let provider = endpoint.settings().build().unwrap();
    let tokens = (0..10).map(|_| provider.token());
    for token in futures_util::future::join_all(tokens).await {
        token.unwrap();
    }
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn living_token_is_used_on_when_there_is_no_next_one() {
    let answers = vec![(200, grant(60)), (401, "{}".to_owned())];
    let endpoint = Endpoint::start(answers).await;
    let eager = RefreshPolicy { window_factor: 0.0, ..RefreshPolicy::default() };
    let provider = endpoint.settings().refresh(eager).build().unwrap();
    let first = provider.token().await.unwrap();
    for _ in 0..3 {
        assert_eq!(provider.token().await.unwrap(), first);
    }
    assert_eq!(endpoint.count(), 2, "it is not asked again at once");
}

#[tokio::test]
async fn failures_that_may_pass_are_tried_again() {
    let answers = vec![(503, "busy".to_owned()), (429, String::new()), (200, grant(3600))];
    let endpoint = Endpoint::start(answers).await;
    endpoint.settings().retry_backoff(SOON, SOON * 100).build().unwrap().token().await.unwrap();
    assert_eq!(endpoint.count(), 3);
    let down = Endpoint::start(vec![(503, "down for an hour".to_owned())]).await;
    let provider = down.settings().build().unwrap();
    let error = provider.token().await.unwrap_err();
    assert!(error.to_string().contains("503 Service Unavailable: down for an hour"), "{error}");
    assert!(down.count() >= 3, "{}", down.count());
    assert!(!refused(&*error));
}

#[tokio::test]
async fn refusal_is_final_and_says_what_the_endpoint_said() {
    let said = r#"{"error":"invalid_client","error_description":"secret geheim of ada is wrong"}"#;
    let endpoint = Endpoint::start(vec![(401, said.to_owned())]).await;
    let error = endpoint.settings().build().unwrap().token().await.unwrap_err();
    let host = endpoint.url.trim_end_matches("/token");
    assert_eq!(
        error.to_string(),
        format!(
            "the token endpoint {host} answered 401 Unauthorized: invalid_client (secret ******** of \
             ada is wrong); check sasl.oauthbearer.client.credentials.client.id, .client.secret and \
             sasl.oauthbearer.scope"
        )
    );
    assert!(refused(&*error));
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn pool_learns_whether_asking_again_may_help() {
    for (status, is_retriable) in [(401, false), (503, true)] {
        let endpoint = Endpoint::start(vec![(status, String::new())]).await;
        let sasl = pool_sasl(&Sasl::oauthbearer(endpoint.settings().build().unwrap()));
        let PoolSasl::OAuthBearer { provider } = sasl else { panic!("{sasl:?}") };
        let error = provider.token().await.unwrap_err();
        assert_eq!(error.is_retriable(), is_retriable, "{status}");
    }
}

#[tokio::test]
async fn endpoint_that_is_not_there_is_named_without_its_password() {
    let endpoint = TokenEndpoint::new("http://me:geheim@127.0.0.1:1/token", "ada", "geheim");
    let provider = endpoint.retry_backoff(SOON, SOON).build().unwrap();
    let error = provider.token().await.unwrap_err();
    assert!(error.to_string().contains("cannot connect to http://127.0.0.1:1"), "{error}");
    assert!(!format!("{error} {error:?} {provider:?}").contains("geheim"), "{error:?}");
}

#[tokio::test]
async fn file_gives_tokens_too() {
    let name = format!("milena-token-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let url = format!("file://{}", path.display());
    std::fs::write(&path, format!("{}\n", jwt(3600))).unwrap();
    let provider = TokenEndpoint::new(url.as_str(), "", "").build().unwrap();
    let token = provider.token().await.unwrap();
    assert!(token.value.reveal().ends_with('.'));
    std::fs::remove_file(&path).unwrap();
    let late = TokenEndpoint::new(url, "", "").retry_backoff(SOON, SOON).build().unwrap();
    assert!(late.token().await.unwrap_err().to_string().contains("cannot be read"));
}

fn settled(properties: &[(&str, &str)]) -> Result<ClientConfig, String> {
    let fixed = [
        ("bootstrap.servers", "a:1"),
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "OAUTHBEARER"),
    ];
    AdminConfig::from_properties(fixed.iter().chain(properties).copied())
        .map(|config| config.client)
        .map_err(|error| error.to_string())
}

async fn request_of(endpoint: &Endpoint, config: ClientConfig) -> String {
    let Some(Sasl::OAuthBearer { provider }) = config.security.sasl else { panic!() };
    provider.token().await.unwrap();
    endpoint.requests.lock().pop().unwrap()
}

#[tokio::test]
async fn properties_and_the_line_describe_an_endpoint() {
    let endpoint = Endpoint::giving(&[3600]).await;
    let id = "sasl.oauthbearer.client.credentials.client.id";
    let secret = "sasl.oauthbearer.client.credentials.client.secret";
    let config = settled(&[
        (URL, &endpoint.url),
        (id, "ada"),
        (secret, "geheim"),
        ("sasl.oauthbearer.scope", "kafka"),
    ])
    .unwrap();
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    let request = request_of(&endpoint, config).await;
    assert!(request.contains("Basic YWRhOmdlaGVpbQ==") && request.ends_with("&scope=kafka"));

    let line = format!("{MODULE} required clientId=ada clientSecret=geheim scope=\"a b\";");
    let config = settled(&[(URL, &endpoint.url), ("sasl.jaas.config", &line)]).unwrap();
    let request = request_of(&endpoint, config).await;
    assert!(request.contains("Basic YWRhOmdlaGVpbQ==") && request.ends_with("&scope=a+b"));

    let both = [(URL, &*endpoint.url), ("sasl.jaas.config", &line), (id, "eve")];
    let config = settled(&both).unwrap();
    assert!(config.warnings.to_string().contains("clientId"), "{}", config.warnings);
    assert!(request_of(&endpoint, config).await.contains("Basic ZXZlOmdlaGVpbQ=="));
}

#[test]
fn what_an_endpoint_needs_is_named() {
    let url = "https://idp.example/token";
    let error = settled(&[(URL, url)]).unwrap_err();
    for name in ["client.id: it is required", "client.secret: it is required"] {
        assert!(error.contains(name), "{error}");
    }
    let line = format!("{MODULE} required clientId=ada clientSecret=geheim;");
    let with = |name, value| settled(&[(URL, url), ("sasl.jaas.config", &line), (name, value)]);
    let retriever = "sasl.oauthbearer.jwt.retriever.class";
    let kafka = "org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever";
    assert!(with(retriever, kafka).is_ok());
    assert!(with(retriever, "my.Retriever").unwrap_err().contains("Java classes cannot be run"));
    let bearer = "org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever";
    assert!(with(retriever, bearer).unwrap_err().contains("jwt-bearer"));
    let error = settled(&[(URL, "idp.example/geheim"), ("sasl.jaas.config", &line)]).unwrap_err();
    assert!(error.contains(URL) && error.contains("expected https://host/path"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
    let clear = settled(&[(URL, "http://idp.example/"), ("sasl.jaas.config", &line)]).unwrap();
    assert!(clear.warnings.to_string().contains("without TLS"), "{}", clear.warnings);
}

#[test]
fn tls_with_the_endpoint_is_told_by_the_line() {
    let url = "https://idp.example/token";
    let certificates = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests/certificates");
    let line = |file: &str| {
        format!(
            "{MODULE} required clientId=ada clientSecret=geheim \
             ssl.truststore.type=PEM ssl.truststore.location=\"{certificates}/{file}\";"
        )
    };
    assert!(settled(&[(URL, url), ("sasl.jaas.config", &line("ca.pem"))]).is_ok());
    let error = settled(&[(URL, url), ("sasl.jaas.config", &line("none.pem"))]).unwrap_err();
    assert!(error.contains("none.pem") && !error.contains("geheim"), "{error}");
}

#[test]
fn secrets_of_endpoints_do_not_show() {
    let endpoint = TokenEndpoint::new("https://u:geheim@host/", "ada", Secret::from("geheim"));
    assert!(!format!("{endpoint:?}").contains("geheim"));
}
