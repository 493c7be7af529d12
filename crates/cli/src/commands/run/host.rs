//! Files, standard input and standard output for a flow.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    thread,
};

use milena_connect::{
    connector::BoxFuture,
    flow::Input,
    runtime::{Host, InputReader},
};
use tokio::{
    io::BufReader,
    sync::{mpsc, oneshot},
};

use super::display::Display;

/// Bytes of input that are read at once.
const BUFFER_BYTES: usize = 64 << 10;

type Job = (String, oneshot::Sender<io::Result<()>>);

/// Files beside the flow file, standard input and standard output.
#[derive(Debug)]
pub(super) struct Terminal {
    folder: PathBuf,
    display: Display,
    writer: mpsc::Sender<Job>,
}

impl Terminal {
    /// Starts the thread that writes: whoever reads our output may be slow, and what else the program
    /// does must not wait for that.
    pub(super) fn start(folder: PathBuf, display: Display) -> Self {
        let (writer, mut jobs) = mpsc::channel::<Job>(1);
        let beside = display.clone();
        thread::spawn(move || {
            while let Some((lines, done)) = jobs.blocking_recv() {
                let written = beside.beside(|| {
                    let mut output = io::stdout().lock();
                    output.write_all(lines.as_bytes()).and_then(|()| output.flush())
                });
                // Nobody waits when the run has ended meanwhile.
                let _ = done.send(written);
            }
        });
        Self { folder, display, writer }
    }
}

impl Host for Terminal {
    fn open<'a>(&'a self, input: &'a Input) -> BoxFuture<'a, io::Result<InputReader>> {
        Box::pin(async move {
            let reader: InputReader = match input {
                Input::Standard => {
                    Box::new(BufReader::with_capacity(BUFFER_BYTES, tokio::io::stdin()))
                }
                Input::File(path) => {
                    let file = tokio::fs::File::open(self.folder.join(path)).await?;
                    Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
                }
                other => return Err(io::Error::other(format!("{other:?} cannot be opened"))),
            };
            Ok(reader)
        })
    }

    fn write(&self, lines: String) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let (done, is_done) = oneshot::channel();
            let gone = || io::Error::other("the writing thread has ended");
            self.writer.send((lines, done)).await.map_err(|_| gone())?;
            is_done.await.map_err(|_| gone())?
        })
    }

    fn handle_listening(&self, url: &str) -> BoxFuture<'_, io::Result<()>> {
        self.display.note(&format!("listening at {url}"));
        self.write(format!("{url}\n"))
    }
}
