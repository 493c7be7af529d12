//! The steps of a flow: actions with their input, triggers with their end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use milena::config::{ClientKind, ConsumerConfig, ProducerConfig, Warnings};

use super::sink::{self, POISON_FIELDS, PoisonPolicy, RETRY_FIELDS, Sink};
use crate::{
    connection::Connection,
    connector::{
        self, ActionConfiguration, ActionKind, CONNECTORS, Connector, TriggerConfiguration,
        TriggerKind,
    },
    describe::Part,
    settings::{Content, Field, FieldKind, Node, Problems, TableReader},
};

/// What `[[steps]]` can say.
pub(super) const PART: Part = Part::new(
    "step",
    "each of the [[steps]]",
    FIELDS,
    r#"{"connector":"elasticio","action":"produce","input":"-","config":{"topic":"cars"}}"#,
);

const FIELDS: &[Field] = &[
    Field::required("connector", "Connector", FieldKind::Text, "the name of a connector"),
    Field::optional("action", "Action", FieldKind::Text, "the name of what it sends with"),
    Field::optional("trigger", "Trigger", FieldKind::Text, "the name of what it receives with"),
    Field::required("config", "Config", FieldKind::Table, "the connector's own fields"),
    Field::optional(
        "input",
        "Input",
        FieldKind::Text,
        "of an action: a file of JSON lines beside the flow file, \"-\" for standard input, or \"http\" for \
         `milena serve`",
    ),
    Field::optional(
        "name",
        "Name",
        FieldKind::Text,
        "the name of the step in URLs, logs and counters; by default connector and action, as in \
         elasticio-produce",
    ),
    Field::optional("until", "Until", FieldKind::Choice(UNTIL), "when the trigger ends"),
    Field::optional(
        "idleMs",
        "Idle",
        FieldKind::Integer(1, 86_400_000),
        "how many milliseconds without a record end the trigger",
    )
    .default("3000"),
    Field::optional(
        "sink",
        "Sink",
        FieldKind::Record(sink::SINK_FIELDS),
        "where the records of a trigger go; by default lines on standard output",
    ),
    POISON_FIELDS[0],
    POISON_FIELDS[1],
    POISON_FIELDS[2],
    POISON_FIELDS[3],
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

    /// Its name in URLs, logs and counters: no two steps of a flow have the same.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Action(step) => &step.name,
            Self::Trigger(step) => &step.name,
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
    /// Its name in URLs, logs and counters.
    pub name: String,
    /// The connector's own configuration.
    pub configuration: Arc<dyn ActionConfiguration>,
    /// Where the inputs come from.
    pub input: Input,
}

/// A trigger with its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TriggerStep {
    /// Its name in URLs, logs and counters.
    pub name: String,
    /// The connector's own configuration.
    pub configuration: Arc<dyn TriggerConfiguration>,
    /// When it ends.
    pub until: Until,
    /// Where its records go.
    pub sink: Sink,
    /// What becomes of a record that is not taken.
    pub policy: PoisonPolicy,
}

/// Where the inputs of an action come from, a JSON line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// Standard input.
    Standard,
    /// A file; a relative path counts from the flow file's folder.
    File(PathBuf),
    /// Requests to the server of `milena serve`.
    Http,
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
    let mut names: Vec<String> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = format!("steps[{}]", index + 1);
        let step = read(node, &path, has_action, &names, problems);
        let reader = match &step {
            Some(Step::Action(ActionStep { input: Input::Standard, .. })) => {
                Some("input is \"-\", which another step reads: expected a file of JSON lines")
            }
            Some(Step::Trigger(TriggerStep { sink: Sink::Envelope { .. }, .. })) => {
                Some("sink reads standard input, which another step reads: expected another type")
            }
            _ => None,
        };
        if let Some(problem) = reader {
            if reads_standard_input {
                problems.push(node.place, format!("{path}.{problem}"));
            }
            reads_standard_input = true;
        }
        names.extend(step.as_ref().map(|step| step.name().to_owned()));
        steps = steps.zip(step).map(|(mut steps, step)| {
            steps.push(step);
            steps
        });
    }
    steps
}

/// Whether a step that could not be read says where its brokers are, as far as that can be seen.
pub(super) fn seems_to_have_brokers(node: &Node) -> bool {
    let connector = match node.entry("connector").map(|node| &node.content) {
        Some(Content::Text(name)) => connector::find(name),
        _ => None,
    };
    let by_itself =
        |connector: &Connector| connector.parts().any(|part| always_has_brokers(part.fields));
    connector.is_some_and(by_itself) || names_brokers(node)
}

/// The field of every connector that has one.
const BOOTSTRAP_SERVERS: &str = "bootstrapServers";

fn always_has_brokers(fields: &[Field]) -> bool {
    fields.iter().any(|field| {
        let is_there = field.required || field.default.is_some();
        is_there && (field.name == BOOTSTRAP_SERVERS || always_has_brokers(field.kind.fields()))
    })
}

