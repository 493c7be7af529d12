//! The shape of every connector: actions take an input and give outputs, triggers give outputs that
//! are accepted one by one.

mod configuration;
mod table;

pub use configuration::{ActionConfiguration, TriggerConfiguration};
pub(crate) use table::ReadAction;
pub use table::{ActionKind, CONNECTORS, Connector, TriggerKind, find, nearest};

use std::{
    collections::BTreeMap, error::Error as StdError, fmt, future::Future, pin::Pin, time::Duration,
};

use milena::{RecordMetadata, metrics::Snapshot};
use serde_json::{Map, Value};

/// A future in a box, as methods of trait objects give it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes inputs and gives outputs for each: the sending half of a connector.
pub trait Action: Send + Sync {
    /// Takes one input: the order of the calls is the order of the records in a partition.
    ///
    /// Waits only while there is no room. Not cancel safe: when the future is dropped, some of the
    /// input's records may be sent.
    ///
    /// # Errors
    ///
    /// [`ActionError`] when nothing of the input was sent.
    fn submit(&self, input: Value) -> BoxFuture<'_, Result<Delivery, ActionError>>;

    /// Sends what was taken and closes, within this time.
    ///
    /// # Errors
    ///
    /// When the time is over before everything is sent.
    fn close(&self, within: Duration) -> BoxFuture<'_, Result<(), milena::Error>>;

    /// The counters of its client at this moment, if it has any.
    fn metrics(&self) -> Option<Snapshot> {
        None
    }

    /// Whether an input has any number of outputs; otherwise it has one.
    fn gives_list(&self) -> bool {
        false
    }
}

/// The delivery of one input. Dropping it does not stop it.
pub type Delivery = BoxFuture<'static, Result<Delivered, ActionError>>;

/// What came of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// The outputs, as the system's document has them.
    pub outputs: Vec<Value>,
    /// How many records were written.
    pub records_count: usize,
    /// The offset after the last of them, by topic and partition.
    pub ends: Ends,
}

impl Delivered {
    /// A record was written.
    pub(crate) fn handle_written(&mut self, metadata: &RecordMetadata) {
        self.records_count += 1;
        // With acks=0 nobody knows the offset.
        if let Some(offset) = metadata.offset() {
            let partition = (metadata.topic().to_owned(), metadata.partition());
            let end = self.ends.entry(partition).or_default();
            *end = (*end).max(offset + 1);
        }
    }
}

/// The offset after the last record, by topic and partition.
pub type Ends = BTreeMap<(String, i32), i64>;

/// Why an input was not delivered, or not whole.
#[derive(Debug)]
#[non_exhaustive]
pub struct ActionError {
    /// What was wrong and what was expected.
    pub message: String,
    /// What came of the part of the input that was answered.
    pub delivered: Delivered,
    /// The client's error, when it was no fault of the input.
    pub source: Option<milena::Error>,
    /// The system's own code for it, where it has one.
    pub code: Option<String>,
    /// How often the system would try it again, where its configuration says so.
    pub retries: Option<i32>,
}

impl ActionError {
    /// An input that cannot be sent; nothing of it was.
    pub fn input(error: impl fmt::Display) -> Self {
        Self {
            message: error.to_string(),
            delivered: Delivered::default(),
            source: None,
            code: None,
            retries: None,
        }
    }

    /// An input that was not delivered, or not whole, and why.
    #[must_use]
    pub fn not_delivered(
        message: impl Into<String>,
        delivered: Delivered,
        source: Option<milena::Error>,
    ) -> Self {
        Self { message: message.into(), delivered, source, code: None, retries: None }
    }

    /// Whether the same input may be delivered when it is sent again.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.source.as_ref().is_some_and(milena::Error::is_retriable)
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for ActionError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// Gives outputs as records arrive: the receiving half of a connector.
///
/// At least once: what was not accepted before the trigger ends is given again by the next one.
pub trait Trigger: Send {
    /// Joins, and finds out where to begin: what is produced after this is given.
    ///
    /// # Errors
    ///
    /// When the cluster cannot be reached, or refuses, within the configured time.
    fn start(&mut self) -> BoxFuture<'_, Result<(), milena::Error>>;

    /// Waits for records; none when `within` has passed.
    ///
    /// Cancel safe: a record is given by one call or by the next.
    ///
    /// # Errors
    ///
    /// When no further record can be had.
    fn next(&mut self, within: Duration) -> BoxFuture<'_, Result<Vec<Emission>, milena::Error>>;

