//! When a model has used tools for long enough (GUARD-85). Pure.

use super::CallHash;

/// The same call so often in a row is answered without running.
const SAME_CALLS: u32 = 3;

/// When people are told that the work goes on.
const STILL_WORKING_AT: u32 = 20;

/// The bounds of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most steps (CFG-60).
    pub steps: u32,
    /// Most uses in a row that failed (CFG-61).
    pub failures: u32,
    /// Most hours for which a persona mutes or blocks somebody (CFG-78).
    pub block_hours: u16,
}

/// What a turn has used of them.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    bounds: Bounds,
    steps: u32,
    failures: u32,
    last: Option<(CallHash, u32)>,
}

impl Limits {
    /// Begins with the steps that a predecessor made.
    pub(super) const fn new(bounds: Bounds, steps: u32) -> Self {
        Self {
            bounds,
            steps,
            failures: 0,
            last: None,
        }
    }

    /// Counts a step; tells whether people should hear that the work goes on.
    pub(super) const fn begin_step(&mut self) -> bool {
        self.steps += 1;
        self.steps == STILL_WORKING_AT
    }

    /// Counts a call; tells whether it repeats the ones before it too often.
    pub(super) fn is_repeated(&mut self, call: CallHash) -> bool {
        let times = match self.last {
            Some((last, times)) if last == call => times.saturating_add(1),
            _ => 1,
        };
        self.last = Some((call, times));
        times >= SAME_CALLS
    }

    pub(super) const fn note(&mut self, has_worked: bool) {
        self.failures = if has_worked { 0 } else { self.failures + 1 };
    }

    /// Tells whether the model may use no more tools.
    pub(super) const fn are_reached(&self) -> bool {
        self.steps >= self.bounds.steps || self.failures >= self.bounds.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        steps: 100,
        failures: 5,
        block_hours: 168,
    };

    /// CHAT-91, CFG-60.
    #[test]
    fn the_last_step_is_the_hundredth_and_the_twentieth_is_told() {
        let mut limits = Limits::new(BOUNDS, 0);
        let told: Vec<u32> = (1..=100)
            .filter(|_| {
                assert!(!limits.are_reached());
                limits.begin_step()
            })
            .collect();
        assert_eq!(told, [20]);
        assert!(limits.are_reached());
        assert!(Limits::new(BOUNDS, 100).are_reached());
    }

    /// CHAT-91, CFG-61.
    #[test]
    fn five_failures_in_a_row_are_enough() {
        let mut limits = Limits::new(BOUNDS, 0);
        for has_worked in [false, false, false, false, true, false, false, false, false] {
            limits.note(has_worked);
            assert!(!limits.are_reached());
        }
        limits.note(false);
        assert!(limits.are_reached());
    }

    /// CHAT-91.
    #[test]
    fn the_third_same_call_in_a_row_is_one_too_many() {
        let mut limits = Limits::new(BOUNDS, 0);
        let (one, other) = ([1; 32], [2; 32]);
        let repeated = [one, one, other, one, one, one, one].map(|call| limits.is_repeated(call));
        assert_eq!(repeated, [false, false, false, false, false, true, true]);
    }
}
