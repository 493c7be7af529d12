//! Counting what a flush has to wait for.

use std::collections::BTreeMap;

use super::FlushId;

/// The generation of a batch: batches of a flush's generation and before belong to that flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::producer) struct Generation(u64);

/// Unanswered batches by generation. A flush closes the current generation and is done when no
/// batch of it, or of an earlier one, is left.
#[derive(Debug, Default)]
pub(super) struct FlushCounter {
    current: Generation,
    unanswered: BTreeMap<Generation, usize>,
    flushes: Vec<Generation>,
}

impl FlushCounter {
    /// Counts a new batch.
    pub(super) fn add(&mut self) -> Generation {
        *self.unanswered.entry(self.current).or_insert(0) += 1;
        self.current
    }

    /// A batch became so many more by being split.
    pub(super) fn add_parts(&mut self, generation: Generation, more: usize) {
        *self.unanswered.entry(generation).or_insert(0) += more;
    }

    /// A batch has been answered.
    pub(super) fn remove(&mut self, generation: Generation) {
        if let Some(count) = self.unanswered.get_mut(&generation) {
            *count -= 1;
            if *count == 0 {
                self.unanswered.remove(&generation);
            }
        }
    }

    /// Begins a flush of everything that has been counted.
    pub(super) fn begin(&mut self) -> FlushId {
        let generation = self.current;
        self.current = Generation(generation.0 + 1);
        self.flushes.push(generation);
        FlushId(generation.0)
    }

    /// Takes a flush that is done.
    pub(super) fn take_done(&mut self) -> Option<FlushId> {
        let oldest = self.unanswered.keys().next().copied();
        let is_done = |flush: &Generation| oldest.is_none_or(|oldest| oldest > *flush);
        let at = self.flushes.iter().position(is_done)?;
        Some(FlushId(self.flushes.remove(at).0))
    }

    /// How many batches are unanswered.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flush_waits_for_earlier_batches_alone() {
        let mut counter = FlushCounter::default();
        let first = counter.add();
        let flush = counter.begin();
        let later = counter.add();
        assert_eq!(counter.take_done(), None);
        counter.remove(first);
        assert_eq!(counter.take_done(), Some(flush));
        assert_eq!(counter.unanswered(), 1);
        counter.remove(later);
        assert_eq!(counter.take_done(), None);
    }

    #[test]
    fn flush_of_nothing_is_done_at_once() {
        let mut counter = FlushCounter::default();
        let flush = counter.begin();
        assert_eq!(counter.take_done(), Some(flush));
    }

    #[test]
    fn second_flush_waits_for_the_first_ones_batches_too() {
        let mut counter = FlushCounter::default();
        let first = counter.add();
        let (early, late) = (counter.begin(), counter.begin());
        assert_eq!(counter.take_done(), None);
        counter.remove(first);
        assert_eq!(counter.take_done(), Some(early));
        assert_eq!(counter.take_done(), Some(late));
    }
}