    /// A record was taken and need not be given again; what may be committed of its partition is the
    /// prefix without gaps.
    fn accept(&mut self, ticket: &Ticket);

    /// Commits what was accepted.
    ///
    /// # Errors
    ///
    /// When it was not committed: it may be given again.
    fn commit(&mut self) -> BoxFuture<'_, Result<(), milena::Error>>;

    /// Whether everything before these offsets was given, by this trigger or, of partitions that are
    /// others', by whoever has them.
    ///
    /// # Errors
    ///
    /// When what others have read cannot be found out.
    fn has_reached<'a>(&'a mut self, ends: &'a Ends) -> BoxFuture<'a, Result<bool, milena::Error>>;

    /// Commits what was accepted and leaves, within this time.
    ///
    /// # Errors
    ///
    /// When the commit failed, or the time is over.
    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), milena::Error>>;

    /// Stops or goes on giving records of a partition; false when the trigger cannot.
    ///
    /// A partition that is assigned anew is not paused.
    fn set_paused(&mut self, partition: i32, is_paused: bool) -> bool {
        let _ = (partition, is_paused);
        false
    }

    /// Whether accepting this record would still have an effect: not when its partition has gone to
    /// another member, which is given the record too.
    fn is_open(&self, ticket: &Ticket) -> bool {
        let _ = ticket;
        true
    }

    /// The counters of its client at this moment, if it has any.
    fn metrics(&self) -> Option<Snapshot> {
        None
    }

    /// How many records of each of its partitions were not accepted yet, as far as it has heard.
    fn lags(&self) -> Vec<(i32, u64)> {
        Vec::new()
    }

    /// Who it is in its group: names and values for whoever asks how it is.
    fn details(&self) -> Map<String, Value> {
        Map::new()
    }
}

/// One output of a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Emission {
    /// The output, as the system's document has it; null where there is a refusal.
    pub output: Value,
    /// Why the connector can make no output of the record. It need not be given to anybody; whether it is
    /// accepted is for whoever runs the trigger to say.
    pub refusal: Option<String>,
    /// What accepting it needs.
    pub ticket: Ticket,
}

impl Emission {
    /// An output and what accepting it needs.
    #[must_use]
    pub fn new(output: Value, ticket: Ticket) -> Self {
        Self { output, refusal: None, ticket }
    }

    /// A record of which the connector can make no output.
    #[must_use]
    pub fn refused(why: impl Into<String>, ticket: Ticket) -> Self {
        Self { output: Value::Null, refusal: Some(why.into()), ticket }
    }
}

/// Which record an output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a record of a topic is found by these")]
pub struct Ticket {
    /// The partition of the trigger's topic.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

/// An error with all its causes, on one line that says nothing twice.
///
/// ```
/// use std::{error::Error, fmt, io};
///
/// use milena_connect::connector::with_causes;
///
/// #[derive(Debug)]
/// struct Late(io::Error);
///
/// impl fmt::Display for Late {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("timed out (topic cars)")
///     }
/// }
///
/// impl Error for Late {
///     fn source(&self) -> Option<&(dyn Error + 'static)> {
///         Some(&self.0)
///     }
/// }
///
/// let error = Late(io::Error::other("no leader (Metadata v13, topic cars)"));
/// assert_eq!(with_causes(&error), "timed out (topic cars): no leader (Metadata v13)");
/// ```
#[must_use]
pub fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let layer = error.to_string();
        // Layers that quote their cause would say it twice.
        if !text.contains(&layer) {
            let layer = without_known_places(layer, &text);
            text.push_str(": ");
            text.push_str(&layer);
        }
        cause = error.source();
    }
    text.replace(['\n', '\r'], " ")
}

/// The text without the places, in parentheses at its end, that have been named: each error of a client
/// names its topic and partition.
fn without_known_places(layer: String, said: &str) -> String {
    let Some((what, places)) = layer.strip_suffix(')').and_then(|text| text.rsplit_once(" ("))
    else {
        return layer;
    };
    let is_news = |place: &&str| {
        let said = |end: char| said.contains(&format!("{place}{end}"));
        !said(')') && !said(',')
    };
    match places.split(", ").filter(is_news).collect::<Vec<_>>().join(", ") {
        news if news.is_empty() => what.to_owned(),
        news => format!("{what} ({news})"),
    }
}
