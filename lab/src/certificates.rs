//! Certificates for tests: PEM for clients, PKCS12 for brokers, good ones and bad ones.
//!
//! They are made by openssl and keytool rather than by a Rust crate, so that nothing in the
//! workspace compiles C for their sake. Their keys are public, as they lie in a cache: nothing
//! but a test may trust them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{LabError, cache, java};

/// The password of every PKCS12 file.
pub const PASSWORD: &str = "changeit";

/// A change of what is made below needs a new name, or old caches would stay in use.
const FOLDER: &str = "certificates-1";

/// A folder of certificates and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    folder: PathBuf,
}

/// One certificate that an authority of the folder signs.
struct Leaf {
    name: &'static str,
    common_name: &'static str,
    issuer: &'static str,
    usage: &'static str,
    names: &'static str,
    /// The arguments that give the time of validity.
    validity: &'static [&'static str],
}

const TEN_YEARS: &[&str] = &["-days", "3650"];

const LEAVES: [Leaf; 5] = [
    Leaf {
        name: "server",
        common_name: "localhost",
        issuer: "ca",
        usage: "serverAuth,clientAuth",
        names: "DNS:localhost,IP:127.0.0.1",
        validity: TEN_YEARS,
    },
    Leaf {
        name: "expired",
        common_name: "localhost",
        issuer: "ca",
        usage: "serverAuth",
        names: "DNS:localhost,IP:127.0.0.1",
        validity: &["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"],
    },
    Leaf {
        name: "wrong-host",
        common_name: "wrong.example",
        issuer: "ca",
        usage: "serverAuth",
        names: "DNS:wrong.example",
        validity: TEN_YEARS,
    },
    Leaf {
        name: "client",
        common_name: "alice",
        issuer: "ca",
        usage: "clientAuth",
        names: "DNS:alice",
        validity: TEN_YEARS,
    },
    Leaf {
        name: "stranger",
        common_name: "stranger",
        issuer: "other-ca",
        usage: "clientAuth",
        names: "DNS:stranger",
        validity: TEN_YEARS,
    },
];

impl Certificates {
    /// The certificates of the cache, made now if they are absent or nearly over.
    ///
    /// # Errors
    ///
    /// When openssl or keytool is missing or fails.
    pub fn cached() -> Result<Self, LabError> {
        let folder = cache::root()?.join(FOLDER);
        cache::make_once(&folder, is_fresh, make)?;
        Ok(Self { folder })
    }

