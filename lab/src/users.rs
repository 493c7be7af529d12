//! The users that every cluster of the lab knows, by PLAIN and by SCRAM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

/// A user for tests, so the password is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The name; `admin` is super user where an authorizer runs.
    pub name: &'static str,
    /// The password.
    pub password: &'static str,
}

/// `admin`, and two users without rights of their own. The client certificate names `alice` too.
pub const USERS: [User; 3] = [
    User { name: "admin", password: "admin-secret" },
    User { name: "alice", password: "alice-secret" },
    User { name: "bob", password: "bob-secret" },
];

/// What brokers and controllers say who they are to each other.
pub(crate) const INTERNAL: User = User { name: "broker", password: "broker-secret" };

/// Kafka's default and the least that RFC 7677 allows.
const ITERATIONS: u32 = 4096;

/// What a broker keeps of a user, as Kafka writes it into `ZooKeeper`: the JSON of
/// `/config/users/NAME`.
pub(crate) fn zookeeper_config(user: User) -> String {
    let config = [
        ("SCRAM-SHA-256", credential::<Sha256>(user, "sha-256", salted_256)),
        ("SCRAM-SHA-512", credential::<Sha512>(user, "sha-512", salted_512)),
    ];
    serde_json::json!({ "version": 1, "config": config.into_iter().collect::<std::collections::BTreeMap<_, _>>() })
        .to_string()
}

fn salted_256(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut out = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ITERATIONS, &mut out);
    out.to_vec()
}

fn salted_512(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut out = [0; 64];
    pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, ITERATIONS, &mut out);
    out.to_vec()
}

/// The stored key and the server key of RFC 5802, section 3. The salt follows from the name, so
/// that a cluster's files are the same at every start.
fn credential<D: Digest + hmac::EagerHash>(
    user: User,
    label: &str,
    salted: fn(&[u8], &[u8]) -> Vec<u8>,
) -> String {
    let salt = format!("kafka-lab/{label}/{}", user.name);
    let salted = salted(user.password.as_bytes(), salt.as_bytes());
    let keyed = |text: &[u8]| {
        let mut mac =
            hmac::Hmac::<D>::new_from_slice(&salted).expect("HMAC takes a key of any length");
        mac.update(text);
        mac.finalize().into_bytes()
    };
    format!(
        "salt={},stored_key={},server_key={},iterations={ITERATIONS}",
        STANDARD.encode(&salt),
        STANDARD.encode(D::digest(keyed(b"Client Key"))),
        STANDARD.encode(keyed(b"Server Key")),
    )
}
