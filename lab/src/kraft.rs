//! Formatting the data folders of a KRaft cluster.
//!
//! Kafka's `StorageTool` takes a JVM of its own, a third of a cluster's start. What it writes
//! depends on the release, its settings and the users alone, save three ids in `meta.properties`:
//! so it runs once for each of those, and every node gets a copy with ids of its own.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::java::{self, JavaCommand};
use crate::users::USERS;
use crate::{KafkaVersion, LabError, cache, properties};

/// What the formatted folder depends on.
pub(crate) struct Format<'a> {
    pub(crate) version: KafkaVersion,
    /// The properties of node 1.
    pub(crate) properties: &'a properties::Properties,
    /// Properties that a caller set over the lab's own.
    pub(crate) config: &'a [(String, String)],
    pub(crate) features: &'a [String],
}

impl Format<'_> {
    /// Gives the formatted folder to copy from, made now if it has not been before.
    pub(crate) fn template(&self) -> Result<PathBuf, LabError> {
        let description = format!("{:?} {:?} {USERS:?}", self.features, self.config);
        let digest = Sha256::digest(description.as_bytes());
        let name = URL_SAFE_NO_PAD.encode(digest.get(..9).unwrap_or(&digest));
        let target = cache::version_folder(self.version)?.join("formatted").join(name);
        cache::make_once(&target, |_| true, |staging| self.format(staging))?;
        Ok(target.join("data"))
    }

    fn format(&self, staging: &Path) -> Result<(), LabError> {
        let mut properties = self.properties.clone();
        properties.insert("log.dirs".to_owned(), staging.join("data").display().to_string());
        let file = staging.join("server.properties");
        cache::write(&file, &properties::text(&properties))?;
        let logging = staging.join("logging.properties");
        cache::write(&logging, &java::logging_properties(self.version, "WARN"))?;
        let mut command = JavaCommand {
            version: self.version,
            main: "kafka.tools.StorageTool",
            heap: "128m",
            options: &[],
            classes: None,
            logging: Some(&logging),
        }
        .build()?;
        command.args(["format", "--cluster-id", &random_id()?, "--config"]).arg(&file);
        for feature in self.features {
            command.args(["--feature", feature]);
        }
        // KIP-900: users from the first moment; before 3.5 a KRaft cluster has no SCRAM.
        if self.version.is_at_least(3, 5) {
            for user in USERS {
                for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                    let (name, password) = (user.name, user.password);
                    let value = format!("{mechanism}=[name={name},password={password}]");
                    command.args(["--add-scram", &value]);
                }
            }
        }
        java::run(command, &format!("StorageTool of Kafka {}", self.version)).map(drop)
    }
}

/// Makes the data folder of a node from the template.
pub(crate) fn copy(
    template: &Path,
    data: &Path,
    node: u16,
    cluster_id: &str,
) -> Result<(), LabError> {
    cache::copy_folder(template, data)?;
    let meta = data.join("meta.properties");
    let mut text = String::new();
    for line in cache::read(&meta)?.lines() {
        match line.split_once('=').map(|(name, _)| name) {
            Some("node.id") => text.push_str(&format!("node.id={node}")),
            Some("cluster.id") => text.push_str(&format!("cluster.id={cluster_id}")),
            Some("directory.id") => text.push_str(&format!("directory.id={}", random_id()?)),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    cache::write(&meta, &text)
}

/// A random id in Kafka's form: 16 bytes in base64url without padding. Kafka reserves ids that
/// begin with a dash, which its command line would take for an option.
pub(crate) fn random_id() -> Result<String, LabError> {
    loop {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| LabError::Usage(error.to_string()))?;
        let id = URL_SAFE_NO_PAD.encode(bytes);
        if !id.starts_with('-') {
            return Ok(id);
        }
    }
}