fn names_brokers(node: &Node) -> bool {
    match &node.content {
        Content::Table(entries) => entries
            .iter()
            .any(|entry| entry.name == BOOTSTRAP_SERVERS || names_brokers(&entry.node)),
        Content::List(items) => items.iter().any(names_brokers),
        _ => false,
    }
}

fn read(
    node: &Node,
    path: &str,
    has_action: bool,
    names: &[String],
    problems: &mut Problems,
) -> Option<Step> {
    let mut reader = TableReader::new(node, path, FIELDS, problems)?;
    let kind = read_kind(&mut reader);
    let name = read_name(&mut reader, kind.as_ref(), names);
    let config = reader.table("config");
    let ends = match reader.has("trigger") && !reader.has("action") {
        true => Ends::Trigger(read_trigger_ends(&mut reader, has_action)),
        false => Ends::Action(read_input(&mut reader)),
    };
    reader.finish();
    let (kind, config, name) = (kind?, config?, name?);
    let path = format!("{path}.config");
    match (kind, ends) {
        (Kind::Action(_, kind), Ends::Action(input)) => {
            let configuration = (kind.read)(config, &path, problems)?;
            Some(Step::Action(ActionStep { name, configuration, input: input? }))
        }
        (Kind::Trigger(_, kind), Ends::Trigger(ends)) => {
            let configuration = (kind.read)(config, &path, problems)?;
            let (until, sink, policy) = ends?;
            Some(Step::Trigger(TriggerStep { name, configuration, until, sink, policy }))
        }
        // What a step is and what its ends are is told by the same fields.
        _ => None,
    }
}

/// What is at the other end of a step than Kafka.
enum Ends {
    Action(Option<Input>),
    Trigger(Option<(Until, Sink, PoisonPolicy)>),
}

fn read_trigger_ends(
    reader: &mut TableReader<'_, '_>,
    has_action: bool,
) -> Option<(Until, Sink, PoisonPolicy)> {
    reader.refuse("input", "only an action has an input");
    let until = reader.text("until");
    let idle_ms = reader.integer("idleMs");
    let until = read_until(reader, until.as_deref(), idle_ms, has_action);
    let sink = sink::read_sink(reader);
    let policy = sink::read_policy(reader);
    let sink = sink?;
    if sink == Sink::Lines {
        for field in RETRY_FIELDS {
            reader.refuse(field.name, "with lines on standard output the next run tries again");
        }
    }
    Some((until, sink, policy?))
}

fn read_input(reader: &mut TableReader<'_, '_>) -> Option<Input> {
    for name in ["until", "idleMs"] {
        reader.refuse(name, "only a trigger has an end of its own");
    }
    for name in ["sink"].into_iter().chain(POISON_FIELDS.map(|field| field.name)) {
        reader.refuse(name, "only a trigger has a sink");
    }
    if reader.has("action") && !reader.has("trigger") && !reader.has("input") {
        reader.problem(
            "input",
            "is missing: expected a file of JSON lines, \"-\" for standard input, or \"http\"",
        );
    }
    Some(match reader.text("input")?.as_str() {
        "-" => Input::Standard,
        "http" => Input::Http,
        file => Input::File(PathBuf::from(file)),
    })
}

/// The name of the step: its own, or that of connector and action, with a number where it is taken.
fn read_name(
    reader: &mut TableReader<'_, '_>,
    kind: Option<&Kind>,
    names: &[String],
) -> Option<String> {
    let is_free = |name: &str| !names.iter().any(|taken| taken == name);
    if let Some(name) = reader.text("name") {
        let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !name.chars().all(is_legal) {
            let message =
                "is another text: expected letters, digits, full stops, underscores and hyphens";
            reader.problem("name", message);
            return None;
        }
        if !is_free(&name) {
            reader.problem("name", format_args!("is {name:?}, which another step is called"));
            return None;
        }
        return Some(name);
    }
    let name = kind?.name();
    if is_free(&name) {
        return Some(name);
    }
    (2..).map(|number| format!("{name}-{number}")).find(|name| is_free(name))
}

/// What a step is.
enum Kind {
    Action(&'static Connector, &'static ActionKind),
    Trigger(&'static Connector, &'static TriggerKind),
}

impl Kind {
    fn name(&self) -> String {
        match self {
            Self::Action(connector, kind) => format!("{}-{}", connector.name, kind.part.name),
            Self::Trigger(connector, kind) => format!("{}-{}", connector.name, kind.part.name),
        }
    }
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
        let kind = connector.action(&name).map(|kind| Kind::Action(connector, kind));
        return kind.or_else(|| unknown("action", &name, &names));
    }
    let name = trigger?;
    let names: Vec<&str> = connector.triggers.iter().map(|kind| kind.part.name).collect();
    let kind = connector.trigger(&name).map(|kind| Kind::Trigger(connector, kind));
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
