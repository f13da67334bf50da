//! [`Orphans`] and [`View`]: which batches count.
//!
//! Ids only rise, and a batch's parent has a smaller one, so the batches that count are all those up to the tip but
//! for the ones that were rolled back. Those are few and lie together, so they are kept as ranges.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::BatchId;

/// The ids that were rolled back, as disjoint ascending ranges `(first, last)` that do not touch.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Orphans {
    ranges: Vec<(u64, u64)>,
}

impl Orphans {
    pub(crate) fn contains(&self, id: BatchId) -> bool {
        let at = self.ranges.partition_point(|(_, last)| *last < id.number());
        self.ranges.get(at).is_some_and(|(first, _)| *first <= id.number())
    }

    /// Adds all ids from `first` to `last`.
    pub(crate) fn add(&mut self, first: BatchId, last: BatchId) {
        let (mut first, mut last) = (first.number(), last.number());
        if first > last {
            return;
        }
        let from = self.ranges.partition_point(|range| range.1.saturating_add(1) < first);
        let to = self.ranges.partition_point(|range| range.0 <= last.saturating_add(1));
        if let Some(touched) = self.ranges.get(from..to).filter(|touched| !touched.is_empty()) {
            first = first.min(touched[0].0);
            last = last.max(touched[touched.len() - 1].1);
        }
        self.ranges.splice(from..to, [(first, last)]);
    }

    /// Takes one id out again.
    pub(crate) fn remove(&mut self, id: BatchId) {
        let id = id.number();
        let at = self.ranges.partition_point(|(_, last)| *last < id);
        let Some((first, last)) = self.ranges.get(at).copied().filter(|(first, _)| *first <= id) else {
            return;
        };
        let left = (first < id).then(|| (first, id - 1));
        let right = (id < last).then(|| (id + 1, last));
        self.ranges.splice(at..=at, left.into_iter().chain(right));
    }

    /// Forgets everything below `floor`, where nothing is left to tell apart.
    pub(crate) fn forget_below(&mut self, floor: BatchId) {
        self.ranges.retain_mut(|(first, last)| {
            *first = (*first).max(floor.number());
            *first <= *last
        });
    }

    /// The ranges, ascending.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (BatchId, BatchId)> + '_ {
        self.ranges.iter().map(|(first, last)| (BatchId::new(*first), BatchId::new(*last)))
    }

    /// Whether the ranges are as they must be; they come from a store.
    pub(crate) fn is_sound(&self) -> bool {
        // Nothing is rolled back that is genesis or before it.
        self.ranges.iter().all(|(first, last)| 0 < *first && first <= last)
            && self.ranges.windows(2).all(|pair| pair[0].1 < pair[1].0.saturating_sub(1))
    }
}

/// The state after one batch, as a rule for which versions of a resource are part of it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) tip: BatchId,
    pub(crate) orphans: Arc<Orphans>,
}

impl View {
    pub(crate) fn shows(&self, version: BatchId) -> bool {
        version <= self.tip && !self.orphans.contains(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranges_are_a_set(steps in proptest::collection::vec((0..4_u8, 1..30_u64, 0..8_u64), 0..40)) {
            let (mut orphans, mut model) = (Orphans::default(), BTreeSet::new());
            for (kind, id, length) in steps {
                match kind {
                    0 | 1 => {
                        orphans.add(BatchId::new(id), BatchId::new(id + length));
                        model.extend(id..=id + length);
                    }
                    2 => {
                        orphans.remove(BatchId::new(id));
                        model.remove(&id);
                    }
                    _ => {
                        orphans.forget_below(BatchId::new(id));
                        model.retain(|held| *held >= id);
                    }
                }
                prop_assert!(orphans.is_sound(), "{orphans:?}");
                for id in 0..40 {
                    prop_assert_eq!(orphans.contains(BatchId::new(id)), model.contains(&id), "{:?} {}", orphans, id);
                }
            }
        }
    }
}
