//! What the libraries say, on standard error: next to nothing but why nothing happens, or what `RUST_LOG`
//! asks for.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use milena::WAITING;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::filter_fn,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::notice::{Log, say};

/// What is logged without `RUST_LOG`.
const DEFAULT: &str = "error,milena_connect=warn";

/// Several clients of one command have the same to say at about the same time: it is said once.
const SAID_ONCE_WITHIN: Duration = Duration::from_secs(2);

/// Logs from here on.
pub(crate) fn start() {
    match EnvFilter::try_from_default_env() {
        Ok(filter) => {
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Log).init();
        }
        Err(_) => {
            let log = tracing_subscriber::fmt::layer().with_writer(|| Log);
            let waiting =
                Waiting::default().with_filter(filter_fn(|event| event.target() == WAITING));
            tracing_subscriber::registry()
                .with(log.with_filter(EnvFilter::new(DEFAULT)))
                .with(waiting)
                .init();
        }
    }
}

/// Says in the program's own way why nothing happens.
#[derive(Default)]
struct Waiting {
    said: Mutex<Said>,
}

/// What has been said lately.
#[derive(Default)]
struct Said(BTreeMap<String, Instant>);

impl Said {
    /// Whether it is to be said at this moment.
    fn is_news(&mut self, sentence: &str, now: Instant) -> bool {
        self.0.retain(|_, at| now.saturating_duration_since(*at) < SAID_ONCE_WITHIN);
        let is_news = !self.0.contains_key(sentence);
        if is_news {
            self.0.insert(sentence.to_owned(), now);
        }
        is_news
    }
}

impl<S: Subscriber> Layer<S> for Waiting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        let is_news = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.is_news(&message.0, Instant::now())
        };
        if is_news {
            say(format_args!("milena: warning: {}", message.0));
        }
    }
}

/// The sentence of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // A text takes all that is written to it.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_clients_say_at_once_is_said_once() {
        let mut said = Said::default();
        let start = Instant::now();
        let heard: Vec<bool> = [(0, "a"), (0, "a"), (1, "b"), (1, "a"), (2, "a")]
            .map(|(seconds, text)| said.is_news(text, start + Duration::from_secs(seconds)))
            .to_vec();
        assert_eq!(heard, [true, false, true, false, true]);
        said.is_news("c", start + Duration::from_secs(60));
        assert_eq!(said.0.len(), 1);
    }
}
