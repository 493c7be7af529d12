//! `milena topics`: creates, lists, describes and deletes topics.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use milena::{
    Uuid,
    admin::{Admin, ListTopicsOptions, NewTopic, Results, TopicDescription, TopicKey},
    config::AdminConfig,
};
use serde_json::{Value, json};

use crate::{
    arguments::{Connection, CreateTopic, Topics},
    failure::{Failure, explain},
    properties::{PropertyList, warn},
};

/// Runs the command.
pub(crate) async fn run(topics: Topics) -> Result<(), Failure> {
    match topics {
        Topics::Create(arguments) => create(arguments).await,
        Topics::List { connection, internal, json } => list(&connection, internal, json).await,
        Topics::Describe { connection, topic, json } => describe(&connection, topic, json).await,
        Topics::Delete { connection, topic, json } => delete(&connection, topic, json).await,
    }
}

fn admin(connection: &Connection) -> Result<Admin, Failure> {
    let properties = PropertyList::of(connection)?.into_entries();
    let config = AdminConfig::from_properties(properties)?;
    warn(config.warnings());
    Ok(Admin::new(config)?)
}

async fn create(arguments: CreateTopic) -> Result<(), Failure> {
    let mut topic = NewTopic::with_broker_defaults(&arguments.topic);
    topic.partitions = arguments.partitions;
    topic.replication_factor = arguments.replication_factor;
    for config in &arguments.config {
        let (name, value) = config
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("--config {config}: it must be NAME=VALUE")))?;
        topic = topic.config(name, value);
    }
    let created = admin(&arguments.connection)?.create_topics([topic]).await.one()?;
    if arguments.json {
        print(json!({
            "topic": arguments.topic,
            "id": id(created.topic_id),
            "partitions": created.partitions,
            "replicationFactor": created.replication_factor,
        }))?;
    }
    Ok(())
}

async fn list(connection: &Connection, internal: bool, as_json: bool) -> Result<(), Failure> {
    let options = ListTopicsOptions::default().list_internal(internal);
    for topic in admin(connection)?.list_topics_with(options).await? {
        if as_json {
            let (id, is_internal) = (id(topic.topic_id), topic.is_internal);
            print(json!({ "topic": topic.name, "id": id, "internal": is_internal }))?;
        } else {
            print(&topic.name)?;
        }
    }
    Ok(())
}

async fn delete(
    connection: &Connection,
    topics: Vec<String>,
    as_json: bool,
) -> Result<(), Failure> {
    each(admin(connection)?.delete_topics(topics).await, |topic, ()| match topic {
        TopicKey::Name(name) if as_json => print(json!({ "topic": name })),
        _ => Ok(()),
    })
}

async fn describe(
    connection: &Connection,
    mut topics: Vec<String>,
    as_json: bool,
) -> Result<(), Failure> {
    let admin = admin(connection)?;
    if topics.is_empty() {
        topics = admin.list_topics().await?.into_iter().map(|topic| topic.name).collect();
    }
    each(admin.describe_topics(topics).await, |_, topic| {
        if as_json { print(description(&topic)) } else { print_description(&topic) }
    })
}

/// Does something with each result, and names all that failed.
fn each<K, T>(
    results: Results<K, T>,
    mut work: impl FnMut(K, T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for (key, result) in results {
        match result {
            Ok(value) => work(key, value)?,
            Err(error) => problems.push(explain(&error)),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Failed(problems.join("; "))) }
}

fn id(id: Option<Uuid>) -> Option<String> {
    id.map(|id| id.to_string())
}

fn description(topic: &TopicDescription) -> Value {
    let partitions = topic.partitions.iter().map(|partition| {
        json!({
            "partition": partition.partition,
            "leader": partition.leader,
            "replicas": partition.replicas,
            "isr": partition.isr,
            "offline": partition.offline_replicas,
        })
    });
    json!({
        "topic": topic.name,
        "id": id(topic.topic_id),
        "internal": topic.is_internal,
        "partitions": partitions.collect::<Vec<_>>(),
    })
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
