//! One connection to one broker.
//!
//! [`Connection`] is the handle; the [`driver`] is the one task that owns the socket. They meet in
//! [`shared`]: callers put frames into a queue and wait in a table, the driver takes the whole queue
//! at once, writes it in as few system calls as possible and completes the waiters in order.

mod authenticate;
mod dial;
mod driver;
mod frame_reader;
mod frame_shelf;
mod handle;
mod pending;
mod setup;
mod shared;
mod stream;
mod throttle;
mod waiters;
mod write_queue;

pub use handle::Connection;
pub use pending::{PendingResponse, PendingWrite};

pub(crate) use frame_shelf::FrameShelf;
pub(crate) use setup::{Dial, connect};
pub(crate) use shared::Liveness;
