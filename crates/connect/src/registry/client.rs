//! The registry's client: what is asked, what is remembered, and what is written with it.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use milena_http::{
    HttpClient, HttpError,
    http::{
        HeaderValue, Method, Request,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
    },
};
use serde_json::Value;

use super::{
    cache::Cache,
    error::{RegistryError, RegistryErrorKind},
    framing::Frame,
    schema::{NewSchema, RegisteredSchema, SchemaReference, SchemaType},
    settings::{BaseUrl, RegistryCredentials, RegistrySettings},
};
use crate::{
    avro::{AvroOptions, AvroSchema},
    secrets::Masker,
};

const CONTENT: &str = "application/vnd.schemaregistry.v1+json";
const ACCEPTED: &str =
    "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json";

/// How many schemas one schema may refer to, those in between counted.
const REFERENCES_MAX: usize = 200;

type Schema = Arc<RegisteredSchema>;

/// A subject, a schema of it, and whether it is normalized.
type SchemaKey = (String, NewSchema, bool);

/// A schema registry. A cheap clone, which shares what is remembered.
///
/// [`register`](Self::register) or [`latest`](Self::latest) gives the schema to [`write`](Self::write)
/// values with; [`read`](Self::read) finds the schema of a value by its frame.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    http: HttpClient,
    settings: RegistrySettings,
    authorization: Option<HeaderValue>,
    /// Of what it knows itself: what a registry says could quote it.
    masker: Masker,
    /// The URL that answered last.
    answering: AtomicUsize,
    by_id: Cache<u32, Schema>,
    by_version: Cache<(String, u32), Schema>,
    registered: Cache<SchemaKey, Schema>,
    looked_up: Cache<SchemaKey, Schema>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("urls", &self.0.settings.urls).finish_non_exhaustive()
    }
}

impl Registry {
    /// A registry; connects to nobody yet.
    ///
    /// # Errors
    ///
    /// A token that no header can have.
    pub fn new(settings: RegistrySettings, http: HttpClient) -> Result<Self, RegistryError> {
        let authorization = settings.credentials.header()?;
        let masker = Masker::default();
        match &settings.credentials {
            RegistryCredentials::Basic { password, .. } => masker.remember(password),
            RegistryCredentials::Bearer(token) => masker.remember(token),
            RegistryCredentials::Url => {}
        }
        let passwords = settings.urls.iter().filter_map(|url| url.password.as_ref());
        passwords.for_each(|password| masker.remember(password));
        Ok(Self(Arc::new(Inner {
            http,
            settings,
            authorization,
            masker,
            answering: AtomicUsize::new(0),
            by_id: Cache::default(),
            by_version: Cache::default(),
            registered: Cache::default(),
            looked_up: Cache::default(),
        })))
    }

    /// The schema of an id, fetched once. Cancel safe.
    ///
    /// # Errors
    ///
    /// When the registry does not know it, or does not answer.
    pub async fn schema(&self, id: u32) -> Result<Schema, RegistryError> {
        let fetch = async || {
            let what = format!("give schema {id}");
            let answer = self.ask(&what, Method::GET, &format!("/schemas/ids/{id}"), None).await?;
            self.registered_schema(id, &answer, &what).await
        };
        self.0.by_id.get(&id, fetch).await
    }

    /// The latest schema of a subject, asked for each time. Cancel safe.
    ///
    /// # Errors
    ///
    /// When the registry does not know the subject, or does not answer.
    pub async fn latest(&self, subject: &str) -> Result<Schema, RegistryError> {
        self.fetch_version(subject, "latest").await
    }

    /// A version of a subject's schema, fetched once. Cancel safe.
    ///
    /// # Errors
    ///
    /// When the registry does not know it, or does not answer.
    pub async fn version(&self, subject: &str, version: u32) -> Result<Schema, RegistryError> {
        let key = (subject.to_owned(), version);
        let fetch = async || self.fetch_version(subject, &version.to_string()).await;
        self.0.by_version.get(&key, fetch).await
    }

    /// Registers a schema under a subject, once; one that is there keeps its id. `normalize` lets the
    /// registry bring it into one form before it compares.
    ///
    /// Cancel safe: registering twice is the same as once.
    ///
    /// # Errors
    ///
    /// When the schema cannot be read, the registry refuses it, or does not answer.
    pub async fn register(
        &self,
        subject: &str,
        schema: &NewSchema,
        normalize: bool,
    ) -> Result<Schema, RegistryError> {
        let path = format!("/subjects/{}/versions", encoded(subject));
        let key = (subject.to_owned(), schema.clone(), normalize);
        self.send_once(&self.0.registered, "register", &path, &key).await
    }

