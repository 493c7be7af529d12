//! `milena topics`: creates, lists, describes and deletes topics.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use milena::{
    admin::{Admin, ListTopicsOptions, NewTopic, TopicDescription},
    config::AdminConfig,
};

use crate::{
    arguments::{Connection, CreateTopic, Topics},
    failure::Failure,
    properties::{PropertyList, warn},
};

/// Runs the command.
pub(crate) async fn run(topics: Topics) -> Result<(), Failure> {
    match topics {
        Topics::Create(arguments) => create(arguments).await,
        Topics::List { connection, internal } => {
            let options = ListTopicsOptions::default().list_internal(internal);
            for topic in admin(&connection)?.list_topics_with(options).await? {
                print(&topic.name)?;
            }
            Ok(())
        }
        Topics::Describe { connection, topic } => describe(&connection, topic).await,
        Topics::Delete { connection, topic } => {
            admin(&connection)?.delete_topics(topic).await.all()?;
            Ok(())
        }
    }
}

fn admin(connection: &Connection) -> Result<Admin, Failure> {
    let properties = PropertyList::of(connection)?.into_entries();
    let config = AdminConfig::from_properties(properties)?;
    warn(config.warnings());
    Ok(Admin::new(config)?)
}

async fn create(arguments: CreateTopic) -> Result<(), Failure> {
    let mut topic = NewTopic::with_broker_defaults(arguments.topic);
    topic.partitions = arguments.partitions;
    topic.replication_factor = arguments.replication_factor;
    for config in &arguments.config {
        let (name, value) = config
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("--config {config}: it must be NAME=VALUE")))?;
        topic = topic.config(name, value);
    }
    admin(&arguments.connection)?.create_topics([topic]).await.one()?;
    Ok(())
}

async fn describe(connection: &Connection, mut topics: Vec<String>) -> Result<(), Failure> {
    let admin = admin(connection)?;
    if topics.is_empty() {
        topics = admin.list_topics().await?.into_iter().map(|topic| topic.name).collect();
    }
    for (_, topic) in admin.describe_topics(topics).await.all()? {
        print_description(&topic)?;
    }
    Ok(())
}

fn print_description(topic: &TopicDescription) -> Result<(), Failure> {
    let id = topic.topic_id.map_or_else(String::new, |id| format!(" id={id}"));
    print(format_args!("{}{id} partitions={}", topic.name, topic.partitions.len()))?;
    for partition in &topic.partitions {
        let leader = partition.leader.map_or_else(|| "none".into(), |leader| leader.to_string());
        print(format_args!(
            "  partition={} leader={leader} replicas={:?} isr={:?} offline={:?}",
            partition.partition, partition.replicas, partition.isr, partition.offline_replicas
        ))?;
    }
    Ok(())
}

fn print(line: impl Display) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(|error| Failure::output(&error))
}
