//! When to refresh the metadata, for which topics, and from which brokers.
//!
//! ```text
//!              request due                      response
//!    Waiting ───────────────► InFlight ──────────────────────► Waiting (age or backoff)
//!       ▲                        │ failure
//!       └──── backoff ───────────┘   └─ no broker reachable: ask the bootstrap servers next
//! ```
//!
//! A full refresh asks for every wanted topic; it is due when metadata.max.age.ms is over or when
//! somebody saw that the metadata is wrong. A partial one asks for topics that are new, or that
//! have no leader yet, alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use milena_wire::messages::metadata_request::MetadataRequestTopic;
use milena_wire::messages::{MetadataRequest, MetadataResponse};
use milena_wire::{ByteString, ErrorCode};

use super::merge::LeaderHint;
use super::snapshot::{ClusterMetadata, TopicMetadata};
use crate::backoff::{Backoff, Jitter};

/// What to do when no known broker can be reached (`metadata.recovery.strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataRecovery {
    /// Keep trying the known brokers.
    None,
    /// Ask the bootstrap servers again.
    #[default]
    Rebootstrap,
}

/// Settings of the machine.
#[derive(Clone, Debug)]
pub struct MetadataConfig {
    /// The age at which metadata is refreshed without a reason (`metadata.max.age.ms`).
    pub max_age: Duration,
    /// How long a topic is kept that nobody uses (`metadata.max.idle.ms`).
    pub topic_idle: Duration,
    /// The pause between refreshes that fail or bring nothing new (`retry.backoff.ms` and
    /// `retry.backoff.max.ms`).
    pub retry_backoff: Backoff,
    /// What to do when no known broker can be reached.
    pub recovery: MetadataRecovery,
    /// How long refreshes may fail before the bootstrap servers are asked
    /// (`metadata.recovery.rebootstrap.trigger.ms`).
    pub rebootstrap_trigger: Duration,
    /// Whether brokers may create topics that are asked for (`allow.auto.create.topics`).
    pub allow_auto_topic_creation: bool,
    /// Where the jitter of backoffs starts.
    pub seed: u64,
}

/// Which brokers to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshSource {
    /// Any broker of the snapshot, a connected one if there is one.
    KnownBrokers,
    /// The bootstrap servers.
    BootstrapServers,
}

/// Which topics to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshTopics {
    /// Every topic of the cluster.
    All,
    /// Every wanted topic, sorted; the answer replaces what is known.
    Wanted(Vec<ByteString>),
    /// Some topics, sorted; the answer is added to what is known.
    Partial(Vec<ByteString>),
}

/// A refresh to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Which brokers to ask.
    pub source: RefreshSource,
    /// Which topics to ask for.
    pub topics: RefreshTopics,
    /// Whether the broker may create topics that do not exist.
    pub allow_auto_topic_creation: bool,
}

impl Refresh {
    /// The request in the form that `version` of Metadata needs.
    ///
    /// Spec: json/MetadataRequest v0, v1+: in version 0 an empty list asks for every topic, later
    /// for none, and null for every one.
    #[must_use]
    pub fn request(&self, version: i16) -> MetadataRequest {
        let topics = match &self.topics {
            RefreshTopics::All if version == 0 => Some(Vec::new()),
            RefreshTopics::All => None,
            RefreshTopics::Wanted(names) | RefreshTopics::Partial(names) => Some(
                names
                    .iter()
                    .map(|name| MetadataRequestTopic {
                        name: Some(name.clone()),
                        ..MetadataRequestTopic::default()
                    })
                    .collect(),
            ),
        };
        MetadataRequest {
            topics,
            // Brokers older than 0.11.0.2 (version 4) always create.
            allow_auto_topic_creation: self.allow_auto_topic_creation || version < 4,
            ..MetadataRequest::default()
        }
    }
}

/// Why a refresh did not bring a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataFailure {
    /// A broker was reached, but the request failed.
    Request,
    /// None of the brokers that the refresh names could be reached.
    NoBrokerReachable,
}

