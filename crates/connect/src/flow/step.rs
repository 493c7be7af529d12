//! The steps of a flow: actions with their input, triggers with their end.

use std::{path::PathBuf, time::Duration};

use milena::config::{ClientKind, ConsumerConfig, ProducerConfig, Warnings};

use crate::{
    connector::{Action, Trigger},
    elasticio::{self, Connection, Consume, ConsumeConfiguration, Produce, ProduceConfiguration},
    settings::{ClientProperties, Field, FieldKind, Node, Problems, TableReader},
};

const FIELDS: &[Field] = &[
    Field::required("connector", "Connector", FieldKind::Choice(CONNECTORS), "the connector"),
    Field::optional("action", "Action", FieldKind::Choice(&["produce"]), "what it sends with"),
    Field::optional("trigger", "Trigger", FieldKind::Choice(&["consume"]), "what it receives with"),
    Field::required("config", "Config", FieldKind::Table, "the connector's own fields"),
    Field::optional(
        "input",
        "Input",
        FieldKind::Text,
        "a file of JSON lines beside the flow file, or \"-\" for standard input",
    ),
    Field::optional("until", "Until", FieldKind::Choice(UNTIL), "when the trigger ends"),
    Field::optional(
        "idleMs",
        "Idle",
        FieldKind::Integer(1, 86_400_000),
        "how many milliseconds without a record end the trigger",
    ),
];

const CONNECTORS: &[&str] = &[elasticio::NAME];
const UNTIL: &[&str] = &["produced", "idle", "forever"];

/// How long a trigger waits for one more record, if the flow does not say.
const IDLE_DEFAULT: Duration = Duration::from_secs(3);

/// One step of a flow.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// An action with its input.
    Action(ActionStep),
    /// A trigger with its end.
    Trigger(TriggerStep),
}

impl Step {
    /// Which of Kafka's clients the step is.
    #[must_use]
    pub fn client_kind(&self) -> ClientKind {
        match self {
            Self::Action(_) => ClientKind::Producer,
            Self::Trigger(_) => ClientKind::Consumer,
        }
    }

    /// What is odd about the step's client properties.
    pub(super) fn warnings(&self, connection: &Connection) -> Result<Warnings, milena::Error> {
        Ok(match self {
            Self::Action(step) => {
                let properties = step.configuration.client_properties(connection);
                ProducerConfig::from_properties(properties.pairs())?.warnings().clone()
            }
            Self::Trigger(step) => {
                let properties = step.configuration.client_properties(connection);
                ConsumerConfig::from_properties(properties.pairs())?.warnings().clone()
            }
        })
    }
}

/// An action with its input.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActionStep {
    /// The connector's own configuration.
    pub configuration: ActionConfiguration,
    /// Where the inputs come from.
    pub input: Input,
}

/// A trigger with its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TriggerStep {
    /// The connector's own configuration.
    pub configuration: TriggerConfiguration,
    /// When it ends.
    pub until: Until,
}

/// The configuration of an action of any connector.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActionConfiguration {
    /// elastic.io's Produce.
    ElasticIoProduce(ProduceConfiguration),
}

/// The configuration of a trigger of any connector.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TriggerConfiguration {
    /// elastic.io's Consume.
    ElasticIoConsume(ConsumeConfiguration),
}

impl ActionConfiguration {
    /// Makes the action. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    pub fn open(&self, connection: &Connection) -> Result<Box<dyn Action>, milena::Error> {
        match self {
            Self::ElasticIoProduce(produce) => Ok(Box::new(Produce::new(produce, connection)?)),
        }
    }

    /// The topic that it sends to.
    #[must_use]
    pub fn topic(&self) -> &str {
        match self {
            Self::ElasticIoProduce(produce) => &produce.topic,
        }
    }

    /// The client properties in the order in which they are set.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        match self {
            Self::ElasticIoProduce(produce) => produce.client_properties(connection),
        }
    }
}

impl TriggerConfiguration {
    /// Makes the trigger. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    pub fn open(&self, connection: &Connection) -> Result<Box<dyn Trigger>, milena::Error> {
        match self {
            Self::ElasticIoConsume(consume) => Ok(Box::new(Consume::new(consume, connection)?)),
        }
    }

    /// The topic that it reads.
    #[must_use]
    pub fn topic(&self) -> &str {
        match self {
            Self::ElasticIoConsume(consume) => &consume.topic,
        }
    }

    /// The client properties in the order in which they are set.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        match self {
            Self::ElasticIoConsume(consume) => consume.client_properties(connection),
        }
    }
}