    /// Makes new ones in a folder.
    ///
    /// # Errors
    ///
    /// As [`cached`](Self::cached), or when the folder is not empty.
    pub fn make(folder: &Path) -> Result<Self, LabError> {
        cache::create_folder(folder)?;
        let is_empty = folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if !is_empty {
            return Err(LabError::Usage(format!("{} is not empty", folder.display())));
        }
        make(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder that holds them all.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The authority that a client has to trust (PEM).
    #[must_use]
    pub fn ca_pem(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Another authority, which signed nothing that a broker shows (PEM).
    #[must_use]
    pub fn other_ca_pem(&self) -> PathBuf {
        self.file("other-ca.pem")
    }

    /// The server certificate for `localhost` and 127.0.0.1 (PEM).
    #[must_use]
    pub fn server_pem(&self) -> PathBuf {
        self.file("server.pem")
    }

    /// The key of the server certificate (PKCS #8, PEM).
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.file("server.key")
    }

    /// The server certificate, its key and its authority.
    #[must_use]
    pub fn server_p12(&self) -> PathBuf {
        self.file("server.p12")
    }

    /// A server certificate whose time was over in 2020 (PEM).
    #[must_use]
    pub fn expired_pem(&self) -> PathBuf {
        self.file("expired.pem")
    }

    /// The key of the expired certificate (PKCS #8, PEM).
    #[must_use]
    pub fn expired_key(&self) -> PathBuf {
        self.file("expired.key")
    }

    /// The expired certificate, its key and its authority.
    #[must_use]
    pub fn expired_p12(&self) -> PathBuf {
        self.file("expired.p12")
    }

    /// A server certificate that names `wrong.example` only (PEM).
    #[must_use]
    pub fn wrong_host_pem(&self) -> PathBuf {
        self.file("wrong-host.pem")
    }

    /// The key of the certificate for `wrong.example` (PKCS #8, PEM).
    #[must_use]
    pub fn wrong_host_key(&self) -> PathBuf {
        self.file("wrong-host.key")
    }

    /// The certificate for `wrong.example`, its key and its authority.
    #[must_use]
    pub fn wrong_host_p12(&self) -> PathBuf {
        self.file("wrong-host.p12")
    }

    /// The client certificate of `alice` (PEM).
    #[must_use]
    pub fn client_pem(&self) -> PathBuf {
        self.file("client.pem")
    }

    /// The key of the client certificate (PKCS #8, PEM).
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.file("client.key")
    }

    /// The client certificate, its key and its authority.
    #[must_use]
    pub fn client_p12(&self) -> PathBuf {
        self.file("client.p12")
    }

    /// A client certificate of the other authority, which brokers refuse (PEM).
    #[must_use]
    pub fn stranger_pem(&self) -> PathBuf {
        self.file("stranger.pem")
    }

    /// The key of the refused client certificate (PKCS #8, PEM).
    #[must_use]
    pub fn stranger_key(&self) -> PathBuf {
        self.file("stranger.key")
    }

    /// The authority as Java trusts it.
    #[must_use]
    pub fn truststore_p12(&self) -> PathBuf {
        self.file("truststore.p12")
    }
}

/// Whether the certificates are there and have a month left.
fn is_fresh(folder: &Path) -> bool {
    const MONTH_IN_SECONDS: &str = "2592000";
    Command::new("openssl")
        .args(["x509", "-noout", "-checkend", MONTH_IN_SECONDS, "-in"])
        .arg(folder.join("server.pem"))
        .stdin(Stdio::null())
        .output()
        // Where openssl has gone missing, what is there is the best to be had.
        .map_or(true, |output| output.status.success())
}

fn make(folder: &Path) -> Result<(), LabError> {
    for authority in ["ca", "other-ca"] {
        openssl(
            folder,
            &[
                ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650"]
                    .as_slice(),
                &["-subj", &format!("/CN=kafka-lab {authority}")],
                &["-addext", "basicConstraints=critical,CA:TRUE"],
                &["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
                &["-keyout", &format!("{authority}.key"), "-out", &format!("{authority}.pem")],
            ],
        )?;
    }
    for leaf in &LEAVES {
        sign(folder, leaf)?;
    }
    // A PKCS12 file that openssl made of certificates alone holds no trusted entry to Java.
    let mut keytool = Command::new(java::program("keytool"));
    keytool
        .args(["-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem"])
        .args(["-storetype", "PKCS12", "-storepass", PASSWORD, "-keystore", "truststore.p12"])
        .current_dir(folder)
        .stdin(Stdio::null());
    java::run(keytool, "keytool")?;
    make_readable(folder)
}

/// Lets every user read every file: a broker in a container runs under another one, and keys of
/// tests are no secret.
fn make_readable(folder: &Path) -> Result<(), LabError> {
    use std::os::unix::fs::PermissionsExt as _;
    let context = || format!("cannot change {}", folder.display());
    for entry in folder.read_dir().map_err(LabError::io(context()))? {
        let path = entry.map_err(LabError::io(context()))?.path();
        let permissions = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, permissions).map_err(LabError::io(context()))?;
    }
    Ok(())
}

/// Makes a key and has an authority sign its certificate. `openssl ca` is the one subcommand that
/// takes both ends of the validity in every release of openssl.
fn sign(folder: &Path, leaf: &Leaf) -> Result<(), LabError> {
    let Leaf { name, issuer, .. } = leaf;
    cache::write(
        &folder.join("ca.cnf"),
        &format!(
            "[ca]\ndefault_ca = lab\n\
             [lab]\ndatabase = index.txt\nnew_certs_dir = .\ndefault_md = sha256\n\
             policy = names\nunique_subject = no\nrand_serial = yes\n\
             [names]\ncommonName = supplied\n\
             [leaf]\nbasicConstraints = critical,CA:FALSE\n\
             keyUsage = critical,digitalSignature,keyEncipherment\n\
             extendedKeyUsage = {}\nsubjectAltName = {}\n",
            leaf.usage, leaf.names
        ),
    )?;
    cache::write(&folder.join("index.txt"), "")?;
    let key = format!("{name}.key");
    let pem = format!("{name}.pem");
    let issuer_pem = format!("{issuer}.pem");
    openssl(
        folder,
        &[
            &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-sha256"],
            &["-subj", &format!("/CN={}", leaf.common_name)],
            &["-keyout", &key, "-out", "request.csr"],
        ],
    )?;
    openssl(
        folder,
        &[
            &["ca", "-batch", "-config", "ca.cnf", "-extensions", "leaf"],
            &["-notext", "-in", "request.csr", "-out", &pem],
            &["-cert", &issuer_pem, "-keyfile", &format!("{issuer}.key")],
            leaf.validity,
        ],
    )?;
    openssl(
        folder,
        &[
            &["pkcs12", "-export", "-name", name, "-in", &pem, "-inkey", &key],
            &["-certfile", &issuer_pem, "-passout", &format!("pass:{PASSWORD}")],
            &["-out", &format!("{name}.p12")],
        ],
    )?;
    remove_left_overs(folder)
}

/// Removes what `openssl ca` leaves besides the certificate: its database, and a second copy
/// under the serial number.
fn remove_left_overs(folder: &Path) -> Result<(), LabError> {
    let context = || format!("cannot clean {}", folder.display());
    for entry in folder.read_dir().map_err(LabError::io(context()))? {
        let path = entry.map_err(LabError::io(context()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_copy = name
            .strip_suffix(".pem")
            .is_some_and(|serial| serial.bytes().all(|b| b.is_ascii_hexdigit()) && serial != "ca");
        if is_copy || name.starts_with("index.txt") || name == "ca.cnf" || name == "request.csr" {
            std::fs::remove_file(&path).map_err(LabError::io(context()))?;
        }
    }
    Ok(())
}

fn openssl(folder: &Path, arguments: &[&[&str]]) -> Result<(), LabError> {
    let arguments = arguments.concat();
    let output = Command::new("openssl")
        .args(&arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(LabError::not_started("openssl", "openssl", "make certificates"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(LabError::Failed {
        program: format!("openssl {}", arguments.join(" ")),
        status: output.status,
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
