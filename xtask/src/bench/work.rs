//! What a peer is asked to do.

use std::fmt;
use std::str::FromStr;

use kafka_lab::users::User;

/// One kind of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Produce(Produce),
    Consume { records: u64 },
    Latency { records: u64, bytes: usize },
    Rate { records: u64, bytes: usize, linger_ms: u64, per_second: u32 },
}

/// A producing work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Produce {
    pub(crate) records: u64,
    pub(crate) bytes: usize,
    pub(crate) codec: String,
    pub(crate) linger_ms: u64,
    pub(crate) batch_bytes: usize,
    pub(crate) keys: bool,
    pub(crate) headers: bool,
    pub(crate) tasks: u16,
    /// The topic's, if not those of all topics.
    pub(crate) partitions: Option<u16>,
}

/// The buffer.memory of every producer, as the peers' programs have it.
const BUFFER_MEMORY: usize = 128 << 20;

/// How the works are written on the command line.
pub(crate) const SYNTAX: &str = "produce:RECORDS:BYTES:CODEC:LINGER_MS:BATCH_BYTES[:keys][:headers][:tasks=N][:partitions=N], \
     consume:RECORDS, latency:COUNT:BYTES or rate:COUNT:BYTES:LINGER_MS:PER_SECOND";

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        match *parts.as_slice() {
            ["produce", records, bytes, codec, linger_ms, batch_bytes, ref options @ ..] => {
                let mut produce = Produce {
                    records: number(records)?,
                    bytes: number(bytes)?,
                    codec: codec.to_owned(),
                    linger_ms: number(linger_ms)?,
                    batch_bytes: number(batch_bytes)?,
                    keys: false,
                    headers: false,
                    tasks: 1,
                    partitions: None,
                };
                for option in options {
                    match option.split_once('=').unwrap_or((option, "")) {
                        ("keys", "") => produce.keys = true,
                        ("headers", "") => produce.headers = true,
                        ("tasks", count) => produce.tasks = number(count)?,
                        ("partitions", count) => produce.partitions = Some(number(count)?),
                        _ => return Err(format!("{option} is no option of produce: {SYNTAX}")),
                    }
                }
                Ok(Self::Produce(produce))
            }
            ["consume", records] => Ok(Self::Consume { records: number(records)? }),
            ["latency", records, bytes] => {
                Ok(Self::Latency { records: number(records)?, bytes: number(bytes)? })
            }
            ["rate", records, bytes, linger_ms, per_second] => Ok(Self::Rate {
                records: number(records)?,
                bytes: number(bytes)?,
                linger_ms: number(linger_ms)?,
                per_second: number(per_second)?,
            }),
            _ => Err(format!("{text} is no work: expected {SYNTAX}")),
        }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text} is no whole number"))
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Produce(Produce { records, bytes, codec, linger_ms, batch_bytes, .. }) => {
                write!(f, "produce:{records}:{bytes}:{codec}:{linger_ms}:{batch_bytes}")?;
                self.options().iter().try_for_each(|option| write!(f, ":{option}"))?;
                self.partitions().map_or(Ok(()), |count| write!(f, ":partitions={count}"))
            }
            Self::Consume { records } => write!(f, "consume:{records}"),
            Self::Latency { records, bytes } => write!(f, "latency:{records}:{bytes}"),
            Self::Rate { records, bytes, linger_ms, per_second } => {
                write!(f, "rate:{records}:{bytes}:{linger_ms}:{per_second}")
            }
        }
    }
}

/// Where the broker is, and who is let in.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) broker: String,
    pub(crate) login: Option<Login>,
}

/// A user by SASL_SSL with SCRAM-SHA-512.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: User,
    /// The file of the authority's certificate, in PEM.
    pub(crate) ca: String,
}

impl Login {
    fn properties(&self) -> [String; 5] {
        let User { name, password, .. } = self.user;
        [
            "security.protocol=SASL_SSL".to_owned(),
            "sasl.mechanism=SCRAM-SHA-512".to_owned(),
            format!(
                "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
                 username=\"{name}\" password=\"{password}\";"
            ),
            "ssl.truststore.type=PEM".to_owned(),
            format!("ssl.truststore.location={}", self.ca),
        ]
    }
}

