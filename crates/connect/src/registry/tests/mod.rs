//! The client against a registry that is served here: what it asks, remembers, and says when refused.

pub(crate) mod server;

use std::{error::Error as _, sync::Arc, time::Duration};

use milena::config::Secret;
use milena_http::{
    HttpClient, HttpSettings,
    tls::{PemSource, TlsServer},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::server::{Fault, Server};
use super::*;
use crate::avro::{AvroOptions, AvroSchema};

const EMPLOYEE: &str = r#"{"type":"record","name":"com.mycorp.Employee","fields":[
    {"name":"name","type":"string"},{"name":"age","type":"int"}]}"#;

fn settings(urls: &str) -> RegistrySettings {
    RegistrySettings::new(urls).unwrap().request_timeout(Duration::from_secs(30))
}

fn registry_with(settings: RegistrySettings) -> Registry {
    Registry::new(settings, HttpClient::new(HttpSettings::new()).unwrap()).unwrap()
}

fn registry(server: &Server) -> Registry {
    registry_with(settings(&server.url()))
}

fn avro(text: &str) -> NewSchema {
    NewSchema::new(SchemaType::Avro, text)
}

#[tokio::test]
async fn a_value_is_registered_framed_and_read_back_by_another_client() {
    let server = Server::start().await;
    let registry = registry(&server);
    let subject = SubjectNames::Topic.subject("staff", RecordPart::Value, None).unwrap();
    let value = json!({ "name": "John Doe", "age": 29 });
    for _ in 0..3 {
        let schema = registry.register(&subject, &avro(EMPLOYEE), false).await.unwrap();
        let bytes = registry.write(&schema, &value, AvroOptions::default()).unwrap();
        assert_eq!(bytes[..5], [0, 0, 0, 0, 1]);
        let other = registry_with(settings(&server.url()));
        assert_eq!(other.read(&bytes, None, AvroOptions::default()).await.unwrap(), value);
    }
    let requests = server.requests();
    let posts = requests.iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!((posts, requests[0].as_str()), (1, "POST /subjects/staff-value/versions"));
    assert_eq!(
        registry.schema(1).await.unwrap().avro.as_ref().unwrap().full_name(),
        Some("com.mycorp.Employee")
    );
}

#[tokio::test]
async fn a_reader_sees_what_another_schema_wrote() {
    let server = Server::start().await;
    let registry = registry(&server);
    let schema = registry.register("s", &avro(EMPLOYEE), true).await.unwrap();
    assert_eq!(server.requests(), ["POST /subjects/s/versions?normalize=true"]);
    let value = json!({ "name": "a", "age": 1 });
    let bytes = registry.write(&schema, &value, AvroOptions::default()).unwrap();
    let reader = AvroSchema::parse(
        r#"{"type":"record","name":"Employee","fields":[{"name":"age","type":"long"},
            {"name":"team","type":"string","default":"none"}]}"#,
    )
    .unwrap();
    let read = registry.read(&bytes, Some(&reader), AvroOptions::default()).await.unwrap();
    assert_eq!(read, json!({ "age": 1, "team": "none" }));
}

#[tokio::test]
async fn many_who_ask_for_one_id_make_one_request() {
    let server = Server::start().await;
    server.state.lock().register("s", json!({ "schema": "\"string\"" }));
    let notice = Arc::new(Notify::new());
    server.state.lock().faults.push_back(Fault::Wait(Arc::clone(&notice)));
    let registry = registry(&server);
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.schema(1).await.map(|schema| schema.id) })
        })
        .collect();
    until(|| server.requests().len() == 1).await;
    notice.notify_one();
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap(), 1);
    }
    assert_eq!(server.requests(), ["GET /schemas/ids/1"]);
}

