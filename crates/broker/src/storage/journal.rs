//! The journal of the data directory: topics, committed offsets, ids, leader epochs.
//!
//! One line an entry: CRC-32C of the rest in hexadecimal, a space, then fields separated by tabs.
//! Tab, line feed, carriage return and percent inside a field are percent-encoded. The latest
//! entry of a key holds. A start rewrites the journal with what holds, through a temporary file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use milena_wire::{ByteString, Uuid};

use crate::config::TopicConfig;
use crate::group::CommittedOffset;

const FILE_NAME: &str = "journal";

/// A topic as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredTopic {
    pub id: Uuid,
    /// Replica nodes by partition.
    pub replicas: Vec<Vec<i32>>,
    pub config: TopicConfig,
}

/// A transactional id as the journal keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredTransaction {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub timeout_ms: i32,
}

/// Everything that a journal says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub cluster_id: Option<String>,
    pub next_producer_id: i64,
    pub topics: BTreeMap<ByteString, StoredTopic>,
    /// Leader epoch and log start offset by topic and partition.
    pub epochs: BTreeMap<(ByteString, i32), i32>,
    pub starts: BTreeMap<(ByteString, i32), i64>,
    pub offsets: BTreeMap<(ByteString, ByteString, i32), CommittedOffset>,
    pub transactions: BTreeMap<ByteString, StoredTransaction>,
}

/// The open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
}

