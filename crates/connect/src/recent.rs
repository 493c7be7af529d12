//! Values by key, those that were used last.

use std::collections::VecDeque;

/// So many values at most, found by comparing their keys: for few of them.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    /// The one that was used last is the last.
    entries: VecDeque<(K, V)>,
    max: usize,
}

impl<K: PartialEq, V> Recent<K, V> {
    pub(crate) const fn new(max: usize) -> Self {
        Self { entries: VecDeque::new(), max }
    }

    /// The value of a key, which is used by that.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        let found = self.entries.remove(at)?;
        self.entries.push_back(found);
        self.entries.back().map(|(_, value)| value)
    }

    /// Keeps a value under a key that has none, and gives the one that has to go for it.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let gone = if self.entries.len() < self.max { None } else { self.entries.pop_front() };
        self.entries.push_back((key, value));
        gone.map(|(_, value)| value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_least_goes_first() {
        let mut recent = Recent::new(2);
        assert_eq!((recent.insert("a", 1), recent.insert("b", 2)), (None, None));
        assert_eq!(recent.get(&"a"), Some(&1));
        assert_eq!(recent.insert("c", 3), Some(2));
        let found = ["b", "a", "c"].map(|key| recent.get(&key).copied());
        assert_eq!(found, [None, Some(1), Some(3)]);
        assert_eq!(recent.insert("d", 4), Some(1));
        assert_eq!(recent.values().copied().collect::<Vec<_>>(), [3, 4]);
        recent.clear();
        assert_eq!(recent.get(&"d"), None);
    }
}
