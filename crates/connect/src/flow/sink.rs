//! Where the records of a trigger go, and what becomes of one that is refused.

use std::time::Duration;

use super::webhook::{self, Webhook};
use crate::{
    backoff::Backoff,
    describe::Part,
    settings::{Field, FieldKind, TableReader},
};

/// The fields of `[steps.sink]`.
pub(super) const SINK_FIELDS: &[Field] = &[
    Field::required("type", "Type", FieldKind::Choice(TYPES), "where the records go"),
    Field::optional("url", "URL", FieldKind::Text, "where a webhook's records are posted to")
        .example("\"https://example.com/cars\""),
    Field::optional("headers", "Headers", FieldKind::Texts, "headers of a webhook's requests")
        .secret()
        .example(r#"{"X-Api-Key":"{{secrets.KEY}}"}"#),
    Field::optional("token", "Token", FieldKind::Text, "what a webhook knows us by, as Bearer")
        .secret()
        .example("\"{{secrets.TOKEN}}\""),
    Field::optional("username", "User name", FieldKind::Text, "whom a webhook knows, as Basic"),
    Field::optional("password", "Password", FieldKind::AnyText, "of the user").secret(),
    Field::optional(
        "tls",
        "TLS",
        FieldKind::Record(webhook::TLS_FIELDS),
        "of a webhook whose URL is of https",
    ),
    Field::optional(
        "timeoutMs",
        "Timeout",
        FieldKind::Integer(1, 3_600_000),
        "how many milliseconds a webhook may take to answer",
    )
    .default("30000"),
    Field::optional(
        "ackTimeoutMs",
        "Ack timeout",
        FieldKind::Integer(1, 86_400_000),
        "after how many milliseconds a polled record that nobody has acknowledged is given again",
    )
    .default("60000"),
    Field::optional(
        "unackedMax",
        "Unacknowledged",
        FieldKind::Integer(1, 100_000),
        "how many records of a partition may wait for their acknowledgement: 1 keeps their order \
         whatever is refused; by default 1 of an envelope and 500 of a poll",
    ),
    Field::optional(
        "operation",
        "Operation",
        FieldKind::Choice(&["publication", "correlation"]),
        "whether Camunda's engine keeps a message for whoever it is for, or nobody but who waits for it gets \
         it; publication if it is left out",
    ),
    Field::optional(
        "tenantId",
        "Tenant",
        FieldKind::Text,
        "whose the messages for Camunda's engine are",
    ),
];

/// The fields of a step that say what becomes of a record that is refused.
pub(super) const POISON_FIELDS: [Field; 4] = [
    Field::optional(
        "onPoison",
        "On poison",
        FieldKind::Choice(&["retry", "skip", "deadLetter"]),
        "what becomes of a record that the connector cannot use, or the sink refuses for good",
    )
    .default("retry"),
    Field::optional(
        "deadLetterTopic",
        "Dead-letter topic",
        FieldKind::Text,
        "the topic that takes refused records, with onPoison = \"deadLetter\"",
    ),
    RETRY_FIELDS[0],
    RETRY_FIELDS[1],
];

/// Those of them that say when a refused record is tried again.
pub(super) const RETRY_FIELDS: [Field; 2] = [
    Field::optional(
        "retryBackoffMs",
        "Retry backoff",
        FieldKind::Integer(1, 3_600_000),
        "how many milliseconds the first retry waits; each further one waits twice as long",
    )
    .default("100"),
    Field::optional(
        "retryBackoffMaxMs",
        "Longest retry backoff",
        FieldKind::Integer(1, 86_400_000),
        "how many milliseconds a retry waits at most",
    )
    .default("30000"),
];

const TYPES: &[&str] = &["lines", "envelope", "webhook", "poll", "camunda"];

/// What `[steps.sink]` can say.
pub(super) const PART: Part = Part::new(
    "sink",
    "[steps.sink] of a trigger",
    SINK_FIELDS,
    r#"{"type":"webhook","url":"https://example.com/cars"}"#,
);

/// Where the records of a trigger go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sink {
    /// A JSON line on standard output for each: accepted when it is written.
    Lines,
    /// A JSON line that wraps each, accepted when standard input acknowledges it.
    Envelope {
        /// How many records of a partition may wait for their acknowledgement.
        unacked_max: usize,
    },
    /// A POST request for each.
    Webhook(Box<Webhook>),
    /// Kept until somebody asks for them over HTTP.
    Poll {
        /// When a record that nobody has acknowledged is given again.
        ack_timeout: Duration,
        /// How many records of a partition may wait for their acknowledgement.
        unacked_max: usize,
    },
    /// A message for the flow's Camunda engine.
    Camunda(CamundaMessages),
}

