//! The segment files of one partition.
//!
//! Invariants:
//! 1. Positions count bytes over all segments in order; they are those of `log::Chunks`.
//! 2. A file holds whole batches after recovery: a torn or damaged tail is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::log::{BatchHeader, HEADER_LEN, Log, is_crc_valid, parse_marker};

/// A segment is closed when it has grown to this size.
const SEGMENT_BYTES: u64 = 256 << 20;
/// Larger batches than this in a file are taken for damage.
const BATCH_BYTES_MAX: usize = 512 << 20;

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
    /// Position of the first byte.
    start: u64,
    len: u64,
    base_offset: i64,
}

/// The files of one partition, open for reading and appending.
#[derive(Debug)]
pub(crate) struct PartitionFiles {
    directory: PathBuf,
    segments: Vec<Segment>,
    end: u64,
}

/// Opens a partition's directory and rebuilds its log; creates it when it is not there.
pub(crate) fn recover_partition(directory: &Path) -> io::Result<(Log, PartitionFiles)> {
    fs::create_dir_all(directory)?;
    let mut log = Log::default();
    let mut files =
        PartitionFiles { directory: directory.to_owned(), segments: Vec::new(), end: 0 };
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.parse::<i64>().ok());
        if let (Some(base_offset), Some("log")) =
            (stem, path.extension().and_then(|ext| ext.to_str()))
        {
            found.push((base_offset, path));
        }
    }
    found.sort_unstable();
    for (index, (base_offset, path)) in found.iter().enumerate() {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        let stated = file.metadata()?.len();
        let len = recover_segment(&file, &mut log)?;
        if len < stated {
            tracing::warn!(path = %path.display(), kept = len, cut = stated - len, "cut a damaged segment");
            file.set_len(len)?;
        }
        let start = files.end;
        files.end += len;
        files.segments.push(Segment {
            path: path.clone(),
            file,
            start,
            len,
            base_offset: *base_offset,
        });
        if len < stated {
            // Nothing after a hole can be trusted to follow it.
            for (_, later) in found.iter().skip(index + 1) {
                tracing::warn!(path = %later.display(), "removed a segment behind a damaged one");
                fs::remove_file(later)?;
            }
            break;
        }
    }
    Ok((log, files))
}

/// Reads batch after batch; returns how many bytes are good.
fn recover_segment(file: &File, log: &mut Log) -> io::Result<u64> {
    let mut reader = io::BufReader::with_capacity(1 << 20, file);
    reader.seek(SeekFrom::Start(0))?;
    let file_len = file.metadata()?.len();
    let mut good = 0u64;
    let mut batch = vec![0; HEADER_LEN];
    loop {
        batch.resize(HEADER_LEN, 0);
        if !read_fully(&mut reader, &mut batch)? {
            return Ok(good);
        }
        let Ok(header) = BatchHeader::parse_prefix(&batch) else { return Ok(good) };
        let is_plausible = header.size <= BATCH_BYTES_MAX && good + header.size as u64 <= file_len;
        if !is_plausible || header.base_offset < log.end_offset() || header.last_offset_delta < 0 {
            return Ok(good);
        }
        batch.resize(header.size, 0);
        let rest = batch.get_mut(HEADER_LEN..).unwrap_or_default();
        if !read_fully(&mut reader, rest)? || !is_crc_valid(&batch, &header) {
            return Ok(good);
        }
        let marker = if header.is_control() { parse_marker(&batch) } else { None };
        log.restore(&header, marker.map(|found| found.0), marker.map_or(-1, |found| found.1));
        good += header.size as u64;
    }
}

