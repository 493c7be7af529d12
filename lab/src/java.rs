//! Java: where it is, and the command line of one of Kafka's programs.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{KafkaVersion, LabError, artifacts};

/// The package that brings java, javac and keytool.
pub(crate) const JDK: &str = "a JDK 17 or newer, such as openjdk-17-jdk-headless";

/// The least release of Java that every Kafka used here starts on.
pub const REQUIRED: u32 = 17;

/// A program of the JDK: from `$JAVA_HOME` where that is set, else from the path.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    match env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => Path::new(&home).join("bin").join(name),
        None => PathBuf::from(name),
    }
}

/// Says what keeps the lab from running here, if anything does: no JDK, a Java that is too old,
/// no Maven, no openssl.
///
/// # Errors
///
/// The first thing that is missing.
pub fn check() -> Result<(), LabError> {
    // `java -version` speaks on stderr: openjdk version "17.0.15" 2025-04-15.
    let said = version_text("java", "-version", JDK, "run Apache Kafka")?;
    let release = said
        .split('"')
        .nth(1)
        .and_then(|version| version.split(['.', '-', '+']).next())
        .and_then(|major| major.parse().ok())
        .unwrap_or(0);
    if release < REQUIRED {
        return Err(LabError::Usage(format!(
            "Java {REQUIRED} is needed to run Apache Kafka; {} says: {}",
            program("java").display(),
            said.lines().next().unwrap_or("nothing")
        )));
    }
    version_text("javac", "-version", JDK, "compile the programs that read what Milena wrote")?;
    run_quietly("mvn", "--version", "maven", "bring Kafka's jars")?;
    run_quietly("openssl", "version", "openssl", "make certificates")
}

fn version_text(
    name: &str,
    argument: &str,
    package: &'static str,
    purpose: &'static str,
) -> Result<String, LabError> {
    let path = program(name);
    let output = Command::new(&path)
        .arg(argument)
        .stdin(Stdio::null())
        .output()
        .map_err(LabError::not_started(&path.to_string_lossy(), package, purpose))?;
    Ok(String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned())
}

fn run_quietly(
    name: &str,
    argument: &str,
    package: &'static str,
    purpose: &'static str,
) -> Result<(), LabError> {
    Command::new(name)
        .arg(argument)
        .stdin(Stdio::null())
        .output()
        .map(drop)
        .map_err(LabError::not_started(name, package, purpose))
}

/// The command line of a class of one Kafka release.
#[derive(Debug)]
pub(crate) struct JavaCommand<'a> {
    pub(crate) version: KafkaVersion,
    pub(crate) main: &'a str,
    pub(crate) heap: &'a str,
    pub(crate) options: &'a [String],
    /// A folder of classes that goes before the jars.
    pub(crate) classes: Option<&'a Path>,
    /// The logging set-up; without it errors alone are logged.
    pub(crate) logging: Option<&'a Path>,
}

impl JavaCommand<'_> {
    /// The command, without the arguments of the class.
    pub(crate) fn build(&self) -> Result<Command, LabError> {
        let mut path = OsString::new();
        if let Some(classes) = self.classes {
            path.push(classes);
            path.push(":");
        }
        path.push(artifacts::library(self.version)?.join("*"));
        let mut command = Command::new(program("java"));
        command
            .arg(format!("-Xmx{}", self.heap))
            // One collector thread and the quick compiler alone: start matters here, not peak.
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]);
        if let Some(file) = self.logging {
            command.arg(if self.version.is_at_least(4, 0) {
                format!("-Dlog4j2.configurationFile={}", file.display())
            } else {
                format!("-Dlog4j.configuration=file:{}", file.display())
            });
        }
        command.args(self.options).arg("-cp").arg(path).arg(self.main).stdin(Stdio::null());
        Ok(command)
    }
}

/// Runs a command to its end and gives what it printed on stdout.
pub(crate) fn run(mut command: Command, what: &str) -> Result<String, LabError> {
    let output = command.output().map_err(LabError::not_started(
        &command.get_program().to_string_lossy(),
        JDK,
        "run Apache Kafka",
    ))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(LabError::Failed {
        program: what.to_owned(),
        status: output.status,
        output: end_of(&String::from_utf8_lossy(&text)).to_owned(),
    })
}

/// The last few thousand bytes of a text.
pub(crate) fn end_of(text: &str) -> &str {
    const MOST: usize = 4000;
    let start = text.len().saturating_sub(MOST);
    let start = (start..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// The set-up of log4j that prints every line on stderr, in the syntax that the release reads.
pub(crate) fn logging_properties(version: KafkaVersion, level: &str) -> String {
    if version.is_at_least(4, 0) {
        format!(
            "rootLogger.level = {level}\n\
             rootLogger.appenderRef.out.ref = out\n\
             appender.out.type = Console\n\
             appender.out.name = out\n\
             appender.out.target = SYSTEM_ERR\n\
             appender.out.layout.type = PatternLayout\n\
             appender.out.layout.pattern = [%d] %p %m (%c)%n\n"
        )
    } else {
        format!(
            "log4j.rootLogger={level}, out\n\
             log4j.appender.out=org.apache.log4j.ConsoleAppender\n\
             log4j.appender.out.target=System.err\n\
             log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
             log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n\n"
        )
    }
}
