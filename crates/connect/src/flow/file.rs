//! A flow file.

use milena::config::{ClientKind, Finding, find};

use super::step::{self, Step};
use crate::{
    connection::Connection,
    describe::Part,
    elasticio::{Credentials, is_host_and_port, read_brokers, split_brokers},
    secrets::{Masker, Secrets},
    settings::{Field, FieldKind, Node, Problems, TableReader},
};

/// What `brokers` says instead of an address when the program is to bring its own broker.
const EMBEDDED: &str = "embedded";

/// What a flow file can say.
pub(super) const PART: Part =
    Part::new("flow", "the flow", FIELDS, r#"{"name":"cars","brokers":"embedded","steps":[]}"#);

/// The fields of a flow file.
const FIELDS: &[Field] = &[
    Field::required("name", "Name", FieldKind::Text, "the name of the flow"),
    Field::optional(
        "brokers",
        "Brokers",
        FieldKind::TextOrList,
        "\"embedded\", or host:port of one broker or more",
    ),
    Field::optional(
        "embedded",
        "Embedded broker",
        FieldKind::Record(EMBEDDED_FIELDS),
        "of the embedded broker",
    ),
    Field::optional("credentials", "Credentials", FieldKind::Table, "of the elastic.io component"),
    Field::optional(
        "properties",
        "Properties",
        FieldKind::Properties,
        "client properties of every step",
    ),
    Field::required("steps", "Steps", FieldKind::Tables, "each as [[steps]]"),
];

const EMBEDDED_FIELDS: &[Field] = &[Field::optional(
    "partitions",
    "Partitions",
    FieldKind::Integer(1, 1000),
    "the partitions of a new topic",
)
.default("1")];

/// Kafka's default of `num.partitions`.
const PARTITIONS_DEFAULT: i32 = 1;

/// Where a flow's brokers are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Brokers {
    /// In this process.
    Embedded {
        /// How many partitions a new topic has.
        partitions: i32,
    },
    /// At these addresses, each `host:port`.
    List(Vec<String>),
    /// Where the configuration of each step says.
    OfSteps,
}

impl Brokers {
    /// Reads what stands in place of a flow's brokers: `embedded`, which keeps the settings of the
    /// flow's own embedded broker, or a list.
    ///
    /// # Errors
    ///
    /// What was expected.
    pub fn parse(list: &str, own: &Self) -> Result<Self, String> {
        if list.trim() == EMBEDDED {
            return Ok(match own {
                Self::Embedded { .. } => own.clone(),
                Self::List(_) | Self::OfSteps => Self::Embedded { partitions: PARTITIONS_DEFAULT },
            });
        }
        let brokers: Vec<String> = split_brokers([list]).map(str::to_owned).collect();
        match brokers.iter().find(|broker| !is_host_and_port(broker)) {
            None if !brokers.is_empty() => Ok(Self::List(brokers)),
            wrong => {
                let wrong = wrong.map_or("", String::as_str);
                Err(format!("has {wrong:?}: expected host:port, or \"embedded\""))
            }
        }
    }
}

/// A flow: connectors, and where their brokers are.
///
/// ```
/// use milena_connect::flow::{Brokers, Flow};
///
/// let flow = Flow::parse(r#"
///     name = "cars"
///     brokers = "embedded"
///
///     [[steps]]
///     connector = "elasticio"
///     action = "produce"
///     config = { topic = "cars" }
///     input = "cars.jsonl"
/// "#)?;
/// assert_eq!(flow.brokers(), &Brokers::Embedded { partitions: 1 });
///
/// let problems = Flow::parse("name = \"cars\"\nbrokers = \"embedded\"\nstep = []\n").unwrap_err();
/// assert_eq!(
///     problems.to_string(),
///     "2 problems: \
///      (1) line 1, column 1: steps is missing: expected a list of tables, each as [[steps]]; \
///      (2) line 3, column 1: step is not known here: did you mean `steps`?"
/// );
/// # Ok::<(), milena_connect::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Flow {
    name: String,
    brokers: Brokers,
    credentials: Option<Credentials>,
    properties: Vec<(String, String)>,
    steps: Vec<Step>,
    masker: Masker,
}

