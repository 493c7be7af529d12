//! The steps of a flow: actions with their input, triggers with their end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use milena::config::{ClientKind, ConsumerConfig, ProducerConfig, Warnings};

use crate::{
    connection::Connection,
    connector::{
        self, ActionConfiguration, ActionKind, CONNECTORS, TriggerConfiguration, TriggerKind,
    },
    settings::{Field, FieldKind, Node, Problems, TableReader},
};

const FIELDS: &[Field] = &[
    Field::required("connector", "Connector", FieldKind::Text, "the name of a connector"),
    Field::optional("action", "Action", FieldKind::Text, "the name of what it sends with"),
    Field::optional("trigger", "Trigger", FieldKind::Text, "the name of what it receives with"),
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

    /// Whether the step says itself where its brokers are.
    pub(super) fn has_brokers(&self) -> bool {
        match self {
            Self::Action(step) => step.configuration.has_brokers(),
            Self::Trigger(step) => step.configuration.has_brokers(),
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
    pub configuration: Arc<dyn ActionConfiguration>,
    /// Where the inputs come from.
    pub input: Input,
}

/// A trigger with its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TriggerStep {
    /// The connector's own configuration.
    pub configuration: Arc<dyn TriggerConfiguration>,
    /// When it ends.
    pub until: Until,
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
    let kind = read_kind(&mut reader);
    let is_action = reader.has("action");
    let is_trigger = reader.has("trigger");
    let config = reader.table("config");
    let input = reader.text("input");
    let until = reader.text("until");
    let idle_ms = reader.integer("idleMs");
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
    let (kind, config) = (kind?, config?);
    let path = format!("{path}.config");
    Some(match kind {
        Kind::Action(kind) => {
            let configuration = (kind.read)(config, &path, problems)?;
            let input = match input?.as_str() {
                "-" => Input::Standard,
                file => Input::File(PathBuf::from(file)),
            };
            Step::Action(ActionStep { configuration, input })
        }
        Kind::Trigger(kind) => {
            let configuration = (kind.read)(config, &path, problems)?;
            Step::Trigger(TriggerStep { configuration, until })
        }
    })
}

/// What a step is.
enum Kind {
    Action(&'static ActionKind),
    Trigger(&'static TriggerKind),
}

/// Reads the connector, and which of its actions or triggers is meant.
fn read_kind(reader: &mut TableReader<'_, '_>) -> Option<Kind> {
    let connector = reader.text("connector");
    let action = reader.text("action");
    let trigger = reader.text("trigger");
    if reader.has("action") == reader.has("trigger") {
        let what = if reader.has("action") {
            "both action and trigger"
        } else {
            "neither action nor trigger"
        };
        let message = format!(
            "{} has {what}: expected action = \"produce\" or trigger = \"consume\"",
            reader.path("").trim_end_matches('.')
        );
        let place = reader.place();
        reader.problem_at(place, message);
        return None;
    }
    let connector = connector?;
    let Some(connector) = connector::find(&connector) else {
        let names = CONNECTORS.map(|connector| connector.name);
        let expected = one_of(&names);
        reader.problem("connector", format!("is {connector:?}: expected {expected}"));
        return None;
    };
    let mut unknown = |field: &str, given: &str, names: &[&str]| {
        let message = match names {
            [] => format!("is {given:?}: {} has none", connector.name),
            names => format!("is {given:?}: expected {}", one_of(names)),
        };
        reader.problem(field, &message);
        None
    };
    if let Some(name) = action {
        let names: Vec<&str> = connector.actions.iter().map(|kind| kind.part.name).collect();
        let kind = connector.action(&name).map(Kind::Action);
        return kind.or_else(|| unknown("action", &name, &names));
    }
    let name = trigger?;
    let names: Vec<&str> = connector.triggers.iter().map(|kind| kind.part.name).collect();
    let kind = connector.trigger(&name).map(Kind::Trigger);
    kind.or_else(|| unknown("trigger", &name, &names))
}

/// The names that may stand in a place.
fn one_of(names: &[&str]) -> String {
    match names {
        [name] => (*name).to_owned(),
        names => format!("one of {}", names.join(", ")),
    }
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
