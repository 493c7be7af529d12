//! `ZooKeeper` for releases before KRaft, and as much of its client as writes the SCRAM users.
//!
//! Kafka's own `ConfigCommand` would take one JVM for each user; the client here takes
//! milliseconds. Layouts: the records `ConnectRequest`, `RequestHeader` and `CreateRequest` of
//! ZooKeeper's `zookeeper.jute`, which are the same in 3.4 and 3.5.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::jvm::Jvm;
use crate::probe::{self, Reader};
use crate::users::{self, USERS};
use crate::{LabError, cache};

/// Writes `ZooKeeper`'s configuration and gives its path.
pub(crate) fn configure(home: &Path, port: u16) -> Result<std::path::PathBuf, LabError> {
    cache::create_folder(home)?;
    let file = home.join("zoo.cfg");
    let data = home.join("data");
    cache::write(
        &file,
        &format!(
            "tickTime=500\nmaxClientCnxns=0\nadmin.enableServer=false\n\
             clientPortAddress=127.0.0.1\nclientPort={port}\ndataDir={}\n",
            data.display()
        ),
    )?;
    Ok(file)
}

/// Waits until `ZooKeeper` takes a session.
pub(crate) fn wait(jvm: &mut Jvm, port: u16, limit: Duration, log: &Path) -> Result<(), LabError> {
    let deadline = Instant::now() + limit;
    loop {
        if Session::open(port).is_ok() {
            return Ok(());
        }
        if !jvm.is_alive() {
            let text = cache::read(log)?;
            return Err(LabError::Died {
                node: "ZooKeeper".to_owned(),
                log: log.to_owned(),
                tail: crate::java::end_of(&text).to_owned(),
            });
        }
        if Instant::now() > deadline {
            return Err(LabError::NotReady {
                what: "ZooKeeper".to_owned(),
                seconds: limit.as_secs(),
                log: log.to_owned(),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes the SCRAM credentials of every user where brokers look for them at their start.
pub(crate) fn add_users(port: u16) -> Result<(), LabError> {
    let mut session = Session::open(port)?;
    session.create("/config", b"")?;
    session.create("/config/users", b"")?;
    for user in USERS {
        let path = format!("/config/users/{}", user.name);
        session.create(&path, users::zookeeper_config(user).as_bytes())?;
    }
    Ok(())
}

struct Session {
    stream: TcpStream,
    peer: String,
    requests: i32,
}

impl Session {
    fn open(port: u16) -> Result<Self, LabError> {
        let peer = format!("127.0.0.1:{port}");
        let mut stream = probe::connect(&peer)?;
        let mut request = Vec::new();
        request.extend_from_slice(&0_i32.to_be_bytes()); // protocol version
        request.extend_from_slice(&0_i64.to_be_bytes()); // last transaction seen
        request.extend_from_slice(&10_000_i32.to_be_bytes()); // session timeout in ms
        request.extend_from_slice(&0_i64.to_be_bytes()); // session id: a new one
        request.extend_from_slice(&16_i32.to_be_bytes());
        request.extend_from_slice(&[0; 16]); // password of the session
        probe::exchange(&mut stream, &request, &peer)?;
        Ok(Self { stream, peer, requests: 0 })
    }

    /// Creates a node that everybody may change; one that is there stays as it is.
    fn create(&mut self, path: &str, data: &[u8]) -> Result<(), LabError> {
        const CREATE: i32 = 1;
        const EVERYTHING: i32 = 31;
        const NODE_EXISTS: i32 = -110;
        self.requests += 1;
        let mut request = Vec::new();
        request.extend_from_slice(&self.requests.to_be_bytes());
        request.extend_from_slice(&CREATE.to_be_bytes());
        put(&mut request, path.as_bytes());
        put(&mut request, data);
        request.extend_from_slice(&1_i32.to_be_bytes()); // one entry of access control
        request.extend_from_slice(&EVERYTHING.to_be_bytes());
        put(&mut request, b"world");
        put(&mut request, b"anyone");
        request.extend_from_slice(&0_i32.to_be_bytes()); // persistent
        let answer = probe::exchange(&mut self.stream, &request, &self.peer)?;
        let mut reader = Reader { rest: &answer };
        reader.i32()?; // which request
        reader.skip(8)?; // transaction
        match reader.i32()? {
            0 | NODE_EXISTS => Ok(()),
            error => Err(LabError::Protocol(format!("ZooKeeper: error {error} creating {path}"))),
        }
    }
}

fn put(request: &mut Vec<u8>, bytes: &[u8]) {
    let length = i32::try_from(bytes.len()).expect("a few hundred bytes");
    request.extend_from_slice(&length.to_be_bytes());
    request.extend_from_slice(bytes);
}
