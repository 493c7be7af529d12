//! Real Apache Kafka for the suites.
//!
//! A test that needs it is ignored by default, with [`NEEDS_KAFKA`]'s words as the reason, so that
//! a run without Java says what it left out. `cargo xtask test` runs it where Java is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use kafka_lab::{JavaProgram, KafkaVersion, Lab, LabOptions, Programs, golden, users::User};
use serde_json::{Value, json};

/// The reason that ignored tests give.
pub(crate) const NEEDS_KAFKA: &str = "needs Apache Kafka: cargo xtask test --group kafka";

/// The last release with message formats 0 and 1 as a matter of course.
pub(crate) const V1_1: KafkaVersion = KafkaVersion::new(1, 1, 1);
/// The first with OAUTHBEARER and with message down-conversion at its widest.
pub(crate) const V2_0: KafkaVersion = KafkaVersion::new(2, 0, 1);
/// The last of 2.x, on ZooKeeper.
pub(crate) const V2_8: KafkaVersion = KafkaVersion::new(2, 8, 2);
/// The last of 3.x, on KRaft.
pub(crate) const V3_9: KafkaVersion = KafkaVersion::new(3, 9, 2);
/// The newest with a complete set of artifacts; most tests use it.
pub(crate) const V4_3: KafkaVersion = KafkaVersion::new(4, 3, 1);
/// The newest, whose messages the codec is generated from.
pub(crate) const V4_4: KafkaVersion = KafkaVersion::new(4, 4, 0);

/// One cluster for each version and size.
type Clusters = BTreeMap<(KafkaVersion, u16), Arc<OnceLock<Arc<Lab>>>>;

static CLUSTERS: LazyLock<Mutex<Clusters>> = LazyLock::new(Mutex::default);

/// The cluster of a version with that many nodes which all tests of this process share; it is
/// started by the first that asks and ends with the process.
///
/// A test that kills, pauses or restarts nodes takes a cluster of its own: [`own_lab`].
///
/// # Panics
///
/// When the cluster does not come up; the message says what is missing.
pub(crate) fn lab(version: KafkaVersion, nodes: u16) -> Arc<Lab> {
    let slot = {
        let mut clusters = CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.entry((version, nodes)).or_default().clone()
    };
    // Tests of other clusters need not wait: the map is free while this one starts.
    slot.get_or_init(|| Arc::new(own_lab(LabOptions::new(version).nodes(nodes)))).clone()
}

/// A cluster for one test, which ends when it is dropped.
///
/// # Panics
///
/// When the cluster does not come up; the message says what is missing.
pub(crate) fn own_lab(options: LabOptions) -> Lab {
    Lab::start(options).unwrap_or_else(|error| panic!("{NEEDS_KAFKA}\n{error}"))
}

/// A name that no other call has given in this process.
///
/// Topics and groups of tests that share a cluster are kept apart by it.
pub(crate) fn unique(prefix: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The Java properties that connect to [`SaslSsl`](kafka_lab::Listener::SaslSsl) by SCRAM-SHA-512,
/// as Kafka's tools and `from_properties` read them; the authority is given as PEM.
///
/// Brokers and tools before 2.7 (KIP-651) read no PEM: see [`java_scram_properties`].
pub(crate) fn scram_properties(lab: &Lab, user: User) -> Vec<(String, String)> {
    let ca = lab.certificates().ca_pem();
    scram(user, "PEM", &ca, None)
}

/// As [`scram_properties`], with the authority as PKCS12, which Java of every release reads.
pub(crate) fn java_scram_properties(lab: &Lab, user: User) -> Vec<(String, String)> {
    let store = lab.certificates().truststore_p12();
    scram(user, "PKCS12", &store, Some(kafka_lab::certificates::PASSWORD))
}

fn scram(
    user: User,
    store_type: &str,
    store: &Path,
    password: Option<&str>,
) -> Vec<(String, String)> {
    let login = format!(
        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{}\" password=\"{}\";",
        user.name, user.password
    );
    let mut properties = vec![
        ("security.protocol".to_owned(), "SASL_SSL".to_owned()),
        ("sasl.mechanism".to_owned(), "SCRAM-SHA-512".to_owned()),
        ("sasl.jaas.config".to_owned(), login),
        ("ssl.truststore.type".to_owned(), store_type.to_owned()),
        ("ssl.truststore.location".to_owned(), store.display().to_string()),
    ];
    if let Some(password) = password {
        properties.push(("ssl.truststore.password".to_owned(), password.to_owned()));
    }
    properties
}

/// The text of a properties file.
pub(crate) fn properties_text(properties: &[(String, String)]) -> String {
    properties.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name}={value}");
        text
    })
}

/// The Java programs of `tests/golden/java`, compiled.
///
/// # Panics
///
/// When they cannot be compiled.
pub(crate) fn programs() -> Programs {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/java");
    Programs::compile(golden::VERSION, Path::new(sources))
        .unwrap_or_else(|error| panic!("{NEEDS_KAFKA}\n{error}"))
}

/// Kafka's own reader, which is shown what Milena wrote.
#[derive(Debug)]
pub(crate) struct ReadBack {
    program: JavaProgram,
}

impl ReadBack {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When Java cannot be started.
    pub(crate) fn start() -> Self {
        Self { program: programs().start("ReadBack", &[]).expect("Java starts") }
    }

    /// What Kafka finds in a set of records: `batches` and `records`, or `error`.
    ///
    /// # Panics
    ///
    /// When the program has ended.
    pub(crate) fn records(&mut self, bytes: &[u8]) -> Value {
        self.ask(&json!({ "hex": milena_tests::golden::hex(bytes) }))
    }

    /// What Kafka reads a message as: `body`, `hex` (written again) and `left` (bytes left over),
    /// or `error`. `kind` is request, response, header or data; the bytes have no frame.
    ///
    /// # Panics
    ///
    /// When the program has ended.
    pub(crate) fn message(&mut self, kind: &str, name: &str, version: i16, bytes: &[u8]) -> Value {
        let hex = milena_tests::golden::hex(bytes);
        self.ask(&json!({ "type": kind, "name": name, "version": version, "hex": hex }))
    }

    fn ask(&mut self, question: &Value) -> Value {
        self.program.ask(question).expect("the program answers every line")
    }
}
