//! The lines of an input, read by a task of their own.

use std::io;

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _},
    sync::mpsc,
    task::AbortHandle,
};

use super::host::InputReader;

/// The most bytes that one line may have: more cannot be a body that any broker takes.
pub(super) const LINE_BYTES_MAX: usize = 64 << 20;

/// Lines that are read before they are asked for.
const AHEAD: usize = 64;

/// One line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1, blank lines counted.
    pub(super) number: u64,
    /// Without the newline.
    pub(super) bytes: Vec<u8>,
}

/// The lines of an input. Dropping it stops reading.
pub(super) struct Lines {
    receiver: mpsc::Receiver<io::Result<Line>>,
    reading: AbortHandle,
}

impl Lines {
    /// Starts to read.
    pub(super) fn new(reader: InputReader) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let reading = tokio::spawn(read(reader, sender)).abort_handle();
        Self { receiver, reading }
    }

    /// The next line; `None` at the end. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<io::Result<Line>> {
        self.receiver.recv().await
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

async fn read(mut reader: InputReader, sender: mpsc::Sender<io::Result<Line>>) {
    let mut number = 0;
    loop {
        number += 1;
        let line = match read_line(&mut reader, LINE_BYTES_MAX).await {
            Ok(None) => return,
            Ok(Some(bytes)) if bytes.trim_ascii().is_empty() => continue,
            Ok(Some(bytes)) => Ok(Line { number, bytes }),
            Err(error) => Err(io::Error::new(error.kind(), format!("line {number}: {error}"))),
        };
        let is_end = line.is_err();
        if sender.send(line).await.is_err() || is_end {
            return;
        }
    }
}

/// One line without its newline; `None` at the end.
async fn read_line(
    reader: &mut (dyn AsyncBufRead + Send + Unpin),
    bytes_max: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let taken = newline.unwrap_or(buffer.len());
        if line.len() + taken > bytes_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it is longer than {bytes_max} bytes: expected one JSON object a line"),
            ));
        }
        line.extend_from_slice(&buffer[..taken]);
        reader.consume(taken + usize::from(newline.is_some()));
        if newline.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(text: &'static str) -> InputReader {
        Box::new(tokio::io::BufReader::with_capacity(3, text.as_bytes()))
    }

    #[tokio::test]
    async fn counts_blank_lines_and_leaves_them_out() {
        let mut lines = Lines::new(reader("one\n\n  \r\nfour\nlast"));
        let mut found = Vec::new();
        while let Some(line) = lines.next().await {
            let line = line.unwrap();
            found.push((line.number, String::from_utf8(line.bytes).unwrap()));
        }
        let expected = [(1, "one"), (4, "four"), (5, "last")];
        assert_eq!(found, expected.map(|(number, text)| (number, text.to_owned())));
    }

    #[tokio::test]
    async fn refuses_a_line_that_never_ends() {
        let error = read_line(&mut *reader("12345678"), 5).await.unwrap_err();
        assert_eq!(error.to_string(), "it is longer than 5 bytes: expected one JSON object a line");
        assert_eq!(read_line(&mut *reader("12345\n"), 5).await.unwrap(), Some(b"12345".to_vec()));
    }
}