impl Work {
    /// The work in words, for a heading.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Produce(Produce { records, bytes, codec, linger_ms, batch_bytes, .. }) => {
                format!(
                    "Produce {records} records of {bytes} bytes{}, compression {codec}, linger {linger_ms} ms, \
                 batches of {batch_bytes} bytes",
                    self.cell().map(|cell| format!(" ({cell})")).unwrap_or_default()
                )
            }
            Self::Consume { records } => {
                format!("Consume {records} records of the topic that the work above left")
            }
            Self::Latency { records, bytes } => {
                format!("{records} records of {bytes} bytes, each awaited before the next")
            }
            Self::Rate { records, bytes, linger_ms, per_second } => format!(
                "{per_second} records a second, {records} records of {bytes} bytes, linger {linger_ms} ms"
            ),
        }
    }

    /// What is special of a producing work, in words; none if nothing is.
    fn cell(&self) -> Option<String> {
        let Self::Produce(produce) = self else { return None };
        let parts = [
            produce.keys.then(|| "16-byte keys".to_owned()),
            produce.headers.then(|| "2 headers".to_owned()),
            produce.partitions.map(|count| match count {
                1 => "1 partition".to_owned(),
                _ => format!("{count} partitions"),
            }),
            (produce.tasks > 1).then(|| format!("{} tasks", produce.tasks)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// A short name for a row of many works.
    pub(crate) fn name(&self) -> String {
        match (self, self.cell()) {
            (Self::Produce(produce), Some(cell)) => format!("{} bytes, {cell}", produce.bytes),
            (Self::Consume { .. }, _) => "the same, consumed".to_owned(),
            _ => self.title(),
        }
    }

    /// Whether no more is asked than a batch and a socket.
    pub(crate) fn is_bare(&self) -> bool {
        match self {
            Self::Produce(produce) => produce.codec == "none" && self.cell().is_none(),
            Self::Consume { .. } => true,
            Self::Latency { .. } | Self::Rate { .. } => false,
        }
    }

    /// The partitions that its topic has, if they are not those of all topics.
    pub(crate) fn partitions(&self) -> Option<u16> {
        match self {
            Self::Produce(produce) => produce.partitions,
            _ => None,
        }
    }

    fn options(&self) -> Vec<String> {
        let Self::Produce(produce) = self else { return Vec::new() };
        let mut options = Vec::new();
        options.extend(produce.keys.then(|| "keys".to_owned()));
        options.extend(produce.headers.then(|| "headers".to_owned()));
        options.extend((produce.tasks > 1).then(|| format!("tasks={}", produce.tasks)));
        options
    }

    /// The arguments that the programs in benches/peers take.
    pub(crate) fn peer_arguments(
        &self,
        access: &Access,
        topic: &str,
        partitions: u16,
    ) -> Vec<String> {
        let own = match self {
            Self::Produce(Produce { records, bytes, codec, linger_ms, batch_bytes, .. }) => vec![
                records.to_string(),
                bytes.to_string(),
                codec.clone(),
                linger_ms.to_string(),
                batch_bytes.to_string(),
            ],
            Self::Consume { records } => vec![records.to_string(), partitions.to_string()],
            Self::Latency { records, bytes } => vec![records.to_string(), bytes.to_string()],
            Self::Rate { records, bytes, linger_ms, per_second } => {
                let numbers = [*records, *bytes as u64, *linger_ms, u64::from(*per_second)];
                numbers.map(|number| number.to_string()).to_vec()
            }
        };
        let op = if matches!(self, Self::Rate { .. }) { "rate" } else { self.op() };
        let mut arguments = vec![op.to_owned(), access.broker.clone(), topic.to_owned()];
        arguments.extend(own);
        arguments.extend(self.options());
        if let Some(Login { user, ca }) = &access.login {
            arguments.push(format!("login={}:{}", user.name, user.password));
            arguments.push(format!("ca={ca}"));
        }
        arguments
    }

    /// The arguments of `milena perf` for the same.
    pub(crate) fn perf_arguments(&self, access: &Access, topic: &str) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["perf", self.op(), "-b", &access.broker, "-t", topic, "--json"]
                .map(str::to_owned)
                .to_vec();
        for property in access.login.iter().flat_map(Login::properties) {
            arguments.extend(["-X".to_owned(), property]);
        }
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        match self {
            Self::Produce(produce) => {
                option("-X", format!("buffer.memory={BUFFER_MEMORY}"));
                option("--records", produce.records.to_string());
                option("--size", produce.bytes.to_string());
                option("--compression", produce.codec.clone());
                option("--linger-ms", produce.linger_ms.to_string());
                option("--batch-size", produce.batch_bytes.to_string());
                option("--tasks", produce.tasks.to_string());
                arguments.extend(produce.keys.then(|| "--keys".to_owned()));
                arguments.extend(produce.headers.then(|| "--headers".to_owned()));
            }
            Self::Consume { records } => option("--records", records.to_string()),
            Self::Latency { records, bytes } => {
                option("--records", records.to_string());
                option("--size", bytes.to_string());
            }
            Self::Rate { records, bytes, linger_ms, per_second } => {
                option("--records", records.to_string());
                option("--size", bytes.to_string());
                option("--linger-ms", linger_ms.to_string());
                option("--rate", per_second.to_string());
            }
        }
        arguments
    }

    const fn op(&self) -> &'static str {
        match self {
            Self::Produce { .. } => "produce",
            Self::Consume { .. } => "consume",
            Self::Latency { .. } | Self::Rate { .. } => "latency",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_read() {
        for text in [
            "produce:10:100:none:5:16384",
            "produce:10:100:lz4:5:16384:keys:headers:tasks=8:partitions=1000",
            "consume:7",
            "latency:7:100",
            "rate:1000:100:5:20000",
        ] {
            assert_eq!(text.parse::<Work>().unwrap().to_string(), text);
        }
        assert!("produce:10:100:none:5:16384:fast".parse::<Work>().is_err());
        assert!("rate:10".parse::<Work>().is_err());
    }

    #[test]
    fn has_a_short_name_when_it_is_one_of_many_cells() {
        let work: Work = "produce:10:100:none:5:16384:keys:partitions=1".parse().unwrap();
        assert_eq!(work.name(), "100 bytes, 16-byte keys, 1 partition");
    }
}
