//! The jars of a Kafka release, brought by Maven.
//!
//! Which artifacts make a broker that starts on Java 17 differs by release; `pom` is the list.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{KafkaVersion, LabError, cache};

const LOG4J2: &str = "2.25.4";
const RELOAD4J: &str = "1.2.26";
const SLF4J: &str = "1.7.36";
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The folder with a release's jars, whether they are there or not.
///
/// # Errors
///
/// When the cache's place cannot be told.
pub fn library(version: KafkaVersion) -> Result<PathBuf, LabError> {
    Ok(cache::version_folder(version)?.join("lib"))
}

/// Brings the jars of a release unless they are there, and gives their folder.
///
/// # Errors
///
/// When Maven is missing or cannot bring them.
pub fn fetch(version: KafkaVersion) -> Result<PathBuf, LabError> {
    let target = library(version)?;
    cache::make_once(&target, |_| true, |staging| copy_jars(version, staging))?;
    Ok(target)
}

/// Throws the jars of a release away and brings them again.
///
/// # Errors
///
/// As [`fetch`].
pub fn fetch_again(version: KafkaVersion) -> Result<PathBuf, LabError> {
    cache::remove_folder(&cache::version_folder(version)?)?;
    fetch(version)
}

/// The path of one jar, such as `kafka-clients`, of a release.
///
/// # Errors
///
/// When the jars cannot be brought, or when that one is not among them.
pub fn jar(version: KafkaVersion, artifact: &str) -> Result<PathBuf, LabError> {
    let path = fetch(version)?.join(format!("{artifact}-{version}.jar"));
    if path.is_file() {
        return Ok(path);
    }
    Err(LabError::Usage(format!("Kafka {version} has no jar {artifact}: {}", path.display())))
}

fn copy_jars(version: KafkaVersion, staging: &Path) -> Result<(), LabError> {
    match run_maven(version, staging, true) {
        // A release can be there without its command line tools; the broker needs none.
        Err(LabError::Failed { output, .. })
            if has_tools_artifact(version) && output.contains("kafka-tools") =>
        {
            run_maven(version, staging, false)
        }
        outcome => outcome,
    }
}

fn run_maven(version: KafkaVersion, staging: &Path, tools: bool) -> Result<(), LabError> {
    let pom_file = staging.join("pom.xml");
    cache::write(&pom_file, &pom(version, tools))?;
    let output = Command::new("mvn")
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(&pom_file)
        .arg(COPY)
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", staging.display()))
        .stdin(Stdio::null())
        .output()
        .map_err(LabError::not_started("mvn", "maven", "bring Kafka's jars"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(LabError::Failed {
        program: format!("mvn, to bring Kafka {version}"),
        status: output.status,
        output: String::from_utf8_lossy(&text).into_owned(),
    })
}

/// Whether the console tools are an artifact of their own: they left the core jar in 3.x.
fn has_tools_artifact(version: KafkaVersion) -> bool {
    version.is_at_least(3, 3)
}

/// The project file whose runtime dependencies are the broker's class path.
fn pom(version: KafkaVersion, tools: bool) -> String {
    let scala = if version.is_at_least(2, 4) { "2.13" } else { "2.12" };
    let release = version.to_string();
    let mut unwanted = vec![("log4j", "log4j"), ("org.slf4j", "slf4j-log4j12")];
    if !tools {
        unwanted.push(("org.apache.kafka", "kafka-tools-api"));
    }
    let mut list = String::new();
    let mut add = |group: &str, artifact: &str, version: &str, without: &[(&str, &str)]| {
        let exclusions: String = without
            .iter()
            .map(|(group, artifact)| {
                format!("<exclusion><groupId>{group}</groupId><artifactId>{artifact}</artifactId></exclusion>")
            })
            .collect();
        let _ = writeln!(
            list,
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version><exclusions>{exclusions}</exclusions></dependency>"
        );
    };
    add("org.apache.kafka", &format!("kafka_{scala}"), &release, &unwanted);
    if tools && has_tools_artifact(version) {
        // Connect's runtime brings a web server and nothing that the tools used here need.
        let without = [&unwanted[..], &[("org.apache.kafka", "connect-runtime")]].concat();
        add("org.apache.kafka", "kafka-tools", &release, &without);
    }
    // ZooKeeper 3.4.13 to 3.5.7 cannot connect on Java 14 and newer (ZOOKEEPER-3779).
    if version.is_at_least(2, 0) && !version.is_at_least(2, 4) {
        add("org.apache.zookeeper", "zookeeper", "3.4.12", &unwanted);
    } else if version.is_at_least(2, 4) && !version.is_at_least(2, 7) {
        add("org.apache.zookeeper", "zookeeper", "3.5.9", &unwanted);
    }
    add("org.slf4j", "slf4j-api", SLF4J, &[]);
    if version.is_at_least(4, 0) {
        for artifact in ["log4j-api", "log4j-core", "log4j-slf4j-impl"] {
            add("org.apache.logging.log4j", artifact, LOG4J2, &[]);
        }
    } else {
        // Core classes call log4j 1.x directly; reload4j stands in for it.
        add("ch.qos.reload4j", "reload4j", RELOAD4J, &[]);
        add("org.slf4j", "slf4j-reload4j", SLF4J, &[]);
    }
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>kafka-lab</groupId>\
         <artifactId>kafka-lab</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>\n{list}</dependencies></project>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_zookeeper_that_connects_on_java_17() {
        let text = pom(KafkaVersion::new(2, 0, 1), true);
        assert!(text.contains("<artifactId>kafka_2.12</artifactId><version>2.0.1</version>"));
        assert!(text.contains("<artifactId>zookeeper</artifactId><version>3.4.12</version>"));
        assert!(!text.contains("<artifactId>kafka-tools</artifactId>"));
    }

    #[test]
    fn leaves_the_tools_out_when_asked() {
        let version = KafkaVersion::new(4, 4, 0);
        assert!(pom(version, true).contains("<artifactId>kafka-tools</artifactId><version>"));
        assert!(!pom(version, false).contains("<artifactId>kafka-tools</artifactId><version>"));
    }
}
