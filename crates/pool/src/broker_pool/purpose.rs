//! What a connection is used for.

/// What a connection is used for. A broker answers the requests of one connection in order, so a
/// request that takes long delays those behind it; kinds of requests that must not wait for each
/// other have connections of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Metadata, administration, offsets: short requests.
    Control,
    /// Produce requests.
    Produce,
    /// Fetch requests, which the broker holds back until there are records.
    Fetch,
    /// The requests of a group or a transaction to its coordinator; joining a group takes long.
    Coordinator,
}