/// Where the inputs of an action come from, a JSON line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// Standard input.
    Standard,
    /// A file; a relative path counts from the flow file's folder.
    File(PathBuf),
}

/// When a trigger ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// When all is read that the actions of this flow have produced.
    Produced,
    /// When no record has come for this time.
    Idle(Duration),
    /// When the program is interrupted.
    Forever,
}

/// Reads all steps and checks them together.
pub(super) fn read_all(nodes: &[Node], problems: &mut Problems) -> Option<Vec<Step>> {
    let has_action = nodes.iter().any(|node| {
        let mut ignored = Problems::default();
        TableReader::new(node, "", FIELDS, &mut ignored).is_some_and(|reader| reader.has("action"))
    });
    let mut steps = Some(Vec::new());
    let mut reads_standard_input = false;
    for (index, node) in nodes.iter().enumerate() {
        let path = format!("steps[{}]", index + 1);
        let step = read(node, &path, has_action, problems);
        if let Some(Step::Action(ActionStep { input: Input::Standard, .. })) = &step {
            if reads_standard_input {
                let message = format!(
                    "{path}.input is \"-\", which another step reads: expected a file of JSON lines"
                );
                problems.push(node.place, message);
            }
            reads_standard_input = true;
        }
        steps = steps.zip(step).map(|(mut steps, step)| {
            steps.push(step);
            steps
        });
    }
    steps
}

fn read(node: &Node, path: &str, has_action: bool, problems: &mut Problems) -> Option<Step> {
    let mut reader = TableReader::new(node, path, FIELDS, problems)?;
    let connector = reader.text("connector");
    let is_action = reader.has("action");
    let is_trigger = reader.has("trigger");
    let kind = reader.text("action").or(reader.text("trigger"));
    let config = reader.table("config");
    let input = reader.text("input");
    let until = reader.text("until");
    let idle_ms = reader.integer("idleMs");
    if is_action == is_trigger {
        let what = if is_action { "both action and trigger" } else { "neither action nor trigger" };
        let message =
            format!("{path} has {what}: expected action = \"produce\" or trigger = \"consume\"");
        let place = reader.place();
        reader.problem_at(place, message);
    }
    let until = if is_trigger && !is_action {
        reader.refuse("input", "only an action has an input");
        read_until(&mut reader, until.as_deref(), idle_ms, has_action)
    } else {
        reader.refuse("until", "only a trigger has an end of its own");
        reader.refuse("idleMs", "only a trigger has an end of its own");
        Until::Forever
    };
    if is_action && !is_trigger && !reader.has("input") {
        reader.problem(
            "input",
            "is missing: expected a file of JSON lines, or \"-\" for standard input",
        );
    }
    reader.finish();
    // There is one connector, with one action and one trigger.
    let (_connector, _kind, config) = (connector?, kind?, config?);
    let path = format!("{path}.config");
    if is_action {
        let produce = ProduceConfiguration::read(config, &path, problems)?;
        let input = match input?.as_str() {
            "-" => Input::Standard,
            file => Input::File(PathBuf::from(file)),
        };
        let configuration = ActionConfiguration::ElasticIoProduce(produce);
        return Some(Step::Action(ActionStep { configuration, input }));
    }
    let consume = ConsumeConfiguration::read(config, &path, problems)?;
    let configuration = TriggerConfiguration::ElasticIoConsume(consume);
    Some(Step::Trigger(TriggerStep { configuration, until }))
}

fn read_until(
    reader: &mut TableReader<'_, '_>,
    until: Option<&str>,
    idle_ms: Option<i64>,
    has_action: bool,
) -> Until {
    let idle = idle_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    match until {
        Some("idle") => return Until::Idle(idle.unwrap_or(IDLE_DEFAULT)),
        Some("produced") if !has_action => reader.problem(
            "until",
            "is \"produced\", but no step of this flow produces: expected idle or forever",
        ),
        _ => {}
    }
    reader.refuse("idleMs", "it goes with until = \"idle\"");
    match until {
        Some("produced") => Until::Produced,
        None if has_action => Until::Produced,
        _ => Until::Forever,
    }
}