/// How messages are given to Camunda's engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CamundaMessages {
    /// Whether they are correlated at once, and not published.
    pub is_correlated: bool,
    /// Whose they are; `None`: the default tenant's.
    pub tenant_id: Option<String>,
}

/// What becomes of a record that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoisonPolicy {
    /// Of one that the connector cannot use, or the sink refuses for good.
    pub on_poison: OnPoison,
    /// How long the first retry waits; each further one waits twice as long.
    pub retry_backoff: Duration,
    /// The longest that a retry waits.
    pub retry_backoff_max: Duration,
}

impl Default for PoisonPolicy {
    fn default() -> Self {
        Self {
            on_poison: OnPoison::Retry,
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(30),
        }
    }
}

impl PoisonPolicy {
    /// How long to wait before the retry of this number, from 1.
    #[must_use]
    pub fn backoff(&self, retry: u32) -> Duration {
        Backoff::new(self.retry_backoff, self.retry_backoff_max).before(retry)
    }
}

/// What becomes of a record that the connector cannot use, or the sink refuses for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnPoison {
    /// It is tried again, and its partition waits; with lines by the next run, and this one fails.
    Retry,
    /// It counts as accepted.
    Skip,
    /// It goes to a topic, with the error in its headers, and counts as accepted then.
    DeadLetter {
        /// The topic.
        topic: String,
    },
}

/// Reads `[steps.sink]`; without one the records are lines.
pub(super) fn read_sink(reader: &mut TableReader<'_, '_>) -> Option<Sink> {
    if !reader.has("sink") {
        return Some(Sink::Lines);
    }
    reader.record("sink", |reader| {
        let kind = reader.text("type");
        let url = reader.text("url");
        let headers = reader.text_table("headers").unwrap_or_default();
        let credentials = webhook::read_credentials(reader);
        let tls = webhook::read_tls(reader);
        let timeout = reader.integer("timeoutMs").map(milliseconds);
        let ack_timeout = reader.integer("ackTimeoutMs").map(milliseconds);
        let has_count = reader.has("unackedMax");
        let unacked = reader.integer("unackedMax").and_then(|count| usize::try_from(count).ok());
        if has_count && unacked.is_none() {
            return None;
        }
        let messages = read_messages(reader, kind.as_deref() == Some("camunda"));
        let mut belong = |names: &[&str], to: &str| {
            for name in names {
                reader.refuse(name, &format!("it goes with type = {to}"));
            }
        };
        let webhook_only = ["url", "headers", "token", "username", "password", "tls", "timeoutMs"];
        match kind?.as_str() {
            "webhook" => {
                belong(&["ackTimeoutMs"], "\"poll\"");
                belong(&["unackedMax"], "\"envelope\" or \"poll\"");
                if !reader.has("url") {
                    reader.problem("url", "is missing: expected an absolute URL of http or https");
                }
                let (url, timeout) = (url?, timeout?);
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    // A URL can have a password in it.
                    reader.problem("url", "is another text: expected http://... or https://...");
                    return None;
                }
                if !url.starts_with("https://") {
                    reader.refuse("tls", "the URL is not of https");
                }
                Some(Sink::Webhook(Box::new(Webhook { url, headers, credentials, tls, timeout })))
            }
            "poll" => {
                belong(&webhook_only, "\"webhook\"");
                let unacked_max = unacked.unwrap_or(500);
                Some(Sink::Poll { ack_timeout: ack_timeout?, unacked_max })
            }
            "camunda" => {
                belong(&webhook_only, "\"webhook\"");
                belong(&["ackTimeoutMs"], "\"poll\"");
                belong(&["unackedMax"], "\"envelope\" or \"poll\"");
                Some(Sink::Camunda(messages))
            }
            "envelope" => {
                belong(&webhook_only, "\"webhook\"");
                belong(&["ackTimeoutMs"], "\"poll\"");
                Some(Sink::Envelope { unacked_max: unacked.unwrap_or(1) })
            }
            _ => {
                belong(&webhook_only, "\"webhook\"");
                belong(&["ackTimeoutMs"], "\"poll\"");
                belong(&["unackedMax"], "\"envelope\" or \"poll\"");
                Some(Sink::Lines)
            }
        }
    })
}