    /// The id of a schema that is registered under a subject, asked for once. Cancel safe.
    ///
    /// # Errors
    ///
    /// When the schema cannot be read, is not registered there, or the registry does not answer.
    pub async fn look_up(
        &self,
        subject: &str,
        schema: &NewSchema,
        normalize: bool,
    ) -> Result<Schema, RegistryError> {
        let path = format!("/subjects/{}", encoded(subject));
        let key = (subject.to_owned(), schema.clone(), normalize);
        self.send_once(&self.0.looked_up, "find", &path, &key).await
    }

    /// The framed bytes of a value.
    ///
    /// A value of a JSON schema is its JSON text; it is not validated.
    ///
    /// # Errors
    ///
    /// Everything in the value that does not fit an Avro schema; a schema of another language.
    pub fn write(
        &self,
        schema: &RegisteredSchema,
        value: &Value,
        options: AvroOptions,
    ) -> Result<Vec<u8>, RegistryError> {
        let mut out = Vec::new();
        Frame::put_header(schema.id, &mut out);
        match (&schema.avro, schema.schema_type) {
            (Some(avro), _) => avro.encode_to(value, options, &mut out).map_err(|error| {
                let message = format!("the value does not fit schema {}", schema.id);
                RegistryError::avro(RegistryErrorKind::Value, message, error)
            })?,
            (None, SchemaType::Json) => out.extend_from_slice(value.to_string().as_bytes()),
            (None, _) => return Err(foreign(schema)),
        }
        Ok(out)
    }

    /// The value of framed bytes, by the schema that wrote them, and as `reader` sees it if there is one.
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// Bytes without a frame, a schema that the registry does not give, bytes that are not the schema's.
    pub async fn read(
        &self,
        bytes: &[u8],
        reader: Option<&AvroSchema>,
        options: AvroOptions,
    ) -> Result<Value, RegistryError> {
        let frame = Frame::parse(bytes)?;
        let schema = self.schema(frame.schema_id).await?;
        let bad = || format!("the value is none of schema {}", schema.id);
        match (&schema.avro, schema.schema_type) {
            (Some(writer), _) => reader
                .unwrap_or(writer)
                .decode_written_by(writer, frame.body, options)
                .map_err(|error| RegistryError::avro(RegistryErrorKind::Value, bad(), error)),
            (None, SchemaType::Json) => serde_json::from_slice(frame.body).map_err(|error| {
                let message = format!("{}: it is no JSON: {error}", bad());
                RegistryError::new(RegistryErrorKind::Value, message)
            }),
            (None, _) => Err(foreign(&schema)),
        }
    }

    async fn fetch_version(&self, subject: &str, version: &str) -> Result<Schema, RegistryError> {
        let what = format!("give version {version} of {subject}");
        let path = format!("/subjects/{}/versions/{version}", encoded(subject));
        let answer = self.ask(&what, Method::GET, &path, None).await?;
        let id = id_of(&answer, &what)?;
        self.registered_schema(id, &answer, &what).await
    }

    /// Sends a schema to a path that answers with its id, unless that is remembered.
    async fn send_once(
        &self,
        cache: &Cache<SchemaKey, Schema>,
        verb: &str,
        path: &str,
        key: &SchemaKey,
    ) -> Result<Schema, RegistryError> {
        let (subject, schema, normalize) = key;
        let what = format!("{verb} a schema of {subject}");
        cache.get(key, async || self.send_schema(&what, path, schema, *normalize).await).await
    }

    /// Sends a schema to a path that answers with its id.
    async fn send_schema(
        &self,
        what: &str,
        path: &str,
        schema: &NewSchema,
        normalize: bool,
    ) -> Result<Schema, RegistryError> {
        // One that cannot be used here is not made known to everybody.
        let avro = self.avro(schema.schema_type, &schema.text, &schema.references).await?;
        let path = if normalize { format!("{path}?normalize=true") } else { path.to_owned() };
        let answer = self.ask(what, Method::POST, &path, Some(&schema.to_json())).await?;
        Ok(Arc::new(RegisteredSchema {
            id: id_of(&answer, what)?,
            schema_type: schema.schema_type,
            text: schema.text.clone(),
            avro,
        }))
    }

    /// The schema of an answer, with what it refers to.
    async fn registered_schema(
        &self,
        id: u32,
        answer: &Value,
        what: &str,
    ) -> Result<Schema, RegistryError> {
        let text = answer.get("schema").and_then(Value::as_str);
        let text = text.ok_or_else(|| unreadable(what, "no schema"))?.to_owned();
        let schema_type = SchemaType::of_name(answer.get("schemaType").and_then(Value::as_str));
        let references = references_of(answer).ok_or_else(|| unreadable(what, "no references"))?;
        let avro = self.avro(schema_type, &text, &references).await?;
        Ok(Arc::new(RegisteredSchema { id, schema_type, text, avro }))
    }