fn read_fully(reader: &mut impl Read, out: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl PartitionFiles {
    /// Appends a batch whose first offset is `base_offset`.
    pub(crate) fn append(&mut self, base_offset: i64, batch: &[u8]) -> io::Result<()> {
        if self.segments.last().is_none_or(|segment| segment.len >= SEGMENT_BYTES) {
            let path = self.directory.join(format!("{base_offset:020}.log"));
            let file = OpenOptions::new().create(true).read(true).append(true).open(&path)?;
            file.set_len(0)?;
            self.segments.push(Segment { path, file, start: self.end, len: 0, base_offset });
        }
        let Some(segment) = self.segments.last_mut() else { return Ok(()) };
        if let Err(error) = segment.file.write_all(batch) {
            // Half a batch must not stay in front of the next one.
            segment.file.set_len(segment.len)?;
            return Err(error);
        }
        segment.len += batch.len() as u64;
        self.end += batch.len() as u64;
        Ok(())
    }

    /// Fills `out` with the bytes at `position`.
    pub(crate) fn read(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        let mut at = position;
        let mut rest = out;
        for segment in &self.segments {
            let end = segment.start + segment.len;
            if rest.is_empty() || end <= at {
                continue;
            }
            let len = usize::try_from(end - at).unwrap_or(usize::MAX).min(rest.len());
            let (here, later) = rest.split_at_mut(len);
            let mut file = &segment.file;
            file.seek(SeekFrom::Start(at - segment.start))?;
            file.read_exact(here)?;
            at += len as u64;
            rest = later;
        }
        if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Removes segments whose every offset is below `offset`; the last one stays.
    pub(crate) fn delete_before(&mut self, offset: i64) -> io::Result<()> {
        while let [first, second, ..] = self.segments.as_slice() {
            if second.base_offset > offset {
                break;
            }
            fs::remove_file(&first.path)?;
            self.segments.remove(0);
        }
        Ok(())
    }

    /// Cuts everything from `position` on.
    pub(crate) fn truncate(&mut self, position: u64) -> io::Result<()> {
        while let Some(segment) = self.segments.last_mut() {
            if segment.start >= position && segment.start > 0 {
                fs::remove_file(&segment.path)?;
                self.segments.pop();
                continue;
            }
            segment.len = segment.len.min(position.saturating_sub(segment.start));
            segment.file.set_len(segment.len)?;
            break;
        }
        self.end = self.end.min(position);
        Ok(())
    }

    /// Flushes to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.segments.last().map_or(Ok(()), |segment| segment.file.sync_data())
    }

    /// Removes the whole directory.
    pub(crate) fn remove(self) -> io::Result<()> {
        drop(self.segments);
        fs::remove_dir_all(&self.directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::end_marker;

    fn batch_bytes(log: &mut Log, producer_id: i64) -> (i64, Vec<u8>) {
        let marker = end_marker(producer_id, 0, true, 0, 1);
        let appended = log.append(&[marker], 0, None).unwrap();
        (appended.base_offset, log.tail(appended.written.0).to_vec())
    }

    #[test]
    fn a_log_comes_back_from_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, mut files) = recover_partition(directory.path()).unwrap();
        for producer_id in 0..3 {
            let (offset, bytes) = batch_bytes(&mut log, producer_id);
            files.append(offset, &bytes).unwrap();
        }
        drop(files);
        let (log, files) = recover_partition(directory.path()).unwrap();
        assert_eq!((log.start_offset(), log.end_offset()), (0, 3));
        let mut first = vec![0; HEADER_LEN];
        files.read(0, &mut first).unwrap();
        assert_eq!(BatchHeader::parse_prefix(&first).map(|header| header.base_offset), Ok(0));
    }

    #[test]
    fn a_torn_tail_is_cut_and_writing_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, mut files) = recover_partition(directory.path()).unwrap();
        let (first, bytes) = batch_bytes(&mut log, 1);
        files.append(first, &bytes).unwrap();
        let (second, torn) = batch_bytes(&mut log, 2);
        files.append(second, &torn[..torn.len() - 3]).unwrap();
        drop(files);

        let (mut log, mut files) = recover_partition(directory.path()).unwrap();
        assert_eq!(log.end_offset(), 1);
        let (offset, bytes) = batch_bytes(&mut log, 3);
        assert_eq!(offset, 1);
        files.append(offset, &bytes).unwrap();
        assert_eq!(recover_partition(directory.path()).unwrap().0.end_offset(), 2);
    }

    #[test]
    fn a_flipped_bit_ends_the_log_before_its_batch() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, mut files) = recover_partition(directory.path()).unwrap();
        for producer_id in 0..2 {
            let (offset, mut bytes) = batch_bytes(&mut log, producer_id);
            if offset == 1 {
                bytes[70] ^= 1;
            }
            files.append(offset, &bytes).unwrap();
        }
        assert_eq!(recover_partition(directory.path()).unwrap().0.end_offset(), 1);
    }
}