#[tokio::test]
async fn when_the_one_who_asks_gives_up_the_next_one_asks() {
    let server = Server::start().await;
    server.state.lock().register("s", json!({ "schema": "\"string\"" }));
    server.state.lock().faults.push_back(Fault::Wait(Arc::new(Notify::new())));
    let registry = registry(&server);
    let asking = |registry: Registry| {
        tokio::spawn(async move { registry.schema(1).await.map(|schema| schema.id) })
    };
    let first = asking(registry.clone());
    until(|| server.requests().len() == 1).await;
    let second = asking(registry.clone());
    first.abort();
    assert_eq!(second.await.unwrap().unwrap(), 1);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_failure_is_shared_and_not_remembered() {
    let server = Server::start().await;
    server.state.lock().register("s", json!({ "schema": "\"string\"" }));
    let answer = Fault::Answer(500, r#"{"error_code":50001,"message":"Error in the backend"}"#);
    server.state.lock().faults.push_back(answer);
    let registry = registry(&server);
    let (one, two) = tokio::join!(registry.schema(1), registry.schema(1));
    let error = one.unwrap_err();
    assert_eq!(error.to_string(), two.unwrap_err().to_string());
    assert_eq!(
        error.to_string(),
        "the schema registry refused to give schema 1 (HTTP 500, error 50001): Error in the backend"
    );
    assert!(error.is_retriable());
    assert_eq!(server.requests().len(), 1);
    assert_eq!(registry.schema(1).await.unwrap().text, "\"string\"");
}

#[tokio::test]
async fn what_the_registry_refuses_is_told_in_its_words() {
    let server = Server::start().await;
    let registry = registry(&server);
    let error = registry.schema(7).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "the schema registry refused to give schema 7 (HTTP 404, error 40403): Schema not found"
    );
    assert_eq!(registry.latest("none").await.unwrap_err().kind(), RegistryErrorKind::NotFound);
    let unknown = registry.look_up("s", &avro(EMPLOYEE), false).await.unwrap_err();
    assert_eq!(unknown.kind(), RegistryErrorKind::NotFound);

    registry.register("s", &avro(EMPLOYEE), false).await.unwrap();
    assert_eq!(registry.look_up("s", &avro(EMPLOYEE), false).await.unwrap().id, 1);
    assert_eq!(registry.latest("s").await.unwrap().id, 1);
    server.state.lock().is_frozen = true;
    let error = registry.register("s", &avro("\"long\""), false).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Refused);
    assert!(
        error.to_string().contains("(HTTP 409, error 409): Schema being registered"),
        "{error}"
    );
    assert!(!error.is_retriable());

    server.state.lock().faults.push_back(Fault::Answer(200, "<html>"));
    let error = registry.latest("s").await.unwrap_err();
    assert!(error.to_string().ends_with("its answer has no JSON"), "{error}");
    let error = registry.register("s", &avro("{\"type\":\"recrod\"}"), false).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Schema);
}

#[tokio::test]
async fn wrong_credentials_are_named_and_not_shown() {
    let server = Server::start().await;
    server.state.lock().authorization = Some("Basic YWRhOmh1c2g=".to_owned());
    server.state.lock().register("s", json!({ "schema": "\"string\"" }));
    let basic = |password: &str| RegistryCredentials::Basic {
        username: "ada".to_owned(),
        password: Secret::from(password),
    };
    let good = registry_with(settings(&server.url()).credentials(basic("hush")));
    assert_eq!(good.schema(1).await.unwrap().id, 1);
    let by_url = format!("http://ada:hush@127.0.0.1:{}/", server.port);
    assert_eq!(registry_with(settings(&by_url)).schema(1).await.unwrap().id, 1);

    let bad = registry_with(settings(&server.url()).credentials(basic("wrong-password")));
    let error = bad.schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unauthorized);
    assert!(error.to_string().ends_with("check the registry's user and password"), "{error}");
    let echo = Fault::Answer(403, r#"{"message":"no: wrong-password"}"#);
    server.state.lock().faults.push_back(echo);
    let error = bad.schema(1).await.unwrap_err();
    assert!(error.to_string().contains("no: ***"), "{error}");

    server.state.lock().authorization = Some("Bearer abc".to_owned());
    let bearer = RegistryCredentials::Bearer(Secret::from("abc"));
    let token = registry_with(settings(&server.url()).credentials(bearer));
    assert_eq!(token.schema(1).await.unwrap().id, 1);
    let shown =
        format!("{good:?} {token:?} {:?} {bad:?}", settings(&by_url).credentials(basic("hush")));
    assert!(!shown.contains("hush") && !shown.contains("abc"), "{shown}");
}

