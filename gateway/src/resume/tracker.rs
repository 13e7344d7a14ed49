//! Which frames of a session were read and which of them are settled. Pure.

use std::collections::BTreeMap;

/// Reads may come in any order and repeat; the point never passes an unsettled frame.
#[derive(Debug)]
pub(crate) struct Tracker {
    /// The highest frame that was read.
    highest: u64,
    /// Unsettled frames, with how often each must be settled.
    open: BTreeMap<u64, u32>,
}

impl Tracker {
    /// Starts after `settled`, up to which all is settled.
    pub(crate) const fn new(settled: u64) -> Self {
        Self {
            highest: settled,
            open: BTreeMap::new(),
        }
    }

    /// Notes a frame that needs no settling.
    pub(crate) fn read(&mut self, sequence: u64) {
        self.highest = self.highest.max(sequence);
    }

    /// Notes a frame that must be settled once more.
    pub(crate) fn open(&mut self, sequence: u64) {
        *self.open.entry(sequence).or_default() += 1;
        self.read(sequence);
    }

    /// Settles a frame once.
    pub(crate) fn settle(&mut self, sequence: u64) {
        if let Some(times) = self.open.get_mut(&sequence) {
            *times -= 1;
            if *times == 0 {
                self.open.remove(&sequence);
            }
        }
    }

    /// Returns the highest frame without an unsettled one at or before it.
    pub(crate) fn point(&self) -> u64 {
        let first_open = self.open.keys().next();
        first_open.map_or(self.highest, |open| {
            open.saturating_sub(1).min(self.highest)
        })
    }

    /// Returns the highest frame that was read.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rules of the point, written the slow way.
    fn is_safe(point: u64, unsettled: &[u64]) -> bool {
        unsettled.iter().all(|open| point < *open)
    }

    #[test]
    fn a_frame_with_several_events_counts_when_all_are_settled() {
        let mut tracker = Tracker::new(0);
        tracker.open(1);
        tracker.open(1);
        tracker.settle(1);
        assert_eq!(tracker.point(), 0);
        tracker.settle(1);
        assert_eq!(tracker.point(), 1);
        tracker.settle(1);
        assert_eq!(tracker.point(), 1);
    }

    proptest! {
        #[test]
        fn point_never_passes_an_unsettled_frame_and_never_goes_back(
            start in 0_u64..1_000,
            needs_storing in prop::collection::vec(any::<bool>(), 1..200),
            settle_order in prop::collection::vec(any::<prop::sample::Index>(), 0..400),
        ) {
            let mut tracker = Tracker::new(start);
            let mut unsettled = Vec::new();
            let mut last = start;
            let mut settle_order = settle_order.into_iter();
            for (sequence, needs_storing) in (start + 1..).zip(needs_storing) {
                if needs_storing {
                    tracker.open(sequence);
                    unsettled.push(sequence);
                } else {
                    tracker.read(sequence);
                }
                for index in settle_order.by_ref().take(2) {
                    if !unsettled.is_empty() {
                        tracker.settle(unsettled.remove(index.index(unsettled.len())));
                    }
                }
                prop_assert!(is_safe(tracker.point(), &unsettled));
                prop_assert!(tracker.point() >= last);
                last = tracker.point();
            }
            for sequence in std::mem::take(&mut unsettled) {
                tracker.settle(sequence);
            }
            prop_assert_eq!(tracker.point(), tracker.highest());
        }
    }
}
