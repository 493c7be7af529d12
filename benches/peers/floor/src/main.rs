//! No client: batches are encoded and written to one socket with nothing around them, and fetched
//! records are only walked. What a client needs above this is what the client costs.
//!
//! Produce 7 and Fetch 4 by hand, five requests in flight, one batch a request, no compression;
//! the topic's partitions all have one leader.

mod consume;
mod produce;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use peer_common::{Task, Work};

const NAME: &str = "floor";
const PARTITIONS: i32 = 6;

fn main() {
    let task = Task::from_command_line();
    let mut connection = Connection::open(&task.brokers);
    match &task.work {
        Work::Produce { values, batch_bytes, .. } => {
            produce::run(&mut connection, &task, values, *batch_bytes);
        }
        Work::Consume { partitions } => {
            assert_eq!(*partitions, PARTITIONS);
            consume::run(&mut connection, &task);
        }
        Work::Latency { .. } | Work::Rate { .. } => panic!("the floor has no latency run"),
    }
}

/// One socket, and the frame that was received last.
struct Connection {
    socket: TcpStream,
    frame: Vec<u8>,
    correlation_id: i32,
}

impl Connection {
    fn open(broker: &str) -> Self {
        let socket = TcpStream::connect(broker).expect("a broker");
        socket.set_nodelay(true).expect("an open socket");
        Self { socket, frame: Vec::new(), correlation_id: 0 }
    }

    /// The beginning of a request, with room for its length in front.
    fn request(&mut self, api_key: i16, api_version: i16) -> Vec<u8> {
        let mut request = vec![0; 4];
        request.extend(api_key.to_be_bytes());
        request.extend(api_version.to_be_bytes());
        request.extend(self.correlation_id.to_be_bytes());
        put_string(&mut request, NAME);
        self.correlation_id += 1;
        request
    }

    fn send(&mut self, mut request: Vec<u8>) {
        let length = i32::try_from(request.len() - 4).expect("a small request");
        request[..4].copy_from_slice(&length.to_be_bytes());
        self.socket.write_all(&request).expect("an open socket");
    }

    fn receive(&mut self) -> &[u8] {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).expect("a response");
        self.frame.resize(i32::from_be_bytes(length) as usize, 0);
        self.socket.read_exact(&mut self.frame).expect("a response");
        &self.frame
    }
}

fn put_string(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend((text.len() as i16).to_be_bytes());
    buffer.extend(text.as_bytes());
}
