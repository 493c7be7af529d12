//! Fetching: sessions with brokers, the budget for what is buffered, and reading what came.
//!
//! [`Fetcher`] says which broker to fetch from and what to ask it, ahead of what the application has
//! read; [`FetchedPartition`] turns the bytes of one partition into [`RecordSegment`]s when
//! the application polls.

mod answer;
mod budget;
mod fetched;
mod fetcher;
mod segment;
mod session;
#[cfg(test)]
mod tests;

pub use self::{
    fetched::{FetchedPartition, ReadOptions, Taken},
    fetcher::{FetchConfig, FetchOutcome, Fetcher},
    segment::{RecordSegment, SegmentIter},
    session::{FetchSession, SessionRequest},
};
