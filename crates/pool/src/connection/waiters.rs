//! Who waits for which response: a table with reusable places.
//!
//! A place is a number; requests in flight carry it. No allocation a request once the table has
//! grown to the number of requests that are under way together.
//!
//! ```text
//! insert ─► Waiting ──complete──► Done ──take──► free
//!              │                    │
//!              └─abandon─► Abandoned └─abandon─► free
//!                             └──complete──► free
//! ```

use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::error::DisconnectReason;

/// Why no response came.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The deadline passed. `written`: the whole frame had gone to the socket.
    TimedOut { written: bool },
    /// The connection ended.
    Disconnected { written: bool, reason: DisconnectReason },
}

#[derive(Debug)]
enum Place {
    Free { next: Option<usize> },
    Waiting(Option<Waker>),
    Abandoned,
    Done(Result<Bytes, Failure>),
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    places: Vec<Place>,
    free: Option<usize>,
    /// How many places are `Waiting`.
    waiting: usize,
}

impl Waiters {
    /// Takes a place for somebody who waits.
    pub(super) fn insert(&mut self) -> usize {
        let waiting = Place::Waiting(None);
        self.waiting += 1;
        if let Some(index) = self.free
            && let Some(place) = self.places.get_mut(index)
        {
            if let Place::Free { next } = place {
                self.free = *next;
            }
            *place = waiting;
            return index;
        }
        self.places.push(waiting);
        self.places.len() - 1
    }

    /// Hands over what was waited for. Returns whom to wake.
    pub(super) fn complete(
        &mut self,
        index: usize,
        result: Result<Bytes, Failure>,
    ) -> Option<Waker> {
        let place = self.places.get_mut(index)?;
        match std::mem::replace(place, Place::Done(result)) {
            Place::Waiting(waker) => {
                self.waiting -= 1;
                waker
            }
            Place::Abandoned => {
                self.release(index);
                None
            }
            before @ (Place::Free { .. } | Place::Done(_)) => {
                debug_assert!(false, "place {index} is completed once");
                *place = before;
                None
            }
        }
    }

    /// Takes what was waited for, or notes whom to wake.
    pub(super) fn poll(&mut self, index: usize, cx: &Context<'_>) -> Poll<Result<Bytes, Failure>> {
        let place = self.places.get_mut(index).expect("a waiter has a place");
        match std::mem::replace(place, Place::Abandoned) {
            Place::Done(result) => {
                self.release(index);
                Poll::Ready(result)
            }
            Place::Waiting(waker) => {
                let waker = match waker {
                    Some(waker) if waker.will_wake(cx.waker()) => waker,
                    _ => cx.waker().clone(),
                };
                *place = Place::Waiting(Some(waker));
                Poll::Pending
            }
            Place::Free { .. } | Place::Abandoned => {
                unreachable!("a place belongs to its waiter until it is taken or abandoned")
            }
        }
    }

    /// Nobody waits at this place any more; the response will be dropped.
    pub(super) fn abandon(&mut self, index: usize) {
        let Some(place) = self.places.get_mut(index) else { return };
        match place {
            Place::Waiting(_) => {
                self.waiting -= 1;
                *place = Place::Abandoned;
            }
            Place::Done(_) => self.release(index),
            Place::Free { .. } | Place::Abandoned => {}
        }
    }

    /// Whether somebody waits at this place.
    pub(super) fn is_awaited_at(&self, index: usize) -> bool {
        matches!(self.places.get(index), Some(Place::Waiting(_)))
    }

    /// Whether somebody waits for a response that has not come.
    pub(super) const fn is_awaited(&self) -> bool {
        self.waiting > 0
    }

    fn release(&mut self, index: usize) {
        if let Some(place) = self.places.get_mut(index) {
            *place = Place::Free { next: self.free };
            self.free = Some(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(waiters: &mut Waiters, index: usize) -> Poll<Result<Bytes, Failure>> {
        waiters.poll(index, &Context::from_waker(Waker::noop()))
    }

    #[test]
    fn places_are_used_again() {
        let mut waiters = Waiters::default();
        for round in 0..3 {
            let (first, second) = (waiters.insert(), waiters.insert());
            assert!(first < 2 && second < 2, "round {round}");
            assert!(poll(&mut waiters, first).is_pending());
            assert!(waiters.complete(first, Ok(Bytes::from_static(b"x"))).is_some());
            assert!(matches!(poll(&mut waiters, first), Poll::Ready(Ok(_))));
            waiters.abandon(second);
            assert!(waiters.complete(second, Ok(Bytes::new())).is_none());
        }
    }

    #[test]
    fn response_of_an_abandoned_place_is_dropped() {
        let mut waiters = Waiters::default();
        let abandoned = waiters.insert();
        waiters.abandon(abandoned);
        let other = waiters.insert();
        assert_ne!(abandoned, other, "the place is kept until its response came");
        waiters.complete(abandoned, Ok(Bytes::new()));
        assert_eq!(waiters.insert(), abandoned);
    }

    #[test]
    fn response_that_nobody_takes_frees_its_place() {
        let mut waiters = Waiters::default();
        let place = waiters.insert();
        waiters.complete(place, Ok(Bytes::new()));
        waiters.abandon(place);
        assert_eq!(waiters.insert(), place);
    }
}