impl Flow {
    /// Reads the text of a flow file without any secrets: a placeholder is a problem.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it: line, column and what was expected.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        Self::parse_with(text, &Secrets::none())
    }

    /// Reads the text of a flow file; `{{secrets.NAME}}` and `secrets.NAME` in its texts are replaced
    /// by secrets.
    ///
    /// ```
    /// use milena::config::Secret;
    /// use milena_connect::{flow::Flow, secrets::Secrets};
    ///
    /// let secrets = Secrets::new(|name: &str| (name == "LINGER").then(|| Secret::from("5")));
    /// let text = "name = \"cars\"\nbrokers = \"embedded\"\n\
    ///             properties = { \"linger.ms\" = \"{{secrets.LINGER}}\", acks = \"secrets.ACKS\" }\n\
    ///             [[steps]]\nconnector = \"elasticio\"\naction = \"produce\"\ninput = \"-\"\n\
    ///             config = { topic = \"cars\" }\n";
    /// assert_eq!(
    ///     Flow::parse_with(text, &secrets).unwrap_err().to_string(),
    ///     "line 3, column 59: properties.acks: secret with name 'ACKS' is not available"
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it: line, column and what was expected. No secret is in it.
    pub fn parse_with(text: &str, secrets: &Secrets) -> Result<Self, Problems> {
        let mut node = Node::from_toml(text)?;
        let mut problems = Problems::default();
        secrets.resolve_node(&mut node, "", &mut problems);
        let flow = Self::read(&node, &mut problems).map(|mut flow| {
            flow.masker = secrets.masker().clone();
            flow
        });
        problems.or(flow).map_err(|problems| problems.masked(secrets.masker()))
    }

    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, "", FIELDS, problems)?;
        let name = reader.text("name");
        let given = reader.has("brokers").then(|| read_flow_brokers(&mut reader));
        let embedded = reader.table("embedded");
        let credentials_node = reader.table("credentials");
        let properties = reader.properties("properties");
        let nodes = reader.tables("steps");
        if nodes.is_some_and(<[Node]>::is_empty) {
            reader.problem("steps", "is empty: expected at least one step, as [[steps]]");
        }
        let place = reader.place();
        reader.finish();
        let partitions =
            embedded.map_or(Some(PARTITIONS_DEFAULT), |node| read_embedded(node, problems));
        let credentials =
            credentials_node.map(|node| Credentials::read_in_flow(node, given.is_none(), problems));
        let nodes = nodes.unwrap_or_default();
        let steps = step::read_all(nodes, problems);
        let bring_brokers = match &steps {
            Some(steps) => steps.iter().all(Step::has_brokers),
            None => nodes.iter().all(step::seems_to_have_brokers),
        };
        let bring_brokers = bring_brokers && !nodes.is_empty();
        let brokers = match (given, &credentials) {
            (Some(brokers), _) => match brokers? {
                GivenBrokers::Embedded => Brokers::Embedded { partitions: partitions? },
                GivenBrokers::List(brokers) => Brokers::List(brokers),
            },
            (None, Some(credentials)) => Brokers::List(credentials.as_ref()?.brokers.clone()),
            (None, None) if bring_brokers => Brokers::OfSteps,
            (None, None) => {
                let message = "brokers is missing: expected \"embedded\", or host:port of one broker \
                               or more, here or in credentials";
                problems.push(place, message);
                return None;
            }
        };
        let credentials = match credentials {
            Some(credentials) => Some(credentials?),
            None => None,
        };
        let masker = Masker::default();
        Some(Self { name: name?, brokers, credentials, properties, steps: steps?, masker })
    }

    /// The name of the flow.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What hides the secrets that were put into the flow: whatever is told of it goes through this.
    #[must_use]
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Where the brokers are.
    #[must_use]
    pub fn brokers(&self) -> &Brokers {
        &self.brokers
    }

    /// What the flow does, in the order of the file.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What is odd about the client properties of the steps, but no reason not to run them.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all of a step's in one error.
    pub fn warnings(&self, connection: &Connection) -> Result<Vec<String>, milena::Error> {
        // Clients of both kinds can find the same property odd: it is told once, with the best hint.
        let mut odd: Vec<Finding> = Vec::new();
        for warning in self.steps.iter().map(|step| step.warnings(connection)) {
            for finding in warning?.iter() {
                match odd.iter_mut().find(|known| known.property == finding.property) {
                    None => odd.push(finding.clone()),
                    Some(known) if known.message.len() < finding.message.len() => {
                        known.clone_from(finding);
                    }
                    Some(_) => {}
                }
            }
        }
        let mut warnings: Vec<String> = odd.iter().map(ToString::to_string).collect();
        let kinds: Vec<ClientKind> = self.steps.iter().map(Step::client_kind).collect();
        for (name, _) in connection.flow.iter().chain(&connection.command_line) {
            let has = |kinds: &[ClientKind]| kinds.iter().any(|kind| find(name, *kind).is_some());
            if has(&ClientKind::ALL) && !has(&kinds) {
                warnings.push(format!("{name}: no step of this flow has a client that knows it"));
            }
        }
        Ok(warnings)
    }

    /// How the steps reach these brokers. An embedded broker is reached without credentials.
    #[must_use]
    pub fn connection(&self, brokers: Vec<String>, is_embedded: bool) -> Connection {
        let credentials = self.credentials.clone().filter(|_| !is_embedded);
        let client_id = match &self.credentials {
            Some(credentials) => credentials.client_id.clone(),
            None => self.name.clone(),
        };
        let mut connection = Connection::anonymous(brokers, client_id);
        connection.credentials = credentials;
        connection.is_embedded = is_embedded;
        connection.flow.clone_from(&self.properties);
        connection
    }
}