/// Reads how messages are given to Camunda's engine, which is for that sink alone.
fn read_messages(reader: &mut TableReader<'_, '_>, belongs: bool) -> CamundaMessages {
    const NAMES: [&str; 2] = ["operation", "tenantId"];
    let is_correlated = reader.text(NAMES[0]).as_deref() == Some("correlation");
    let tenant_id = reader.text(NAMES[1]);
    if !belongs {
        NAMES.iter().for_each(|name| reader.refuse(name, "it goes with type = \"camunda\""));
    }
    CamundaMessages { is_correlated, tenant_id }
}

/// Reads what becomes of refused records.
pub(super) fn read_policy(reader: &mut TableReader<'_, '_>) -> Option<PoisonPolicy> {
    let on_poison = reader.text("onPoison");
    let topic = reader.text("deadLetterTopic");
    let retry_backoff = reader.integer("retryBackoffMs").map(milliseconds);
    let retry_backoff_max = reader.integer("retryBackoffMaxMs").map(milliseconds);
    let on_poison = match on_poison?.as_str() {
        "deadLetter" => {
            if !reader.has("deadLetterTopic") {
                let message = "is missing: expected the topic that takes refused records";
                reader.problem("deadLetterTopic", message);
            }
            OnPoison::DeadLetter { topic: topic? }
        }
        other => {
            reader.refuse("deadLetterTopic", "it goes with onPoison = \"deadLetter\"");
            if other == "skip" { OnPoison::Skip } else { OnPoison::Retry }
        }
    };
    Some(PoisonPolicy {
        on_poison,
        retry_backoff: retry_backoff?,
        retry_backoff_max: retry_backoff_max?,
    })
}

