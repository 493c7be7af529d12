//! DescribeConfigs, AlterConfigs and IncrementalAlterConfigs, for topics and for brokers.

use milena_wire::messages::describe_configs_request::DescribeConfigsResource;
use milena_wire::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use milena_wire::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, alter_configs_request,
    alter_configs_response, incremental_alter_configs_request, incremental_alter_configs_response,
};
use milena_wire::{ByteString, ErrorCode};

use super::{Api, Reply};
use crate::cluster::TopicProblem;
use crate::config::{TOPIC_PROPERTIES, TopicConfig, ValueKind, check_topic_value, topic_property};
use crate::connection::Call;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SOURCE_TOPIC: i8 = 1;
const SOURCE_STATIC_BROKER: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;
const TYPE_STRING: i8 = 2;

impl Api for DescribeConfigsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DescribeConfigsResponse> {
        let describe = |resource: &DescribeConfigsResource| {
            let described = match resource.resource_type {
                TOPIC => describe_topic(call, resource, self.include_synonyms),
                BROKER => Ok(describe_broker(call, resource)),
                _ => Err(TopicProblem::new(
                    ErrorCode::INVALID_REQUEST,
                    "Only topics and brokers have configurations here.",
                )),
            };
            described.map_or_else(
                |problem| undescribed(resource, &problem),
                |configs| DescribeConfigsResult { configs, ..result(resource) },
            )
        };
        let results = self.resources.iter().map(describe).collect();
        Reply::Response(DescribeConfigsResponse { results, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DescribeConfigsResponse {
        let problem = TopicProblem::new(code, code.to_string());
        let results =
            self.resources.iter().map(|resource| undescribed(resource, &problem)).collect();
        DescribeConfigsResponse { results, ..Default::default() }
    }

    fn throttle(response: &mut DescribeConfigsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn result(resource: &DescribeConfigsResource) -> DescribeConfigsResult {
    DescribeConfigsResult {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..Default::default()
    }
}

fn undescribed(
    resource: &DescribeConfigsResource,
    problem: &TopicProblem,
) -> DescribeConfigsResult {
    DescribeConfigsResult {
        error_code: problem.code.0,
        error_message: Some(ByteString::from(problem.message.as_str())),
        ..result(resource)
    }
}

fn is_asked(resource: &DescribeConfigsResource, name: &str) -> bool {
    resource.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key == name))
}

fn describe_topic(
    call: &Call<'_>,
    resource: &DescribeConfigsResource,
    include_synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, TopicProblem> {
    let topic = call.cluster().topic(&resource.resource_name).ok_or_else(unknown_topic)?;
    let config = topic.config.read();
    let asked = TOPIC_PROPERTIES.iter().filter(|property| is_asked(resource, property.name));
    let describe = |property: &crate::config::TopicProperty| {
        let is_own = config.own(property.name).is_some();
        let synonym = |name: &'static str, value: &str, source| DescribeConfigsSynonym {
            name: ByteString::from_static(name),
            value: Some(ByteString::from(value)),
            source,
            ..Default::default()
        };
        let mut synonyms = Vec::new();
        if include_synonyms {
            synonyms.extend(
                config.own(property.name).map(|value| synonym(property.name, value, SOURCE_TOPIC)),
            );
            if !property.broker_name.is_empty() {
                synonyms.push(synonym(property.broker_name, property.default, SOURCE_DEFAULT));
            }
        }
        DescribeConfigsResourceResult {
            name: ByteString::from_static(property.name),
            value: Some(ByteString::from(config.value(property.name))),
            config_source: if is_own { SOURCE_TOPIC } else { SOURCE_DEFAULT },
            config_type: property.kind.config_type(),
            synonyms,
            ..Default::default()
        }
    };
    Ok(asked.map(describe).collect())
}

fn describe_broker(
    call: &Call<'_>,
    resource: &DescribeConfigsResource,
) -> Vec<DescribeConfigsResourceResult> {
    let settings = &call.cluster().settings;
    let own = [
        ("auto.create.topics.enable", settings.auto_create_topics.to_string(), 1),
        ("broker.id", call.peer.node_id.to_string(), 3),
        ("default.replication.factor", settings.default_replication_factor.to_string(), 3),
        (
            "group.initial.rebalance.delay.ms",
            settings.groups.initial_rebalance_delay.as_millis().to_string(),
            3,
        ),
        (
            "group.max.session.timeout.ms",
            settings.groups.max_session_timeout.as_millis().to_string(),
            3,
        ),
        (
            "group.min.session.timeout.ms",
            settings.groups.min_session_timeout.as_millis().to_string(),
            3,
        ),
        ("node.id", call.peer.node_id.to_string(), 3),
        ("num.partitions", settings.default_partitions.to_string(), 3),
        ("offset.metadata.max.bytes", settings.groups.offset_metadata_max_bytes.to_string(), 3),
        ("socket.request.max.bytes", settings.request_bytes_max.to_string(), 3),
    ];
    let entry = |name: &str, value: &str, config_type: i8, config_source: i8| {
        DescribeConfigsResourceResult {
            name: ByteString::from(name),
            value: Some(ByteString::from(value)),
            read_only: true,
            config_source,
            config_type,
            ..Default::default()
        }
    };
    let mut configs: Vec<_> = own
        .iter()
        .map(|(name, value, kind)| entry(name, value, *kind, SOURCE_STATIC_BROKER))
        .collect();
    let of_topics = TOPIC_PROPERTIES.iter().filter(|property| !property.broker_name.is_empty());
    configs.extend(of_topics.map(|property| {
        let kind = if matches!(property.kind, ValueKind::Word(_)) {
            TYPE_STRING
        } else {
            property.kind.config_type()
        };
        entry(property.broker_name, property.default, kind, SOURCE_DEFAULT)
    }));
    configs.retain(|config| is_asked(resource, &config.name));
    configs
}

fn unknown_topic() -> TopicProblem {
    TopicProblem::new(
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        "This server does not host this topic-partition.",
    )
}

/// Changes the configuration of one topic, all of it or nothing.
fn alter(
    call: &Call<'_>,
    (resource_type, resource_name): (i8, &str),
    validate_only: bool,
    change: impl FnOnce(&mut TopicConfig) -> Result<(), TopicProblem>,
) -> Result<(), TopicProblem> {
    if resource_type != TOPIC {
        let message = "Only the configuration of topics can be changed; a broker is configured where it is started.";
        return Err(TopicProblem::new(ErrorCode::INVALID_REQUEST, message));
    }
    let topic = call.cluster().topic(resource_name).ok_or_else(unknown_topic)?;
    let mut changed = topic.config.read().clone();
    change(&mut changed)?;
    if !validate_only {
        *topic.config.write() = changed;
        call.cluster().store_topic(&topic);
    }
    Ok(())
}

fn set(config: &mut TopicConfig, name: &str, value: Option<&str>) -> Result<(), TopicProblem> {
    let invalid = |message: String| TopicProblem::new(ErrorCode::INVALID_CONFIG, message);
    let value = value.ok_or_else(|| invalid(format!("Null value not supported for {name}.")))?;
    check_topic_value(name, value).map_err(invalid)?;
    config.set(name, value);
    Ok(())
}

fn code_and_message(problem: Option<TopicProblem>) -> (i16, Option<ByteString>) {
    let code = problem.as_ref().map_or(0, |problem| problem.code.0);
    (code, problem.map(|problem| ByteString::from(problem.message)))
}

impl Api for AlterConfigsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<AlterConfigsResponse> {
        let alter_one = |resource: &alter_configs_request::AlterConfigsResource| {
            let key = (resource.resource_type, &*resource.resource_name);
            let altered = alter(call, key, self.validate_only, |config| {
                *config = TopicConfig::default();
                resource
                    .configs
                    .iter()
                    .try_for_each(|entry| set(config, &entry.name, entry.value.as_deref()))
            });
            replaced(resource, altered.err())
        };
        let responses = self.resources.iter().map(alter_one).collect();
        Reply::Response(AlterConfigsResponse { responses, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> AlterConfigsResponse {
        let problem = || Some(TopicProblem::new(code, code.to_string()));
        let responses =
            self.resources.iter().map(|resource| replaced(resource, problem())).collect();
        AlterConfigsResponse { responses, ..Default::default() }
    }

    fn throttle(response: &mut AlterConfigsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn replaced(
    resource: &alter_configs_request::AlterConfigsResource,
    problem: Option<TopicProblem>,
) -> alter_configs_response::AlterConfigsResourceResponse {
    let (error_code, error_message) = code_and_message(problem);
    alter_configs_response::AlterConfigsResourceResponse {
        error_code,
        error_message,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..Default::default()
    }
}

impl Api for IncrementalAlterConfigsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<IncrementalAlterConfigsResponse> {
        let alter_one = |resource: &incremental_alter_configs_request::AlterConfigsResource| {
            let key = (resource.resource_type, &*resource.resource_name);
            let altered = alter(call, key, self.validate_only, |config| {
                resource.configs.iter().try_for_each(|entry| apply(config, entry))
            });
            altered_resource(resource, altered.err())
        };
        let responses = self.resources.iter().map(alter_one).collect();
        Reply::Response(IncrementalAlterConfigsResponse { responses, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> IncrementalAlterConfigsResponse {
        let problem = || Some(TopicProblem::new(code, code.to_string()));
        let responses =
            self.resources.iter().map(|resource| altered_resource(resource, problem())).collect();
        IncrementalAlterConfigsResponse { responses, ..Default::default() }
    }

    fn throttle(response: &mut IncrementalAlterConfigsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

/// Set, delete, append to a list, subtract from a list (KIP-339).
fn apply(
    config: &mut TopicConfig,
    entry: &incremental_alter_configs_request::AlterableConfig,
) -> Result<(), TopicProblem> {
    let invalid = |message: String| TopicProblem::new(ErrorCode::INVALID_CONFIG, message);
    let property = topic_property(&entry.name)
        .ok_or_else(|| invalid(format!("Unknown topic config name: {}", entry.name)))?;
    match entry.config_operation {
        0 => set(config, &entry.name, entry.value.as_deref()),
        1 => {
            config.unset(&entry.name);
            Ok(())
        }
        operation @ (2 | 3) => {
            if !matches!(property.kind, ValueKind::List(_)) {
                return Err(invalid(format!(
                    "{} is no list: nothing can be appended or subtracted.",
                    entry.name
                )));
            }
            let given: Vec<&str> =
                entry.value.as_deref().unwrap_or_default().split(',').map(str::trim).collect();
            let before = config.value(&entry.name).to_owned();
            let mut items: Vec<&str> =
                before.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
            items.retain(|item| !given.contains(item));
            if operation == 2 {
                items.extend(given);
            }
            set(config, &entry.name, Some(&items.join(",")))
        }
        other => Err(TopicProblem::new(
            ErrorCode::INVALID_REQUEST,
            format!("Unknown operation {other}."),
        )),
    }
}

fn altered_resource(
    resource: &incremental_alter_configs_request::AlterConfigsResource,
    problem: Option<TopicProblem>,
) -> incremental_alter_configs_response::AlterConfigsResourceResponse {
    let (error_code, error_message) = code_and_message(problem);
    incremental_alter_configs_response::AlterConfigsResourceResponse {
        error_code,
        error_message,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..Default::default()
    }
}
