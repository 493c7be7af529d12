//! The requests that were written to one connection and not answered yet, in order.
//!
//! A broker answers the requests of one connection in the order in which it got them, so this is a
//! ring and not a map: the next response belongs to the oldest request or the connection is broken.
//! The driver of a connection pushes a request when its frame goes to the socket, and a response,
//! a deadline or the end of the connection takes it out again.
//!
//! Invariants:
//! 1. Requests leave in the order in which they came.
//! 2. [`InFlightRequests::next_deadline`] is never later than the earliest deadline in the ring.
//! 3. A cancelled request keeps its place, because its response still arrives.
//!
//! Spec: guide#network: the server processes the requests of a connection in order and answers in
//! that order.

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use milena_wire::ApiKey;

/// A request that waits for its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlightRequest<T> {
    /// The number that the response must carry.
    pub correlation_id: i32,
    /// The API that was called.
    pub api_key: ApiKey,
    /// The version that the request was written in.
    pub api_version: i16,
    /// When the request counts as lost.
    pub deadline: Instant,
    /// Who waits for the response.
    pub waiter: T,
}

/// The requests of one connection, oldest first.
///
/// The ring is as long as the callers let it become; it holds a few words a request.
#[derive(Debug)]
pub struct InFlightRequests<T> {
    requests: VecDeque<InFlightRequest<T>>,
    /// Not later than the earliest deadline. Kept as a bound, so that neither pushing nor taking
    /// a request has to look at the others; `expire` makes it exact again.
    earliest: Option<Instant>,
}

impl<T> Default for InFlightRequests<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> InFlightRequests<T> {
    /// An empty ring.
    #[must_use]
    pub const fn new() -> Self {
        Self { requests: VecDeque::new(), earliest: None }
    }

    /// Adds a request whose frame is on its way to the broker.
    pub fn push(&mut self, request: InFlightRequest<T>) {
        let earliest = self.earliest.map_or(request.deadline, |known| known.min(request.deadline));
        self.earliest = Some(earliest);
        self.requests.push_back(request);
    }

    /// Takes the request that a response with `correlation_id` answers: the oldest one.
    ///
    /// # Errors
    ///
    /// The response answers nothing or another request. Requests and responses of the connection
    /// cannot be matched any more, so it must be closed. The ring stays as it is.
    pub fn handle_response(
        &mut self,
        correlation_id: i32,
    ) -> Result<InFlightRequest<T>, MismatchedResponse> {
        let Some(oldest) = self.requests.front() else {
            return Err(MismatchedResponse { received: correlation_id, expected: None });
        };
        if oldest.correlation_id != correlation_id {
            let expected = Some((oldest.correlation_id, oldest.api_key));
            return Err(MismatchedResponse { received: correlation_id, expected });
        }
        let request = self.requests.pop_front().expect("the ring has a front");
        if self.requests.is_empty() {
            self.earliest = None;
        }
        Ok(request)
    }

    /// When to call [`InFlightRequests::expired`] next; it may find nothing then.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        self.earliest
    }

    /// The request whose deadline passed first, if one has passed by `now`.
    ///
    /// A broker that does not answer in time may be hung, and everything behind the late response
    /// waits too; so the caller closes the connection, as Kafka's own clients do, and fails
    /// the other requests as disconnected. This holds for cancelled requests as well.
    pub fn expired(&mut self, now: Instant) -> Option<&InFlightRequest<T>> {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return None;
        }
        self.earliest = self.requests.iter().map(|request| request.deadline).min();
        self.requests.iter().filter(|request| request.deadline <= now).min_by_key(|r| r.deadline)
    }

    /// Takes every request out, oldest first, because the connection is gone.
    pub fn drain(&mut self) -> impl Iterator<Item = InFlightRequest<T>> + '_ {
        self.earliest = None;
        self.requests.drain(..)
    }

    /// How many requests wait for a response.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether no request waits for a response.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// A response that does not belong to the oldest request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MismatchedResponse {
    /// The correlation id that the response carries.
    pub received: i32,
    /// The correlation id and the API of the oldest request in flight; `None` if there is none.
    pub expected: Option<(i32, ApiKey)>,
}

impl fmt::Display for MismatchedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker sent a response with correlation id {}, ", self.received)?;
        match self.expected {
            None => f.write_str("but no request is in flight"),
            Some((expected, api)) => {
                write!(f, "but the oldest request in flight is {} with {expected}", api.name())
            }
        }
    }
}

impl std::error::Error for MismatchedResponse {}

#[cfg(test)]
mod tests;