/// What is known of one wanted topic.
#[derive(Clone, Debug, PartialEq)]
pub enum TopicStatus {
    /// No answer since the topic was asked for.
    Pending,
    /// The topic exists.
    Known(Arc<TopicMetadata>),
    /// The broker reported an error that may pass; the topic is asked for again after a backoff.
    Unresolved(ErrorCode),
    /// The broker reported an error that stays, such as a missing authorization.
    Failed(ErrorCode),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// To be asked for at once.
    New,
    /// To be asked for again after a backoff.
    Unresolved,
    /// Answered.
    Answered,
}

#[derive(Clone, Debug)]
struct WantedTopic {
    pinned: bool,
    used_at: Instant,
    progress: Progress,
}

/// The metadata machine.
///
/// Keeps an entry for each wanted topic and each topic of the snapshot; callers bound both.
#[derive(Debug)]
pub struct Metadata {
    config: MetadataConfig,
    jitter: Jitter,
    snapshot: Arc<ClusterMetadata>,
    wanted: BTreeMap<ByteString, WantedTopic>,
    wants_all: bool,
    in_flight: Option<Refresh>,
    /// Somebody asked for a full refresh.
    update_requested: bool,
    /// When the snapshot gets too old; `None` before the first response.
    stale_at: Option<Instant>,
    /// Refreshes in a row that got no response.
    failures: u32,
    /// Refreshes in a row that were asked for and brought nothing new.
    fruitless: u32,
    /// No refresh of any kind before this moment.
    failure_backoff_until: Option<Instant>,
    /// No refresh that was asked for, or that repeats a question, before this moment.
    repeat_backoff_until: Option<Instant>,
    /// Since when there has been no response.
    failing_since: Option<Instant>,
    rebootstrap: bool,
}

impl Metadata {
    /// A machine that knows nothing yet; its first refresh asks the bootstrap servers.
    #[must_use]
    pub fn new(config: MetadataConfig) -> Self {
        Self {
            jitter: Jitter::new(config.seed),
            config,
            snapshot: Arc::default(),
            wanted: BTreeMap::new(),
            wants_all: false,
            in_flight: None,
            update_requested: false,
            stale_at: None,
            failures: 0,
            fruitless: 0,
            failure_backoff_until: None,
            repeat_backoff_until: None,
            failing_since: None,
            rebootstrap: false,
        }
    }