#[tokio::test]
async fn another_registry_answers_when_one_does_not() {
    let (first, second) = (Server::start().await, Server::start().await);
    second.state.lock().register("s", json!({ "schema": "\"string\"" }));
    second.state.lock().register("s", json!({ "schema": "\"long\"" }));
    let urls = format!("{}, {}", first.url(), second.url());
    let registry = registry_with(settings(&urls));
    first.state.lock().faults.push_back(Fault::Answer(503, ""));
    assert_eq!(registry.schema(1).await.unwrap().id, 1);
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    // The one that answered is asked first.
    assert_eq!(registry.schema(2).await.unwrap().id, 2);
    assert_eq!((first.requests().len(), second.requests().len()), (1, 2));
    second.state.lock().faults.push_back(Fault::Close);
    first.state.lock().faults.push_back(Fault::Close);
    let error = registry.schema(3).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unreachable);
    assert!(error.source().is_some() && error.is_retriable());
}

#[tokio::test]
async fn a_registry_that_is_slow_is_given_up_and_one_that_comes_back_is_used() {
    let server = Server::start().await;
    server.state.lock().register("s", json!({ "schema": "\"string\"" }));
    let never = Arc::new(Notify::new());
    server.state.lock().faults.push_back(Fault::Wait(never));
    let registry =
        registry_with(settings(&server.url()).request_timeout(Duration::from_millis(50)));
    let error = registry.schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unreachable);
    assert!(error.source().unwrap().to_string().contains("within 50ms"), "{error:?}");

    let (port, state) = (server.port, Arc::clone(&server.state));
    drop(server);
    let registry = registry_with(settings(&format!("http://127.0.0.1:{port}")));
    until_async(async || registry.schema(1).await.is_err()).await;
    let _server = Server::start_on(port, state).await;
    until_async(async || registry.schema(1).await.is_ok()).await;
}

#[tokio::test]
async fn references_are_fetched_with_what_they_refer_to() {
    let server = Server::start().await;
    let registry = registry(&server);
    let address =
        r#"{"type":"record","name":"a.Address","fields":[{"name":"city","type":"string"}]}"#;
    let person =
        r#"{"type":"record","name":"a.Person","fields":[{"name":"at","type":"a.Address"}]}"#;
    let team = r#"{"type":"array","items":"a.Person"}"#;
    registry.register("x/address", &avro(address), false).await.unwrap();
    let to_address = vec![SchemaReference::new("a.Address", "x/address", 1)];
    registry.register("person", &avro(person).references(to_address), false).await.unwrap();
    let to_person = vec![SchemaReference::new("a.Person", "person", 1)];
    let schema = registry.register("team", &avro(team).references(to_person), false).await.unwrap();
    let value = json!([{ "at": { "city": "Prague" } }]);
    let bytes = registry.write(&schema, &value, AvroOptions::default()).unwrap();
    let other = registry_with(settings(&server.url()));
    assert_eq!(other.read(&bytes, None, AvroOptions::default()).await.unwrap(), value);
    assert!(server.requests().contains(&"GET /subjects/x%2Faddress/versions/1".to_owned()));
}

