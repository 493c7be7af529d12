//! How much is fetched ahead for a sink that takes records one by one.
//!
//! What a consumer has fetched is in memory twice or three times before a sink has it: as it came, as it
//! is given, and what was fetched meanwhile. A mebibyte of each partition, Kafka's default, is more than
//! such a sink can make use of.

use crate::{connection::Connection, connector::TriggerConfiguration};

const PROPERTY: &str = "max.partition.fetch.bytes";

/// Kafka's default, which some connectors write out.
const DEFAULT: &str = "1048576";

/// What is fetched of a partition at once: a few records that are large, and thousands that are small.
const BYTES: usize = 256 << 10;

/// The connection for a trigger whose records go to a sink: fetches are small, if nobody says how large
/// they are to be.
pub(super) fn in_small_steps(
    configuration: &dyn TriggerConfiguration,
    connection: &Connection,
) -> Connection {
    let mut connection = connection.clone();
    let given = configuration.client_properties(&connection);
    if given.value(PROPERTY).is_none_or(|value| value == DEFAULT) {
        // In front: what the flow itself says comes later, and counts.
        connection.flow.insert(0, (PROPERTY.to_owned(), BYTES.to_string()));
    }
    connection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Flow, Step};

    fn fetched(flow: &str, config: &str) -> Option<String> {
        let text = format!(
            "name = \"cars\"\nbrokers = \"embedded\"\n{flow}\n[[steps]]\n{config}\n\
             sink = {{ type = \"webhook\", url = \"http://a\" }}\n"
        );
        let flow = Flow::parse(&text).unwrap();
        let [Step::Trigger(step)] = flow.steps() else { panic!("{flow:?}") };
        let connection = flow.connection(vec!["a:9092".to_owned()], false);
        let connection = in_small_steps(step.configuration.as_ref(), &connection);
        let properties = step.configuration.client_properties(&connection);
        properties.value(PROPERTY).map(str::to_owned)
    }

    #[test]
    fn fetches_are_small_unless_the_user_says_otherwise() {
        let elastic = "connector = \"elasticio\"\ntrigger = \"consume\"\n\
                       config = { topic = \"cars\", groupId = \"crm\" }";
        let ballerina = "connector = \"ballerina\"\ntrigger = \"listener\"\n\
                         config = { topics = [\"cars\"], groupId = \"crm\" }";
        let said = "properties = { \"max.partition.fetch.bytes\" = \"1048576\" }";
        assert_eq!(fetched("", elastic).as_deref(), Some("262144"));
        assert_eq!(fetched(said, elastic).as_deref(), Some("1048576"));
        assert_eq!(fetched("", ballerina).as_deref(), Some("262144"));
        let own = ballerina.replace("groupId", "maxPartitionFetchBytes = 7000, groupId");
        assert_eq!(fetched("", &own).as_deref(), Some("7000"));
    }
}