    /// The snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> &Arc<ClusterMetadata> {
        &self.snapshot
    }

    /// Wants a topic, and keeps it until nobody uses it for `topic_idle`. Returns what is known.
    ///
    /// A topic that failed before is asked for again: the first call after the failure makes it
    /// pending.
    pub fn use_topic(&mut self, name: &str, now: Instant) -> TopicStatus {
        let status = self.topic_status(name);
        if let Some(topic) = self.wanted.get_mut(name) {
            topic.used_at = now;
            if matches!(status, TopicStatus::Failed(_)) {
                topic.progress = Progress::New;
                return TopicStatus::Pending;
            }
            return status;
        }
        self.want(name, false, now);
        self.topic_status(name)
    }

    fn want(&mut self, name: &str, pinned: bool, now: Instant) {
        let is_known = self.snapshot.topic(name).is_some_and(|topic| topic.error.is_none());
        let progress = if is_known { Progress::Answered } else { Progress::New };
        let topic = WantedTopic { pinned, used_at: now, progress };
        self.wanted.insert(ByteString::from(name), topic);
    }

    /// What is known of a topic, without using it.
    #[must_use]
    pub fn topic_status(&self, name: &str) -> TopicStatus {
        let asked = self.wanted.get(name).map(|topic| topic.progress);
        let known = self.snapshot.topic(name);
        match (asked, known) {
            (Some(Progress::New), known) => match known {
                Some(topic) if topic.error.is_none() => TopicStatus::Known(Arc::clone(topic)),
                _ => TopicStatus::Pending,
            },
            (_, Some(topic)) => match topic.error {
                None => TopicStatus::Known(Arc::clone(topic)),
                Some(code) if is_passing(code) => TopicStatus::Unresolved(code),
                Some(code) => TopicStatus::Failed(code),
            },
            (Some(Progress::Unresolved | Progress::Answered), None) => {
                TopicStatus::Unresolved(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            }
            (None, None) => TopicStatus::Pending,
        }
    }

    /// Wants exactly these topics until the next call, used or not, besides those that
    /// [`Metadata::use_topic`] asked for.
    pub fn pin_topics<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, now: Instant) {
        for topic in self.wanted.values_mut() {
            topic.pinned = false;
        }
        for name in names {
            match self.wanted.get_mut(name) {
                Some(topic) => (topic.pinned, topic.used_at) = (true, now),
                None => self.want(name, true, now),
            }
        }
    }

    /// Wants every topic of the cluster, as a subscription by pattern does, or no longer.
    pub const fn want_all_topics(&mut self, wants_all: bool) {
        if wants_all && !self.wants_all {
            self.update_requested = true;
        }
        self.wants_all = wants_all;
    }

    /// Asks for a full refresh, because somebody saw that the metadata is wrong.
    pub const fn request_update(&mut self) {
        self.update_requested = true;
    }

    /// Whether no response has come yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.stale_at.is_none()
    }

    /// The refresh to carry out now, if one is due. The caller answers with
    /// [`Metadata::handle_response`] or [`Metadata::handle_failure`].
    pub fn poll_refresh(&mut self, now: Instant) -> Option<Refresh> {
        if self.in_flight.is_some() || self.failure_backoff_until.is_some_and(|until| until > now) {
            return None;
        }
        let topics = self.due_topics(now)?;
        let waited = self.failing_since.map(|since| now.saturating_duration_since(since));
        if waited.is_some_and(|waited| waited >= self.config.rebootstrap_trigger) {
            self.rebootstrap |= self.config.recovery == MetadataRecovery::Rebootstrap;
        }
        let from_bootstrap = self.rebootstrap || self.snapshot.brokers.is_empty();
        let refresh = Refresh {
            source: if from_bootstrap {
                RefreshSource::BootstrapServers
            } else {
                RefreshSource::KnownBrokers
            },
            topics,
            allow_auto_topic_creation: self.config.allow_auto_topic_creation,
        };
        self.failing_since.get_or_insert(now);
        self.in_flight = Some(refresh.clone());
        Some(refresh)
    }

    fn due_topics(&mut self, now: Instant) -> Option<RefreshTopics> {
        let may_repeat = self.repeat_backoff_until.is_none_or(|until| until <= now);
        let is_stale = self.stale_at.is_none_or(|stale_at| stale_at <= now);
        if is_stale || (self.update_requested && may_repeat) {
            self.update_requested = false;
            self.forget_idle_topics(now);
            return Some(if self.wants_all {
                RefreshTopics::All
            } else {
                RefreshTopics::Wanted(self.wanted.keys().cloned().collect())
            });
        }
        let names: Vec<ByteString> = self
            .wanted
            .iter()
            .filter(|(_, topic)| match topic.progress {
                Progress::New => true,
                Progress::Unresolved => may_repeat,
                Progress::Answered => false,
            })
            .map(|(name, _)| name.clone())
            .collect();
        (!names.is_empty()).then_some(RefreshTopics::Partial(names))
    }

    fn forget_idle_topics(&mut self, now: Instant) {
        let idle = self.config.topic_idle;
        self.wanted
            .retain(|_, topic| topic.pinned || now.saturating_duration_since(topic.used_at) < idle);
    }

    /// When to call [`Metadata::poll_refresh`] next, unless an input comes before;
    /// `None` while a refresh is in flight.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.in_flight.is_some() {
            return None;
        }
        let repeat_at = self.repeat_backoff_until.unwrap_or(now);
        let has = |progress| self.wanted.values().any(|topic| topic.progress == progress);
        let mut due = self.stale_at.unwrap_or(now);
        if has(Progress::New) {
            due = now;
        } else if self.update_requested || has(Progress::Unresolved) {
            due = due.min(repeat_at);
        }
        Some(due.max(self.failure_backoff_until.unwrap_or(due)))
    }

    /// Applies the response to the refresh in flight.
    ///
    /// # Errors
    ///
    /// The broker reports an error for the whole request, or knows no brokers, as one that is
    /// just starting does. The refresh counts as failed then and is repeated after a backoff.
    pub fn handle_response(
        &mut self,
        response: MetadataResponse,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let code = ErrorCode(response.error_code);
        if code != ErrorCode::NONE || response.brokers.is_empty() {
            self.rebootstrap |= code == ErrorCode::REBOOTSTRAP_REQUIRED;
            self.handle_failure(MetadataFailure::Request, now);
            let starting = ErrorCode::BROKER_NOT_AVAILABLE;
            return Err(if code == ErrorCode::NONE { starting } else { code });
        }
        let refresh = self.in_flight.take();
        let is_partial =
            matches!(refresh, Some(Refresh { topics: RefreshTopics::Partial(_), .. }) | None);
        let merged = self.snapshot.merged(response, |_| is_partial);
        let brought_news = merged.generation() != self.snapshot.generation();
        if brought_news {
            self.snapshot = Arc::new(merged);
        }
        self.note_progress(refresh.as_ref());
        self.schedule_after_response(brought_news, is_partial, now);
        Ok(())
    }

    /// Sets the progress of every topic that was asked for.
    fn note_progress(&mut self, refresh: Option<&Refresh>) {
        let asked = |name: &ByteString| match refresh.map(|refresh| &refresh.topics) {
            Some(RefreshTopics::All) => true,
            Some(RefreshTopics::Wanted(names) | RefreshTopics::Partial(names)) => {
                names.binary_search(name).is_ok()
            }
            None => false,
        };
        for (name, topic) in self.wanted.iter_mut().filter(|(name, _)| asked(name)) {
            topic.progress = match self.snapshot.topic(name) {
                None => Progress::Unresolved,
                Some(known) if known.is_settled() => Progress::Answered,
                Some(known) => match known.error {
                    Some(code) if !is_passing(code) => Progress::Answered,
                    _ => Progress::Unresolved,
                },
            };
        }
    }

    fn schedule_after_response(&mut self, brought_news: bool, is_partial: bool, now: Instant) {
        self.rebootstrap = false;
        self.failing_since = None;
        self.failures = 0;
        self.failure_backoff_until = None;
        self.fruitless = if brought_news { 1 } else { self.fruitless.saturating_add(1) };
        let pause = self.config.retry_backoff.delay(self.fruitless, self.jitter.next_u64());
        self.repeat_backoff_until = Some(now + pause);
        if !is_partial || self.stale_at.is_none() {
            self.stale_at = Some(now + self.config.max_age);
        }
    }

    /// Notes that the refresh in flight brought no response.
    pub fn handle_failure(&mut self, failure: MetadataFailure, now: Instant) {
        let Some(refresh) = self.in_flight.take() else { return };
        if !matches!(refresh.topics, RefreshTopics::Partial(_)) {
            self.update_requested = true;
        }
        let can_rebootstrap = failure == MetadataFailure::NoBrokerReachable
            && refresh.source == RefreshSource::KnownBrokers
            && self.config.recovery == MetadataRecovery::Rebootstrap;
        if can_rebootstrap {
            // Another list of addresses: nothing speaks against trying it at once.
            self.rebootstrap = true;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = self.config.retry_backoff.delay(self.failures, self.jitter.next_u64());
        self.failure_backoff_until = Some(now + pause);
    }

    /// Applies a leader hint. Returns whether it told something new; if not, the caller asks for
    /// an update.
    pub fn handle_leader_hint(&mut self, hint: &LeaderHint) -> bool {
        match self.snapshot.hinted(hint) {
            Some(hinted) => {
                self.snapshot = Arc::new(hinted);
                true
            }
            None => false,
        }
    }
}

/// Whether an error of a topic may pass without anybody doing anything.
fn is_passing(code: ErrorCode) -> bool {
    code.is_retriable()
}