/// The range of the fields has no negative numbers.
fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Certificates, Credentials, Flow, Step, Tls, TriggerStep};

    const HOOK: &str = "sink = { type = \"webhook\", url = \"http://a\" }\n";

    fn flow(extra: &str) -> Result<TriggerStep, String> {
        let text = format!(
            "name = \"cars\"\nbrokers = \"embedded\"\n[[steps]]\nconnector = \"elasticio\"\n\
             trigger = \"consume\"\nconfig = {{ topic = \"cars\", groupId = \"crm\" }}\n{extra}"
        );
        let flow = Flow::parse(&text).map_err(|problems| problems.to_string())?;
        let [Step::Trigger(step)] = flow.steps() else { panic!("{flow:?}") };
        Ok(step.clone())
    }

    #[test]
    fn reads_every_sink() {
        assert_eq!(flow("").unwrap().sink, Sink::Lines);
        assert_eq!(flow("").unwrap().policy, PoisonPolicy::default());
        let sink = |text: &str| flow(&format!("sink = {text}")).unwrap().sink;
        assert_eq!(sink("{ type = \"envelope\" }"), Sink::Envelope { unacked_max: 1 });
        assert_eq!(
            sink("{ type = \"poll\", ackTimeoutMs = 5, unackedMax = 7 }"),
            Sink::Poll { ack_timeout: Duration::from_millis(5), unacked_max: 7 }
        );
        let webhook =
            sink("{ type = \"webhook\", url = \"http://u:hush@a/\", headers = { A = \"hush\" } }");
        let Sink::Webhook(webhook) = webhook else { panic!("{webhook:?}") };
        assert_eq!(webhook.headers, [("A".to_owned(), "hush".to_owned())]);
        assert_eq!(webhook.timeout, Duration::from_secs(30));
        assert!(!format!("{webhook:?}").contains("hush"));
    }

    #[test]
    fn reads_who_asks_a_webhook_and_whom_to_trust() {
        let webhook = |text: &str| {
            let step = flow(&format!("sink = {{ type = \"webhook\", {text} }}"))?;
            let Sink::Webhook(webhook) = step.sink else { panic!("{step:?}") };
            assert!(!format!("{webhook:?}").contains("hush"), "{webhook:?}");
            Ok::<_, String>(webhook)
        };
        let plain = webhook("url = \"https://a\"").unwrap();
        assert_eq!((plain.credentials, plain.tls), (None, Tls::default()));
        let bearer = webhook("url = \"http://a\", token = \"hush\"").unwrap();
        assert_eq!(bearer.credentials, Some(Credentials::Bearer("hush".into())));
        let basic = webhook("url = \"http://a\", username = \"ada\", password = \"hush\"").unwrap();
        let ada = Credentials::Basic { username: "ada".to_owned(), password: "hush".into() };
        assert_eq!(basic.credentials, Some(ada));
        let tls = webhook(
            "url = \"https://a\", tls = { ca = \"ca.pem\", certificate = \"store.p12\", \
             password = \"hush\", verifyHostName = false }",
        );
        let tls = tls.unwrap().tls;
        assert_eq!(tls.ca, Some(Certificates::File("ca.pem".into())));
        assert_eq!(tls.password, Some("hush".into()));
        assert!(!tls.verifies_host_name);
        let inline =
            webhook("url = \"https://a\", tls.ca = \"-----BEGIN hush\\\\n\"").unwrap().tls.ca;
        assert_eq!(inline, Some(Certificates::Inline("-----BEGIN hush\n".into())));
        for (text, expected) in [
            (
                "url = \"http://a\", tls = {}",
                "sink.tls does not belong here: the URL is not of https",
            ),
            ("url = \"http://a\", username = \"ada\"", "sink.password is missing"),
            ("url = \"http://a\", password = \"hush\"", "sink.username is missing"),
            (
                "url = \"http://a\", token = \"a\", username = \"b\"",
                "sink.username does not belong here: the token says who asks",
            ),
            (
                "url = \"https://a\", tls.key = \"hush\"",
                "sink.tls.key does not belong here: it goes with certificate",
            ),
        ] {
            let problems = webhook(text).unwrap_err();
            assert!(problems.contains(expected) && !problems.contains("hush"), "{problems}");
        }
    }

    #[test]
    fn reads_the_policy() {
        let step = flow(&format!(
            "{HOOK}onPoison = \"deadLetter\"\ndeadLetterTopic = \"dead\"\nretryBackoffMs = 3"
        ));
        let policy = step.unwrap().policy;
        assert_eq!(policy.on_poison, OnPoison::DeadLetter { topic: "dead".to_owned() });
        assert_eq!(policy.backoff(1), Duration::from_millis(3));
        assert_eq!(policy.backoff(3), Duration::from_millis(12));
        assert_eq!(policy.backoff(90), Duration::from_secs(30));
    }

    #[test]
    fn names_what_does_not_go_together() {
        for (extra, expected) in [
            (
                "sink = { type = \"webhook\" }",
                "line 7, column 8: steps[1].sink.url is missing: expected an absolute URL of http or https",
            ),
            (
                "sink = { type = \"webhook\", url = \"ftp://a:hush@b\" }",
                "line 7, column 34: steps[1].sink.url is another text: expected http://... or https://...",
            ),
            (
                "sink = { type = \"poll\", url = \"http://a\" }",
                "line 7, column 25: steps[1].sink.url does not belong here: it goes with type = \"webhook\"",
            ),
            (
                "deadLetterTopic = \"dead\"\nretryBackoffMs = 3",
                "2 problems: (1) line 7, column 1: steps[1].deadLetterTopic does not belong here: it \
                 goes with onPoison = \"deadLetter\"; (2) line 8, column 1: steps[1].retryBackoffMs \
                 does not belong here: with lines on standard output the next run tries again",
            ),
            (
                &format!("{HOOK}onPoison = \"deadLetter\""),
                "line 3, column 1: steps[1].deadLetterTopic is missing: expected the topic that takes \
                 refused records",
            ),
        ] {
            assert_eq!(flow(extra).unwrap_err(), expected);
        }
    }
}
