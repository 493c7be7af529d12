//! Where each leader epoch of a partition starts, and where it ends (KIP-101, KIP-320).

/// The answer to "where did this epoch end".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    /// The largest known epoch that is not above the asked one; -1 when there is none.
    pub leader_epoch: i32,
    /// First offset after that epoch; -1 when unknown.
    pub end_offset: i64,
}

impl EpochEnd {
    pub(crate) const UNDEFINED: Self = Self { leader_epoch: -1, end_offset: -1 };
}

/// Epochs in order with the offset of their first batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeaderEpochs {
    starts: Vec<(i32, i64)>,
}

impl LeaderEpochs {
    /// Notes that a batch of `epoch` begins at `offset`.
    pub(crate) fn assign(&mut self, epoch: i32, offset: i64) {
        if epoch >= 0 && self.latest().is_none_or(|latest| epoch > latest) {
            self.starts.push((epoch, offset));
        }
    }

    pub(crate) fn latest(&self) -> Option<i32> {
        self.starts.last().map(|&(epoch, _)| epoch)
    }

    /// The epoch under which `offset` was written.
    pub(crate) fn epoch_at(&self, offset: i64) -> Option<i32> {
        let after = self.starts.partition_point(|&(_, start)| start <= offset);
        after.checked_sub(1).and_then(|index| self.starts.get(index)).map(|&(epoch, _)| epoch)
    }

    pub(crate) fn end_of(&self, requested: i32, log_end_offset: i64) -> EpochEnd {
        let Some(latest) = self.latest() else { return EpochEnd::UNDEFINED };
        if requested < 0 || requested > latest {
            return EpochEnd::UNDEFINED;
        }
        if requested == latest {
            return EpochEnd { leader_epoch: latest, end_offset: log_end_offset };
        }
        let higher = self.starts.partition_point(|&(epoch, _)| epoch <= requested);
        let end_offset = self.starts.get(higher).map_or(log_end_offset, |&(_, start)| start);
        let leader_epoch = higher
            .checked_sub(1)
            .and_then(|index| self.starts.get(index))
            .map_or(requested, |entry| entry.0);
        EpochEnd { leader_epoch, end_offset }
    }

    /// Forgets epochs that start at or after `offset`.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.starts.retain(|&(_, start)| start < offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_between_the_known_epochs() {
        let mut epochs = LeaderEpochs::default();
        epochs.assign(2, 10);
        epochs.assign(5, 20);
        assert_eq!(epochs.end_of(5, 30), EpochEnd { leader_epoch: 5, end_offset: 30 });
        assert_eq!(epochs.end_of(3, 30), EpochEnd { leader_epoch: 2, end_offset: 20 });
        assert_eq!(epochs.end_of(1, 30), EpochEnd { leader_epoch: 1, end_offset: 10 });
        assert_eq!(epochs.end_of(6, 30), EpochEnd::UNDEFINED);
        assert_eq!(epochs.epoch_at(19), Some(2));
        assert_eq!(epochs.epoch_at(3), None);
    }
}
