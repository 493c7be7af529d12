//! CreateTopics, DeleteTopics and CreatePartitions.

use std::collections::HashSet;

use milena_wire::messages::create_partitions_request::CreatePartitionsTopic;
use milena_wire::messages::create_partitions_response::CreatePartitionsTopicResult;
use milena_wire::messages::create_topics_request::CreatableTopic;
use milena_wire::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use milena_wire::messages::delete_topics_response::DeletableTopicResult;
use milena_wire::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse,
};
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::{Api, Reply};
use crate::cluster::{NewTopic, Topic, TopicProblem};
use crate::config::TOPIC_PROPERTIES;
use crate::connection::Call;

/// The response tells what was created from this version on (KIP-525).
const CREATED_CONFIG_VERSION: i16 = 5;
/// Topics can be deleted by id from this version on (KIP-516).
const DELETE_BY_ID_VERSION: i16 = 6;
const SOURCE_TOPIC: i8 = 1;
const SOURCE_DEFAULT: i8 = 5;

impl Api for CreateTopicsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<CreateTopicsResponse> {
        let mut seen = HashSet::new();
        let twice: HashSet<ByteString> = self
            .topics
            .iter()
            .filter(|topic| !seen.insert(&topic.name))
            .map(|topic| topic.name.clone())
            .collect();
        let create = |asked: &CreatableTopic| {
            if twice.contains(&asked.name) {
                let problem =
                    TopicProblem::new(ErrorCode::INVALID_REQUEST, "Duplicate topic name.");
                return not_created(&asked.name, problem);
            }
            let created = new_topic(asked)
                .and_then(|new| call.cluster().create_topic(&new, self.validate_only));
            match created {
                Ok(topic) => created_topic(call, &topic),
                Err(problem) => not_created(&asked.name, problem),
            }
        };
        Reply::Response(CreateTopicsResponse {
            topics: self.topics.iter().map(create).collect(),
            ..Default::default()
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> CreateTopicsResponse {
        let topic = |asked: &CreatableTopic| {
            not_created(&asked.name, TopicProblem::new(code, code.to_string()))
        };
        CreateTopicsResponse {
            topics: self.topics.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut CreateTopicsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn new_topic(asked: &CreatableTopic) -> Result<NewTopic, TopicProblem> {
    let mut assignments: Vec<_> = asked.assignments.iter().collect();
    assignments.sort_by_key(|assignment| assignment.partition_index);
    let is_consecutive =
        (0..).zip(&assignments).all(|(index, assignment)| assignment.partition_index == index);
    if !is_consecutive {
        let message = "The partitions of the assignment have to be numbered from 0 on.";
        return Err(TopicProblem::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    }
    let mut configs = Vec::with_capacity(asked.configs.len());
    for config in &asked.configs {
        let Some(value) = &config.value else {
            let message = format!("Null value not supported for topic configs: {}", config.name);
            return Err(TopicProblem::new(ErrorCode::INVALID_CONFIG, message));
        };
        configs.push((config.name.to_string(), value.to_string()));
    }
    Ok(NewTopic {
        name: asked.name.to_string(),
        partitions: asked.num_partitions,
        replication_factor: asked.replication_factor,
        assignments: assignments.iter().map(|assignment| assignment.broker_ids.to_vec()).collect(),
        configs,
    })
}

fn created_topic(call: &Call<'_>, topic: &Topic) -> CreatableTopicResult {
    let mut result = CreatableTopicResult {
        name: topic.name.clone(),
        topic_id: topic.id,
        num_partitions: -1,
        replication_factor: -1,
        ..Default::default()
    };
    if call.version < CREATED_CONFIG_VERSION {
        return result;
    }
    let config = topic.config.read();
    let entry = |property: &crate::config::TopicProperty| CreatableTopicConfigs {
        name: ByteString::from_static(property.name),
        value: Some(ByteString::from(config.value(property.name))),
        config_source: if config.own(property.name).is_some() {
            SOURCE_TOPIC
        } else {
            SOURCE_DEFAULT
        },
        ..Default::default()
    };
    result.configs = Some(TOPIC_PROPERTIES.iter().map(entry).collect());
    result.num_partitions = topic.partition_count();
    let replicas = topic.partition(0).map_or(1, |partition| partition.leadership().replicas.len());
    result.replication_factor = i16::try_from(replicas).unwrap_or(i16::MAX);
    result
}

fn not_created(name: &ByteString, problem: TopicProblem) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.clone(),
        error_code: problem.code.0,
        error_message: Some(ByteString::from(problem.message)),
        num_partitions: -1,
        replication_factor: -1,
        ..Default::default()
    }
}

impl Api for DeleteTopicsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DeleteTopicsResponse> {
        let responses =
            self.named(call).into_iter().map(|(name, id)| delete(call, name, id)).collect();
        Reply::Response(DeleteTopicsResponse { responses, ..Default::default() })
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> DeleteTopicsResponse {
        let responses =
            self.named(call).into_iter().map(|(name, id)| deleted(name, id, code)).collect();
        DeleteTopicsResponse { responses, ..Default::default() }
    }

    fn throttle(response: &mut DeleteTopicsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

trait Named {
    fn named(&self, call: &Call<'_>) -> Vec<(Option<ByteString>, Uuid)>;
}

impl Named for DeleteTopicsRequest {
    fn named(&self, call: &Call<'_>) -> Vec<(Option<ByteString>, Uuid)> {
        if call.version >= DELETE_BY_ID_VERSION {
            self.topics.iter().map(|topic| (topic.name.clone(), topic.topic_id)).collect()
        } else {
            self.topic_names.iter().map(|name| (Some(name.clone()), Uuid::ZERO)).collect()
        }
    }
}

fn delete(call: &Call<'_>, name: Option<ByteString>, id: Uuid) -> DeletableTopicResult {
    let cluster = call.cluster();
    let found = match (&name, id.is_zero()) {
        (Some(_), false) | (None, true) => Err(ErrorCode::INVALID_REQUEST),
        (Some(name), true) => cluster.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        (None, false) => cluster.topic_by_id(id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
    };
    match found.and_then(|topic| cluster.delete_topic(&topic.name)) {
        Ok(topic) => deleted(Some(topic.name.clone()), topic.id, ErrorCode::NONE),
        Err(code) => deleted(name, id, code),
    }
}

fn deleted(name: Option<ByteString>, topic_id: Uuid, code: ErrorCode) -> DeletableTopicResult {
    let error_message = code.is_error().then(|| ByteString::from(code.to_string()));
    DeletableTopicResult { name, topic_id, error_code: code.0, error_message, ..Default::default() }
}

impl Api for CreatePartitionsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<CreatePartitionsResponse> {
        let grow = |asked: &CreatePartitionsTopic| {
            let assignments: Vec<Vec<i32>> = asked
                .assignments
                .iter()
                .flatten()
                .map(|assignment| assignment.broker_ids.to_vec())
                .collect();
            let grown = call.cluster().add_partitions(
                &asked.name,
                asked.count,
                &assignments,
                self.validate_only,
            );
            grown_topic(&asked.name, grown.err())
        };
        Reply::Response(CreatePartitionsResponse {
            results: self.topics.iter().map(grow).collect(),
            ..Default::default()
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> CreatePartitionsResponse {
        let topic = |asked: &CreatePartitionsTopic| {
            grown_topic(&asked.name, Some(TopicProblem::new(code, code.to_string())))
        };
        CreatePartitionsResponse {
            results: self.topics.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut CreatePartitionsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn grown_topic(name: &ByteString, problem: Option<TopicProblem>) -> CreatePartitionsTopicResult {
    CreatePartitionsTopicResult {
        name: name.clone(),
        error_code: problem.as_ref().map_or(0, |problem| problem.code.0),
        error_message: problem.map(|problem| ByteString::from(problem.message)),
        ..Default::default()
    }
}