    /// The Avro schema of a text, once all that it refers to has been fetched.
    async fn avro(
        &self,
        schema_type: SchemaType,
        text: &str,
        references: &[SchemaReference],
    ) -> Result<Option<AvroSchema>, RegistryError> {
        if schema_type != SchemaType::Avro {
            return Ok(None);
        }
        let mut waiting = references.to_vec();
        let mut seen: HashSet<(String, u32)> = HashSet::new();
        let mut texts: Vec<String> = Vec::new();
        while let Some(reference) = waiting.pop() {
            if !seen.insert((reference.subject.clone(), reference.version)) {
                continue;
            }
            if seen.len() > REFERENCES_MAX {
                let message = format!("a schema refers to more than {REFERENCES_MAX} others");
                return Err(RegistryError::new(RegistryErrorKind::Schema, message));
            }
            let SchemaReference { subject, version, .. } = &reference;
            let what = format!("give version {version} of {subject}");
            let path = format!("/subjects/{}/versions/{version}", encoded(subject));
            let answer = self.ask(&what, Method::GET, &path, None).await?;
            let text = answer.get("schema").and_then(Value::as_str);
            let text = text.ok_or_else(|| unreadable(&what, "no schema"))?.to_owned();
            if !texts.contains(&text) {
                texts.push(text);
            }
            waiting.extend(references_of(&answer).unwrap_or_default());
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        AvroSchema::parse_with(text, &texts).map(Some).map_err(|error| {
            let message = "the schema cannot be used".to_owned();
            RegistryError::avro(RegistryErrorKind::Schema, message, error)
        })
    }

    /// One request, to each registry in turn until one answers.
    async fn ask(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, RegistryError> {
        let urls = &self.0.settings.urls;
        let first = self.0.answering.load(Ordering::Relaxed);
        let mut last = RegistryError::settings("the registry has no URL");
        for step in 0..urls.len() {
            let index = (first + step) % urls.len();
            let Some(url) = urls.get(index) else { continue };
            match self.exchange(what, url, &method, path, body).await {
                Ok(answer) => {
                    self.0.answering.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                // Another one may be up, or know its leader.
                Err(error) if error.kind() == RegistryErrorKind::Unreachable => last = error,
                Err(error) if error.kind() == RegistryErrorKind::Registry => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn exchange(
        &self,
        what: &str,
        url: &BaseUrl,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, RegistryError> {
        let mut request = Request::new(Bytes::from(body.map(Value::to_string).unwrap_or_default()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = url.with_path(path)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        }
        if let Some(authorization) = &self.0.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let within = self.0.settings.request_timeout;
        let response = self
            .0
            .http
            .send(request, within)
            .await
            .map_err(|error: HttpError| RegistryError::unreachable(what, error))?;
        let status = response.status();
        let answer: Option<Value> = serde_json::from_slice(response.body()).ok();
        if !status.is_success() {
            let field = |name: &str| answer.as_ref().and_then(|answer| answer.get(name));
            let message = field("message").and_then(Value::as_str).unwrap_or_default();
            let message = self.0.masker.mask(message);
            let code = field("error_code").and_then(Value::as_i64);
            return Err(RegistryError::answered(what, status.as_u16(), code, &message));
        }
        answer.ok_or_else(|| unreadable(what, "no JSON"))
    }
}

fn id_of(answer: &Value, what: &str) -> Result<u32, RegistryError> {
    let id = answer.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    id.ok_or_else(|| unreadable(what, "no id"))
}

fn references_of(answer: &Value) -> Option<Vec<SchemaReference>> {
    match answer.get("references") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(references) => references.as_array()?.iter().map(SchemaReference::of_json).collect(),
    }
}

fn unreadable(what: &str, lack: &str) -> RegistryError {
    let message = format!("the schema registry was to {what}, and its answer has {lack}");
    RegistryError::new(RegistryErrorKind::Registry, message)
}

fn foreign(schema: &RegisteredSchema) -> RegistryError {
    let message = format!(
        "schema {} is in {}: expected Avro or JSON Schema",
        schema.id,
        schema.schema_type.name()
    );
    RegistryError::new(RegistryErrorKind::Schema, message)
}

/// A subject as a part of a path.
fn encoded(subject: &str) -> String {
    let mut path = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}
