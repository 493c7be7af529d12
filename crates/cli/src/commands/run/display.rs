//! What a flow shows on standard error: a bar on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal as _,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use milena_connect::runtime::{Counts, Progress};
use tokio::task::AbortHandle;

use crate::notice::say;

/// How often the bar moves.
const BAR_EVERY: Duration = Duration::from_millis(100);
/// How often a plain line tells how far it is.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows how far a flow is. Clones show the same.
#[derive(Clone, Debug)]
pub(super) struct Display(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    progress: Arc<Progress>,
    started: Instant,
    bar: Option<ProgressBar>,
    updates: AbortHandle,
}

impl Display {
    /// Shows the progress from here on. `bytes` is the length of all inputs, where it is known.
    pub(super) fn start(name: &str, bytes: Option<u64>, progress: &Arc<Progress>) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = is_terminal.then(|| bar(name, bytes.filter(|bytes| *bytes > 0)));
        let updates = tokio::spawn(update(name.to_owned(), bar.clone(), Arc::clone(progress)));
        Self(Arc::new(Inner {
            name: name.to_owned(),
            progress: Arc::clone(progress),
            started: Instant::now(),
            bar,
            updates: updates.abort_handle(),
        }))
    }

    /// Says something on a line of its own.
    pub(super) fn note(&self, text: &str) {
        self.beside(|| say(format_args!("{}: {text}", self.0.name)));
    }

    /// Does something that writes to the terminal, without the bar in its way.
    pub(super) fn beside<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.0.bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    /// Takes the bar away and sums up.
    pub(super) fn finish(&self) {
        self.0.updates.abort();
        if let Some(bar) = &self.0.bar {
            bar.finish_and_clear();
        }
        let counts = self.0.progress.counts();
        let seconds = self.0.started.elapsed().as_secs_f64();
        say(format_args!(
            "{}: delivered {} of {}, {} in {seconds:.2} s",
            self.0.name,
            counts.inputs_delivered,
            count(counts.inputs_read, "input"),
            records(&counts),
        ));
    }
}

fn records(counts: &Counts) -> String {
    let produced = count(counts.records_produced, "record");
    format!("{produced} produced, {} consumed", counts.records_consumed)
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn bar(name: &str, bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => {
            (ProgressBar::new(bytes), "{prefix} [{bar:30}] {bytes}/{total_bytes} {msg} ({elapsed})")
        }
        None => (ProgressBar::new_spinner(), "{prefix} {spinner} {bytes} {msg} ({elapsed})"),
    };
    let style = ProgressStyle::with_template(template).expect("the templates are right");
    bar.with_style(style.progress_chars("=> ")).with_prefix(name.to_owned())
}

/// Moves the bar, or says now and then how far it is.
async fn update(name: String, bar: Option<ProgressBar>, progress: Arc<Progress>) {
    let mut ticks = tokio::time::interval(if bar.is_some() { BAR_EVERY } else { LINE_EVERY });
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let counts = progress.counts();
        match &bar {
            Some(bar) => {
                bar.set_position(counts.input_bytes);
                bar.set_message(records(&counts));
            }
            None => say(format_args!("{name}: {} so far", records(&counts))),
        }
    }
}