impl Journal {
    /// Reads what is there and opens the journal for more.
    pub(crate) fn open(directory: &Path) -> io::Result<(Self, Recovered)> {
        let path = directory.join(FILE_NAME);
        let recovered = match fs::read(&path) {
            Ok(bytes) => read(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Recovered::default(),
            Err(error) => return Err(error),
        };
        let rewritten: PathBuf = directory.join("journal.new");
        let mut journal = Self { file: File::create(&rewritten)? };
        journal.write_all(&recovered)?;
        journal.file.sync_all()?;
        fs::rename(&rewritten, &path)?;
        journal.file = OpenOptions::new().append(true).open(&path)?;
        Ok((journal, recovered))
    }

    fn write_all(&mut self, recovered: &Recovered) -> io::Result<()> {
        if let Some(id) = &recovered.cluster_id {
            self.cluster_id(id)?;
        }
        self.next_producer_id(recovered.next_producer_id)?;
        for (name, topic) in &recovered.topics {
            self.topic(name, topic)?;
        }
        for ((topic, partition), epoch) in &recovered.epochs {
            self.epoch(topic, *partition, *epoch)?;
        }
        for ((topic, partition), start) in &recovered.starts {
            self.start(topic, *partition, *start)?;
        }
        for ((group, topic, partition), committed) in &recovered.offsets {
            self.offset(group, topic, *partition, Some(committed))?;
        }
        for (id, transaction) in &recovered.transactions {
            self.transaction(id, transaction)?;
        }
        Ok(())
    }

    pub(crate) fn cluster_id(&mut self, id: &str) -> io::Result<()> {
        self.entry(&["cluster", id])
    }

    pub(crate) fn next_producer_id(&mut self, id: i64) -> io::Result<()> {
        self.entry(&["producer-id", &id.to_string()])
    }

    pub(crate) fn topic(&mut self, name: &str, topic: &StoredTopic) -> io::Result<()> {
        let id: String = topic.id.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let nodes =
            |replicas: &Vec<i32>| replicas.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
        let replicas = topic.replicas.iter().map(nodes).collect::<Vec<_>>().join(";");
        let mut fields = vec!["topic".to_owned(), name.to_owned(), id, replicas];
        for (key, value) in topic.config.entries() {
            fields.push(key.to_owned());
            fields.push(value.to_owned());
        }
        self.entry(&fields.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn topic_deleted(&mut self, name: &str) -> io::Result<()> {
        self.entry(&["topic-deleted", name])
    }

    pub(crate) fn epoch(&mut self, topic: &str, partition: i32, epoch: i32) -> io::Result<()> {
        self.entry(&["epoch", topic, &partition.to_string(), &epoch.to_string()])
    }

    pub(crate) fn start(&mut self, topic: &str, partition: i32, start: i64) -> io::Result<()> {
        self.entry(&["start", topic, &partition.to_string(), &start.to_string()])
    }

    pub(crate) fn offset(
        &mut self,
        group: &str,
        topic: &str,
        partition: i32,
        committed: Option<&CommittedOffset>,
    ) -> io::Result<()> {
        let partition = partition.to_string();
        match committed {
            None => self.entry(&["offset", group, topic, &partition]),
            Some(committed) => {
                let (offset, epoch) =
                    (committed.offset.to_string(), committed.leader_epoch.to_string());
                self.entry(&[
                    "offset",
                    group,
                    topic,
                    &partition,
                    &offset,
                    &epoch,
                    &committed.metadata,
                ])
            }
        }
    }

    pub(crate) fn group_deleted(&mut self, group: &str) -> io::Result<()> {
        self.entry(&["group-deleted", group])
    }

    pub(crate) fn transaction(
        &mut self,
        id: &str,
        transaction: &StoredTransaction,
    ) -> io::Result<()> {
        let StoredTransaction { producer_id, producer_epoch, timeout_ms } = transaction;
        self.entry(&[
            "transaction",
            id,
            &producer_id.to_string(),
            &producer_epoch.to_string(),
            &timeout_ms.to_string(),
        ])
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn entry(&mut self, fields: &[&str]) -> io::Result<()> {
        let body = fields.iter().map(|field| escape(field)).collect::<Vec<_>>().join("\t");
        let line = format!("{:08x} {body}\n", crc32c::crc32c(body.as_bytes()));
        self.file.write_all(line.as_bytes())
    }
}

fn read(bytes: &[u8]) -> Recovered {
    let mut recovered = Recovered::default();
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        if take_line(line, &mut recovered).is_none() {
            // A torn last line is what a crash leaves; anything else is damage worth a warning.
            tracing::warn!(line = %String::from_utf8_lossy(line), "skipped an unreadable line of the journal");
        }
    }
    recovered
}

fn take_line(line: &[u8], recovered: &mut Recovered) -> Option<()> {
    let text = str::from_utf8(line).ok()?;
    let (crc, body) = text.split_once(' ')?;
    if u32::from_str_radix(crc, 16).ok()? != crc32c::crc32c(body.as_bytes()) {
        return None;
    }
    let fields: Vec<String> = body.split('\t').map(unescape).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    match fields.as_slice() {
        ["cluster", id] => recovered.cluster_id = Some((*id).to_owned()),
        ["producer-id", id] => recovered.next_producer_id = id.parse().ok()?,
        ["topic", name, id, replicas, config @ ..] => {
            let topic = stored_topic(id, replicas, config)?;
            recovered.topics.insert(ByteString::from(*name), topic);
        }
        ["topic-deleted", name] => {
            recovered.topics.remove(*name);
            recovered.epochs.retain(|(topic, _), _| topic != name);
            recovered.starts.retain(|(topic, _), _| topic != name);
        }
        ["epoch", topic, partition, epoch] => {
            recovered
                .epochs
                .insert((ByteString::from(*topic), partition.parse().ok()?), epoch.parse().ok()?);
        }
        ["start", topic, partition, start] => {
            recovered
                .starts
                .insert((ByteString::from(*topic), partition.parse().ok()?), start.parse().ok()?);
        }
        ["offset", group, topic, partition, rest @ ..] => {
            let key = (ByteString::from(*group), ByteString::from(*topic), partition.parse().ok()?);
            match rest {
                [offset, epoch, metadata] => {
                    let committed = CommittedOffset {
                        offset: offset.parse().ok()?,
                        leader_epoch: epoch.parse().ok()?,
                        metadata: ByteString::from(*metadata),
                    };
                    recovered.offsets.insert(key, committed);
                }
                _ => drop(recovered.offsets.remove(&key)),
            }
        }
        ["group-deleted", group] => recovered.offsets.retain(|(known, _, _), _| known != group),
        ["transaction", id, producer_id, epoch, timeout] => {
            let transaction = StoredTransaction {
                producer_id: producer_id.parse().ok()?,
                producer_epoch: epoch.parse().ok()?,
                timeout_ms: timeout.parse().ok()?,
            };
            recovered.transactions.insert(ByteString::from(*id), transaction);
        }
        _ => return None,
    }
    Some(())
}

fn stored_topic(id: &str, replicas: &str, config: &[&str]) -> Option<StoredTopic> {
    let mut uuid = [0u8; 16];
    for (index, byte) in uuid.iter_mut().enumerate() {
        *byte = u8::from_str_radix(id.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    let replicas = replicas
        .split(';')
        .map(|nodes| nodes.split(',').map(|node| node.parse().ok()).collect::<Option<Vec<i32>>>())
        .collect::<Option<Vec<_>>>()?;
    let entries = config.chunks_exact(2).map(|pair| match pair {
        [key, value] => ((*key).to_owned(), (*value).to_owned()),
        _ => (String::new(), String::new()),
    });
    Some(StoredTopic { id: Uuid(uuid), replicas, config: TopicConfig::from_entries(entries) })
}

fn escape(field: &str) -> String {
    field.replace('%', "%25").replace('\t', "%09").replace('\n', "%0a").replace('\r', "%0d")
}

fn unescape(field: &str) -> String {
    field.replace("%0d", "\r").replace("%0a", "\n").replace("%09", "\t").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(offset: i64) -> CommittedOffset {
        CommittedOffset { offset, leader_epoch: 3, metadata: ByteString::from("a\tb%0a\n") }
    }

    #[test]
    fn everything_comes_back_and_the_latest_entry_holds() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, empty) = Journal::open(directory.path()).unwrap();
        assert_eq!(empty, Recovered::default());
        let mut config = TopicConfig::default();
        config.set("retention.ms", "5");
        let topic =
            StoredTopic { id: Uuid([7; 16]), replicas: vec![vec![1, 2], vec![2, 1]], config };
        journal.topic("orders", &topic).unwrap();
        journal.topic("gone", &topic).unwrap();
        journal.topic_deleted("gone").unwrap();
        journal.offset("g", "orders", 1, Some(&committed(5))).unwrap();
        journal.offset("g", "orders", 1, Some(&committed(9))).unwrap();
        journal.epoch("orders", 0, 4).unwrap();
        drop(journal);

        let (_, recovered) = Journal::open(directory.path()).unwrap();
        assert_eq!(recovered.topics.len(), 1);
        assert_eq!(recovered.topics["orders"], topic);
        let key = (ByteString::from("g"), ByteString::from("orders"), 1);
        assert_eq!(recovered.offsets[&key], committed(9));
        assert_eq!(recovered.epochs[&(ByteString::from("orders"), 0)], 4);
        let (_, again) = Journal::open(directory.path()).unwrap();
        assert_eq!(again, recovered);
    }

    #[test]
    fn a_damaged_line_is_skipped_and_the_others_hold() {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(directory.path()).unwrap();
        journal.offset("g", "t", 0, Some(&committed(1))).unwrap();
        drop(journal);
        let path = directory.path().join(FILE_NAME);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"00000000 offset\tg\tt\t0\t99\t-1\t\n1234");
        fs::write(&path, bytes).unwrap();
        let (_, recovered) = Journal::open(directory.path()).unwrap();
        let offsets: Vec<_> =
            recovered.offsets.values().map(|committed| committed.offset).collect();
        assert_eq!(offsets, [1]);
    }
}
