//! Many queues, each with at most one item out at a time. Pure; no time, no I/O.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Items by lane, in order within a lane. A lane that has nothing waiting and nothing out takes no
/// memory.
#[derive(Debug)]
pub(crate) struct Lanes<L, T> {
    /// Every lane that has an item waiting or out.
    lanes: HashMap<L, VecDeque<T>>,
    /// Lanes with something waiting and nothing out, in the order in which they became so.
    ready: VecDeque<L>,
}

impl<L, T> Default for Lanes<L, T> {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
            ready: VecDeque::new(),
        }
    }
}

impl<L: Copy + Eq + Hash, T> Lanes<L, T> {
    /// Puts an item at the end of its lane.
    pub(crate) fn push(&mut self, lane: L, item: T) {
        match self.lanes.entry(lane) {
            Entry::Occupied(mut waiting) => waiting.get_mut().push_back(item),
            Entry::Vacant(idle) => {
                idle.insert(VecDeque::from([item]));
                self.ready.push_back(lane);
            }
        }
    }

    /// Takes the first item of some lane that has none out. The lane gives no other until
    /// [`Self::finish`].
    pub(crate) fn take(&mut self) -> Option<T> {
        let lane = self.ready.pop_front()?;
        self.lanes.get_mut(&lane)?.pop_front()
    }

    /// Says that the item which `lane` had out is done with.
    pub(crate) fn finish(&mut self, lane: &L) {
        match self.lanes.get(lane) {
            Some(waiting) if waiting.is_empty() => {
                self.lanes.remove(lane);
            }
            Some(_) => self.ready.push_back(*lane),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lane_gives_its_next_item_only_after_the_last_is_finished() {
        let mut lanes = Lanes::default();
        lanes.push('a', 1);
        lanes.push('a', 2);
        lanes.push('b', 3);
        assert_eq!(lanes.take(), Some(1));
        assert_eq!(lanes.take(), Some(3));
        assert_eq!(lanes.take(), None);
        lanes.finish(&'a');
        assert_eq!(lanes.take(), Some(2));
        lanes.finish(&'a');
        lanes.finish(&'b');
        assert!(lanes.lanes.is_empty());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Take,
        Finish(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0_u8..5).prop_map(Step::Push),
            Just(Step::Take),
            (0_usize..8).prop_map(Step::Finish),
        ];
        prop::collection::vec(step, 0..300)
    }

    proptest! {
        #[test]
        fn every_item_comes_out_once_in_lane_order_one_at_a_time(steps in steps()) {
            let mut lanes = Lanes::default();
            let mut out: Vec<u8> = Vec::new();
            let mut seen: HashMap<u8, Vec<usize>> = HashMap::new();
            let mut take = |lanes: &mut Lanes<u8, (u8, usize)>, out: &mut Vec<u8>| {
                let Some((lane, number)) = lanes.take() else { return false };
                assert!(!out.contains(&lane), "two items of lane {lane} are out");
                out.push(lane);
                seen.entry(lane).or_default().push(number);
                true
            };
            let mut pushed = 0;
            for step in steps {
                match step {
                    Step::Push(lane) => {
                        lanes.push(lane, (lane, pushed));
                        pushed += 1;
                    }
                    Step::Take => {
                        take(&mut lanes, &mut out);
                    }
                    Step::Finish(index) if index < out.len() => lanes.finish(&out.remove(index)),
                    Step::Finish(_) => {}
                }
            }
            loop {
                out.drain(..).for_each(|lane| lanes.finish(&lane));
                if !take(&mut lanes, &mut out) {
                    break;
                }
            }
            prop_assert!(lanes.lanes.is_empty());
            prop_assert_eq!(seen.values().map(Vec::len).sum::<usize>(), pushed);
            prop_assert!(seen.values().all(|numbers| numbers.is_sorted()));
        }
    }
}