enum GivenBrokers {
    Embedded,
    List(Vec<String>),
}

fn read_flow_brokers(reader: &mut TableReader<'_, '_>) -> Option<GivenBrokers> {
    let is_embedded = reader.texts("brokers")?.iter().map(|text| text.trim()).eq([EMBEDDED]);
    if is_embedded {
        Some(GivenBrokers::Embedded)
    } else {
        read_brokers(reader).map(GivenBrokers::List)
    }
}

fn read_embedded(node: &Node, problems: &mut Problems) -> Option<i32> {
    let mut reader = TableReader::new(node, "embedded", EMBEDDED_FIELDS, problems)?;
    let partitions = reader.integer("partitions");
    reader.finish();
    partitions.map_or(Some(PARTITIONS_DEFAULT), |partitions| i32::try_from(partitions).ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::flow::{Input, Until};

    const WHOLE: &str = r#"
name = "cars"
brokers = "a:9092, b:9092"

[credentials]
username = "ada"
password = "hush"
clientId = "crm"

[properties]
linger.ms = 5
"security.protocol" = "SASL_PLAINTEXT"

[[steps]]
connector = "elasticio"
action = "produce"
config = { topic = "cars" }
input = "cars.jsonl"

[[steps]]
connector = "elasticio"
trigger = "consume"
config = { topic = "cars", groupId = "crm" }

[[steps]]
connector = "elasticio"
trigger = "consume"
config = { topic = "trucks", groupId = "crm" }
until = "idle"
idleMs = 250
"#;

    #[test]
    fn reads_a_whole_flow() {
        let flow = Flow::parse(WHOLE).unwrap();
        assert_eq!(flow.name(), "cars");
        let brokers = vec!["a:9092".to_owned(), "b:9092".to_owned()];
        assert_eq!(flow.brokers(), &Brokers::List(brokers.clone()));
        let [Step::Action(produce), Step::Trigger(consume), Step::Trigger(idle)] = flow.steps()
        else {
            panic!("{:?}", flow.steps());
        };
        assert_eq!(produce.input, Input::File("cars.jsonl".into()));
        assert_eq!(consume.until, Until::Produced);
        assert_eq!(idle.until, Until::Idle(Duration::from_millis(250)));
        let connection = flow.connection(brokers, false);
        let properties = produce.configuration.client_properties(&connection);
        assert_eq!(properties.value("client.id"), Some("crm"));
        assert_eq!(properties.value("security.protocol"), Some("SASL_PLAINTEXT"));
        assert_eq!(properties.value("linger.ms"), Some("5"));
        assert!(!format!("{flow:?}").contains("hush"));
        let embedded = flow.connection(vec!["127.0.0.1:1".to_owned()], true);
        let properties = produce.configuration.client_properties(&embedded);
        assert_eq!(properties.value("security.protocol"), None);
        assert_eq!(properties.value("linger.ms"), Some("5"));
    }

    #[test]
    fn brokers_can_be_those_of_the_credentials() {
        let text = WHOLE
            .replace("brokers = \"a:9092, b:9092\"\n", "")
            .replace("clientId = \"crm\"", "clientId = \"crm\"\nbrokers = \"c:9092 d:9092\"");
        let flow = Flow::parse(&text).unwrap();
        let brokers = vec!["c:9092".to_owned(), "d:9092".to_owned()];
        assert_eq!(flow.brokers(), &Brokers::List(brokers));
    }

    fn problems(text: &str) -> String {
        Flow::parse(text).unwrap_err().to_string()
    }

    /// What is changed in the flow, and what is said about it.
    const BROKEN: &[(&str, &str, &str)] = &[
        (
            "brokers = \"a",
            "broker = \"a",
            "2 problems: (1) line 3, column 1: broker is not known here: did you mean `brokers`?; \
             (2) line 5, column 1: credentials.brokers is missing: expected a text or a list of \
             texts, host:port of one broker or more, with commas or spaces between them",
        ),
        (
            "username = \"ada\"",
            "usrname = \"ada\"",
            "2 problems: (1) line 5, column 1: credentials.username is missing: expected a text, \
             the user name for SASL; (2) line 6, column 1: credentials.usrname is not known here: \
             did you mean `username`?",
        ),
        (
            "password = \"hush\"",
            "password = 123",
            "line 7, column 12: credentials.password is a number: expected a text, the password \
             for SASL",
        ),
        (
            "action = \"produce\"",
            "action = \"send\"",
            "line 16, column 10: steps[1].action is \"send\": expected produce",
        ),
        (
            "input = \"cars.jsonl\"",
            "",
            "line 14, column 1: steps[1].input is missing: expected a file of JSON lines, \"-\" for \
             standard input, or \"http\"",
        ),
        (
            "config = { topic = \"cars\" }",
            "config = { topc = \"cars\" }",
            "2 problems: (1) line 17, column 10: steps[1].config.topic is missing: expected a \
             text, the name of the topic to send messages to; (2) line 17, column 12: \
             steps[1].config.topc is not known here: did you mean `topic`?",
        ),
        (
            "idleMs = 250",
            "idleMs = 0",
            "line 30, column 10: steps[3].idleMs is the number 0: expected a whole number from \
             1 to 86400000, how many milliseconds without a record end the trigger",
        ),
        (
            "until = \"idle\"",
            "until = \"produced\"",
            "line 30, column 1: steps[3].idleMs does not belong here: it goes with \
             until = \"idle\"",
        ),
        (
            "trigger = \"consume\"\nconfig = { topic = \"cars\"",
            "config = { topic = \"cars\"",
            "line 20, column 1: steps[2] has neither action nor trigger: expected \
             action = \"produce\" or trigger = \"consume\"",
        ),
        (
            "a:9092, b:9092",
            "a:9092, b",
            "line 3, column 11: brokers has \"b\": expected host:port, such as \
             serv1.mykafkaserver.com:9094",
        ),
        (
            "[credentials]",
            "[credentials",
            "line 5, column 13: this is no TOML: unclosed table, expected `]`",
        ),
    ];

    #[test]
    fn names_line_column_and_what_was_expected() {
        for (from, to, expected) in BROKEN {
            assert!(WHOLE.contains(from), "{from}");
            assert_eq!(problems(&WHOLE.replacen(from, to, 1)), *expected);
        }
    }

    #[test]
    fn secrets_take_the_place_of_their_names_and_are_in_no_problem() {
        let secrets = Secrets::new(|name: &str| (name == "TOPIC").then(|| "top secret".into()));
        let text = "name = \"x\"\nbrokers = \"embedded\"\n[[steps]]\nconnector = \"elasticio\"\n\
                    action = \"produce\"\ninput = \"-\"\nconfig.topic = \"{{secrets.TOPIC}}\"\n";
        let problems = Flow::parse_with(text, &secrets).unwrap_err().to_string();
        assert!(
            problems.contains("steps[1].config.topic is ") && problems.contains("***"),
            "{problems}"
        );
        assert!(!problems.contains("top secret"), "{problems}");
        let problems = Flow::parse_with(text, &Secrets::none()).unwrap_err().to_string();
        assert!(
            problems.contains(
                "line 7, column 16: steps[1].config.topic: secret with name 'TOPIC' is not available"
            ),
            "{problems}"
        );
        let good = Secrets::new(|_: &str| Some("cars".into()));
        assert_eq!(Flow::parse_with(text, &good).unwrap().name(), "x");
    }

    #[test]
    fn an_empty_file_lacks_all_that_is_required() {
        assert_eq!(
            problems(""),
            "3 problems: \
             (1) line 1, column 1: name is missing: expected a text, the name of the flow; \
             (2) line 1, column 1: steps is missing: expected a list of tables, each as [[steps]]; \
             (3) line 1, column 1: brokers is missing: expected \"embedded\", or host:port of one \
             broker or more, here or in credentials"
        );
    }

    #[test]
    fn brokers_are_missed_where_steps_that_cannot_be_read_name_none() {
        let step = |connector: &str, config: &str| {
            problems(&format!(
                "name = \"x\"\n[[steps]]\nconnector = \"{connector}\"\naction = 5\n\
                 config = {{ {config} }}\n"
            ))
        };
        let named = "bootstrapServers = \"a:9092\"";
        for (connector, config, are_missed) in [
            ("elasticio", "", true),
            ("nothing", "", true),
            ("nothing", named, false),
            ("ballerina", "", true),
            ("ballerina", named, false),
            // Whose configuration has brokers, if only by default.
            ("camunda-outbound", "", false),
            ("thingsboard", "", false),
        ] {
            let problems = step(connector, config);
            assert!(problems.contains("action is the number 5"), "{problems}");
            assert_eq!(
                problems.contains("brokers is missing"),
                are_missed,
                "{connector}: {problems}"
            );
        }
    }

    #[test]
    fn two_steps_cannot_both_read_standard_input() {
        let step = "[[steps]]\nconnector = \"elasticio\"\naction = \"produce\"\ninput = \"-\"\n\
                    config.topic = \"a\"\n";
        let text = format!("name = \"x\"\nbrokers = \"embedded\"\n{step}{step}");
        assert_eq!(
            problems(&text),
            "line 8, column 1: steps[2].input is \"-\", which another step reads: expected a file \
             of JSON lines"
        );
    }

    #[test]
    fn a_trigger_alone_goes_on_until_it_is_interrupted() {
        let text = "name = \"x\"\nbrokers = \"embedded\"\n[embedded]\npartitions = 3\n\
                    [[steps]]\nconnector = \"elasticio\"\ntrigger = \"consume\"\n\
                    config = { topic = \"a\", groupId = \"b\" }\n";
        let flow = Flow::parse(text).unwrap();
        assert_eq!(flow.brokers(), &Brokers::Embedded { partitions: 3 });
        let Step::Trigger(trigger) = &flow.steps()[0] else { panic!("{:?}", flow.steps()) };
        assert_eq!(trigger.until, Until::Forever);
        assert_eq!(
            problems(&format!("{text}until = \"produced\"\n")),
            "line 9, column 9: steps[1].until is \"produced\", but no step of this flow produces: \
             expected idle or forever"
        );
    }
}
