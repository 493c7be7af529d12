//! Kafka's command line tools, by the names of their scripts.

use std::fs::File;
use std::process::Command;

use crate::java::{self, JavaCommand};
use crate::{KafkaVersion, LabError, artifacts, cache};

/// Whose tools stand in for a release that has none of its own in Maven's repositories.
const STAND_IN: KafkaVersion = KafkaVersion::new(4, 3, 1);

/// A tool's name and its class in the releases, the newest first.
const TOOLS: [(&str, &[&str]); 19] = [
    ("acls", &["org.apache.kafka.tools.AclCommand", "kafka.admin.AclCommand"]),
    (
        "broker-api-versions",
        &[
            "org.apache.kafka.tools.BrokerApiVersionsCommand",
            "kafka.admin.BrokerApiVersionsCommand",
        ],
    ),
    ("configs", &["org.apache.kafka.tools.ConfigCommand", "kafka.admin.ConfigCommand"]),
    (
        "console-consumer",
        &["org.apache.kafka.tools.consumer.ConsoleConsumer", "kafka.tools.ConsoleConsumer"],
    ),
    (
        "console-producer",
        &["org.apache.kafka.tools.ConsoleProducer", "kafka.tools.ConsoleProducer"],
    ),
    ("console-share-consumer", &["org.apache.kafka.tools.consumer.ConsoleShareConsumer"]),
    (
        "consumer-groups",
        &[
            "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            "kafka.admin.ConsumerGroupCommand",
        ],
    ),
    (
        "consumer-perf-test",
        &["org.apache.kafka.tools.ConsumerPerformance", "kafka.tools.ConsumerPerformance"],
    ),
    ("dump-log", &["org.apache.kafka.tools.DumpLogSegments", "kafka.tools.DumpLogSegments"]),
    ("features", &["org.apache.kafka.tools.FeatureCommand", "kafka.admin.FeatureCommand"]),
    ("get-offsets", &["org.apache.kafka.tools.GetOffsetShell", "kafka.tools.GetOffsetShell"]),
    ("groups", &["org.apache.kafka.tools.GroupsCommand"]),
    ("producer-perf-test", &["org.apache.kafka.tools.ProducerPerformance"]),
    ("share-groups", &["org.apache.kafka.tools.consumer.group.ShareGroupCommand"]),
    ("storage", &["kafka.tools.StorageTool"]),
    ("topics", &["org.apache.kafka.tools.TopicCommand", "kafka.admin.TopicCommand"]),
    ("transactions", &["org.apache.kafka.tools.TransactionsCommand"]),
    ("verifiable-consumer", &["org.apache.kafka.tools.VerifiableConsumer"]),
    ("verifiable-producer", &["org.apache.kafka.tools.VerifiableProducer"]),
];

/// The names of all tools.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(name, _)| *name)
}

/// The command of a tool, by its name or by its class, of a release; for a release without tools
/// of its own, of the newest that has them. Its input is closed unless the caller gives one.
///
/// # Errors
///
/// When the release's jars cannot be brought, or when it has no such tool.
pub fn command(version: KafkaVersion, name: &str) -> Result<Command, LabError> {
    let classes = TOOLS
        .iter()
        .find(|(tool, _)| *tool == name)
        .map_or_else(|| vec![name], |(_, classes)| classes.to_vec());
    let mut found = find(version, &classes)?;
    if found.is_none() && version > STAND_IN {
        found = find(STAND_IN, &classes)?;
    }
    let Some((version, main)) = found else {
        let all: Vec<&str> = names().collect();
        return Err(LabError::Usage(format!(
            "Kafka {version} has no tool '{name}'; a class of it is expected, or one of {}",
            all.join(", ")
        )));
    };
    let logging = cache::version_folder(version)?.join("tools-logging.properties");
    if !logging.is_file() {
        cache::write(&logging, &java::logging_properties(version, "WARN"))?;
    }
    JavaCommand {
        version,
        main,
        heap: "128m",
        options: &[],
        classes: None,
        logging: Some(&logging),
    }
    .build()
}

/// Runs a tool to its end and gives what it printed on stdout.
///
/// # Errors
///
/// As [`command`], and when the tool fails.
pub fn run(version: KafkaVersion, name: &str, arguments: &[&str]) -> Result<String, LabError> {
    let mut command = command(version, name)?;
    command.args(arguments);
    java::run(command, &format!("Kafka's tool {name}"))
}

/// The first of the classes that the jars of a release hold.
fn find<'a>(
    version: KafkaVersion,
    classes: &[&'a str],
) -> Result<Option<(KafkaVersion, &'a str)>, LabError> {
    let folder = artifacts::fetch(version)?;
    let context = || format!("cannot read {}", folder.display());
    let mut entries = std::collections::HashSet::new();
    for entry in folder.read_dir().map_err(LabError::io(context()))? {
        let path = entry.map_err(LabError::io(context()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !(name.starts_with("kafka") && name.ends_with(".jar")) {
            continue;
        }
        let file = File::open(&path).map_err(LabError::io(context()))?;
        let jar = zip::ZipArchive::new(file)
            .map_err(|error| LabError::Usage(format!("{}: {error}", path.display())))?;
        entries.extend(jar.file_names().flatten().map(std::borrow::Cow::into_owned));
    }
    let has = |class: &str| entries.contains(&format!("{}.class", class.replace('.', "/")));
    Ok(classes.iter().find(|class| has(class)).map(|class| (version, *class)))
}
