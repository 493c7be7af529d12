//! Enough of Kafka's protocol to ask a PLAINTEXT listener who and what it is.
//!
//! It is written apart from Milena's codec on purpose: the lab has to be a witness of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::LabError;

/// The most bytes that an answer to one of these questions can sensibly have.
const LONGEST_ANSWER: usize = 1 << 20;
const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;
const UNSUPPORTED_VERSION: i16 = 35;

/// What a broker supports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Supported {
    /// The version of `ApiVersions` in which the broker answered.
    pub answered_in: i16,
    /// API key, lowest and highest version.
    pub apis: Vec<(i16, i16, i16)>,
}

impl Supported {
    /// The lowest and the highest version of one API.
    #[must_use]
    pub fn range(&self, api_key: i16) -> Option<(i16, i16)> {
        self.apis.iter().find(|api| api.0 == api_key).map(|api| (api.1, api.2))
    }
}

/// What a broker knows of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Members {
    pub(crate) brokers: Vec<i32>,
    pub(crate) controller: i32,
}

/// Asks for the versions that a broker supports.
///
/// # Errors
///
/// When the broker cannot be reached or its answer makes no sense.
pub fn api_versions(address: &str) -> Result<Supported, LabError> {
    // A broker that lacks the asked version answers error 35 in the form of version 0 (KIP-511),
    // and one from before 2.4 gives no list with it: ask again.
    for version in [3_i16, 0] {
        let mut body = Vec::new();
        if version >= 3 {
            body.extend_from_slice(b"\x0akafka-lab\x021\0");
        }
        let answer = call(address, API_VERSIONS, version, version >= 3, &body)?;
        let mut reader = Reader { rest: &answer };
        let error = reader.i16()?;
        if error == UNSUPPORTED_VERSION && version > 0 {
            continue;
        }
        if error != 0 {
            return Err(LabError::Protocol(format!("{address} answered error {error}")));
        }
        let count = match version {
            0 => i64::from(reader.i32()?),
            _ => i64::from(reader.varint()?) - 1,
        };
        let mut apis = Vec::new();
        for _ in 0..count {
            apis.push((reader.i16()?, reader.i16()?, reader.i16()?));
            if version >= 3 {
                reader.varint()?;
            }
        }
        return Ok(Supported { answered_in: version, apis });
    }
    Err(LabError::Protocol(format!("{address} knows no version of ApiVersions")))
}

/// Asks for the brokers and the controller (Metadata v1, which every release up to 4.4 answers).
pub(crate) fn members(address: &str) -> Result<Members, LabError> {
    // No topics.
    let answer = call(address, METADATA, 1, false, &0_i32.to_be_bytes())?;
    let mut reader = Reader { rest: &answer };
    let mut brokers = Vec::new();
    for _ in 0..reader.i32()? {
        brokers.push(reader.i32()?);
        reader.string()?;
        reader.i32()?;
        reader.string()?;
    }
    Ok(Members { brokers, controller: reader.i32()? })
}

/// Whether something listens at a port of this machine.
pub(crate) fn is_open(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(1))
        .is_ok()
}

/// Connects with a limit on this and on every later read and write.
pub(crate) fn connect(address: &str) -> Result<TcpStream, LabError> {
    const LIMIT: Duration = Duration::from_secs(5);
    let open = || -> std::io::Result<TcpStream> {
        let found = address.to_socket_addrs()?.next();
        let stream = TcpStream::connect_timeout(
            &found.ok_or_else(|| std::io::Error::other("the name has no address"))?,
            LIMIT,
        )?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    open().map_err(LabError::io(format!("cannot connect to {address}")))
}

/// Sends bytes after their length and receives as many as the answer's length says.
pub(crate) fn exchange(
    stream: &mut TcpStream,
    payload: &[u8],
    peer: &str,
) -> Result<Vec<u8>, LabError> {
    let mut talk = || -> std::io::Result<Vec<u8>> {
        let length = i32::try_from(payload.len()).map_err(std::io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), payload].concat())?;
        let mut prefix = [0; 4];
        stream.read_exact(&mut prefix)?;
        let length = usize::try_from(i32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
        if length > LONGEST_ANSWER {
            return Err(std::io::Error::other(format!("an answer of {length} bytes")));
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    talk().map_err(LabError::io(format!("no answer from {peer}")))
}

/// One request on a connection of its own; gives the body of the response.
fn call(
    address: &str,
    key: i16,
    version: i16,
    flexible: bool,
    body: &[u8],
) -> Result<Vec<u8>, LabError> {
    const CORRELATION_ID: i32 = 7;
    let client_id = b"kafka-lab";
    let mut request = Vec::new();
    request.extend_from_slice(&key.to_be_bytes());
    request.extend_from_slice(&version.to_be_bytes());
    request.extend_from_slice(&CORRELATION_ID.to_be_bytes());
    request.extend_from_slice(&[0, 9]);
    request.extend_from_slice(client_id);
    if flexible {
        request.push(0);
    }
    request.extend_from_slice(body);
    let answer = exchange(&mut connect(address)?, &request, address)?;
    let mut reader = Reader { rest: &answer };
    if reader.i32()? != CORRELATION_ID {
        return Err(LabError::Protocol(format!("{address} answered another correlation id")));
    }
    Ok(reader.rest.to_vec())
}

/// The primitives of the protocol, read from the front.
pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], LabError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| LabError::Protocol(format!("an answer ends {count} bytes early")))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, LabError> {
        self.take(2).map(|b| i16::from_be_bytes([b[0], b[1]]))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, LabError> {
        self.take(4).map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<(), LabError> {
        self.take(count).map(drop)
    }

    fn string(&mut self) -> Result<&'a [u8], LabError> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        self.take(length)
    }

    fn varint(&mut self) -> Result<u32, LabError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(LabError::Protocol("a varint of more than five bytes".to_owned()))
    }
}