#[tokio::test]
async fn schemas_that_refer_to_each_other_end() {
    let server = Server::start().await;
    let reference = |subject: &str| json!([{ "name": "n", "subject": subject, "version": 1 }]);
    for (subject, to) in [("a", "b"), ("b", "a")] {
        let schema = json!({ "schema": format!("\"{subject}\""), "references": reference(to) });
        server.state.lock().register(subject, schema);
    }
    let error = registry(&server).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Schema);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn json_schemas_frame_json_and_others_are_named() {
    let server = Server::start().await;
    let registry = registry(&server);
    let schema = NewSchema::new(SchemaType::Json, r#"{"type":"object"}"#);
    let schema = registry.register("s", &schema, false).await.unwrap();
    let value = json!({ "a": [1, 2] });
    let bytes = registry.write(&schema, &value, AvroOptions::default()).unwrap();
    assert_eq!(&bytes[5..], br#"{"a":[1,2]}"#);
    let other = registry_with(settings(&server.url()));
    assert_eq!(other.read(&bytes, None, AvroOptions::default()).await.unwrap(), value);

    let proto = json!({ "schema": "syntax = \"proto3\";", "schemaType": "PROTOBUF" });
    server.state.lock().register("p", proto);
    let error = registry.read(&[0, 0, 0, 0, 2, 0], None, AvroOptions::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "schema 2 is in another language: expected Avro or JSON Schema");
}

#[tokio::test]
async fn values_that_do_not_go_with_their_schema_say_where() {
    let server = Server::start().await;
    let registry = registry(&server);
    let schema = registry.register("s", &avro(EMPLOYEE), false).await.unwrap();
    let wrong: Value = json!({ "name": "a", "age": "x" });
    let error = registry.write(&schema, &wrong, AvroOptions::default()).unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Value);
    assert_eq!(
        crate::connector::with_causes(&error),
        "the value does not fit schema 1: $.age is the text \"x\": expected a whole number of 32 bits \
         (int)"
    );
    let error = registry.read(&[0, 0, 0, 0, 1, 8], None, AvroOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Value);
    let error = registry.read(b"{}", None, AvroOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Frame);
}

#[tokio::test]
async fn stores_of_jks_and_pkcs12_say_whom_to_trust_and_who_asks() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests");
    let pem = |name: &str| PemSource::File(format!("{folder}/certificates/{name}").into());
    let (chain, key) = (pem("broker.pem"), pem("broker.key"));
    let tls = TlsServer::new(&chain, &key, Some(&pem("ca.pem"))).unwrap();
    let server = Server::start_tls(tls).await;
    server.state.lock().register("s", json!({ "schema": "\"string\"" }));
    let url = format!("https://localhost:{}", server.port);
    let store = |name: &str| format!("{folder}/stores/{name}");
    let opened = |trust: &str, trust_type: &str, keys: &str, password: &str| {
        let (trust, keys) = (store(trust), store(keys));
        let properties = [
            ("schema.registry.url", url.as_str()),
            ("schema.registry.ssl.truststore.location", &trust),
            ("schema.registry.ssl.truststore.type", trust_type),
            ("schema.registry.ssl.truststore.password", "changeit"),
            ("schema.registry.ssl.keystore.location", &keys),
            ("schema.registry.ssl.keystore.password", password),
            ("schema.registry.ssl.key.password", "key secret"),
        ];
        let properties = RegistryProperties::from_properties(properties).unwrap().unwrap();
        assert!(!format!("{properties:?}").contains("changeit"));
        properties.open()
    };
    let registry = opened("java-trust.jks", "", "java.jks", "changeit").unwrap();
    assert_eq!(registry.schema(1).await.unwrap().id, 1);
    let error = opened("java-trust.p12", "PKCS12", "java.jks", "guess").unwrap_err();
    assert!(error.to_string().contains("password is wrong"), "{error}");
    let error = opened("java-trust.p12", "PEM", "java.jks", "changeit").unwrap_err();
    assert!(error.to_string().contains("PKCS12"), "{error}");
    let trusting = RegistryProperties::from_properties([
        ("schema.registry.url", url.as_str()),
        ("schema.registry.ssl.truststore.location", &store("java-trust.p12")),
        ("schema.registry.ssl.truststore.password", "changeit"),
    ]);
    let anonymous = trusting.unwrap().unwrap().open().unwrap();
    let error = anonymous.schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unreachable, "it wants a certificate: {error}");
}

/// Waits for what the test has caused.
async fn until(is: impl Fn() -> bool) {
    until_async(async || is()).await;
}

async fn until_async(is: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it comes");
}
