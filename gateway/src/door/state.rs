//! What is known of the bucket and what proves it. Pure: time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use proto::id::UserId;
use proto::privacy::users::Users;
use proto::privacy::{LONGEST_GRACE_MS, Probe};
use tokio::time::Instant;

/// Probes that may be on their way at once. A long way is that of a first reading, behind everybody
/// in the bucket; the oldest probe is given up then, and a younger one proves the same.
const MOST_PROBES: usize = 64;

/// The state of a door.
#[derive(Debug)]
pub(super) struct State {
    grace: Duration,
    users: Users,
    /// Whether the bucket holds all users at level 2.
    is_ready: bool,
    /// When the youngest probe that came back was sent.
    proof: Option<Instant>,
    /// Probes that have not come back, oldest first, and when they were sent.
    sent: VecDeque<(u64, Instant)>,
    last_beat: u64,
    /// The last revision that was read.
    applied: u64,
}

impl State {
    pub(super) fn new(grace: Duration) -> Self {
        Self {
            grace,
            users: Users::default(),
            is_ready: false,
            proof: None,
            sent: VecDeque::new(),
            last_beat: 0,
            applied: 0,
        }
    }

    /// A watch begins, which tells everything anew: nothing is known, and no probe from before it
    /// proves anything.
    pub(super) fn begin(&mut self) {
        *self = Self {
            last_beat: self.last_beat,
            ..Self::new(self.grace)
        };
    }

    /// Returns the next probe, which is sent now.
    pub(super) fn probe(&mut self, now: Instant) -> Probe {
        self.last_beat += 1;
        if self.sent.len() == MOST_PROBES {
            self.sent.pop_front();
        }
        self.sent.push_back((self.last_beat, now));
        Probe {
            beat: self.last_beat,
            applied: self.applied,
            grace_ms: u32::try_from(self.grace.as_millis()).unwrap_or(LONGEST_GRACE_MS),
        }
    }

    /// Notes up to where the bucket was read.
    pub(super) const fn read(&mut self, revision: u64) {
        self.applied = revision;
    }

    /// A probe of our own came back.
    pub(super) fn came_back(&mut self, beat: u64) {
        while let Some((sent, at)) = self.sent.front().copied()
            && sent <= beat
        {
            self.sent.pop_front();
            if sent == beat {
                self.proof = Some(at);
            }
        }
    }

    pub(super) const fn set_ready(&mut self, is_ready: bool) {
        self.is_ready = is_ready;
    }

    pub(super) fn hide(&mut self, user: UserId) {
        self.users.insert(user);
    }

    pub(super) fn show(&mut self, user: UserId) {
        self.users.remove(user);
    }

    pub(super) const fn users(&self) -> &Users {
        &self.users
    }

    /// Tells whether words may pass.
    pub(super) fn is_whole(&self, now: Instant) -> bool {
        self.is_ready && self.proof_age(now).is_some_and(|age| age < self.grace)
    }

    /// Returns how long ago the youngest probe that came back was sent.
    pub(super) fn proof_age(&self, now: Instant) -> Option<Duration> {
        self.proof.map(|proof| now.duration_since(proof))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);
    const SECOND: Duration = Duration::from_secs(1);

    fn ready() -> State {
        let mut state = State::new(GRACE);
        state.set_ready(true);
        state
    }

    #[test]
    fn proof_counts_from_the_sending_of_the_probe_and_not_from_its_return() {
        let (mut state, now) = (ready(), Instant::now());
        let probe = state.probe(now);
        state.came_back(probe.beat);
        assert!(state.is_whole(now + 4 * SECOND));
        assert!(!state.is_whole(now + 5 * SECOND));
    }

    #[test]
    fn probe_that_came_too_late_opens_nothing_and_a_younger_one_does() {
        let (mut state, now) = (ready(), Instant::now());
        let first = state.probe(now);
        let second = state.probe(now + 3 * SECOND);
        state.came_back(first.beat);
        assert!(!state.is_whole(now + 6 * SECOND));
        state.came_back(second.beat);
        assert!(state.is_whole(now + 6 * SECOND));
    }

    #[test]
    fn probes_of_a_watch_before_prove_nothing() {
        let (mut state, now) = (ready(), Instant::now());
        let probe = state.probe(now);
        state.begin();
        state.set_ready(true);
        state.came_back(probe.beat);
        assert!(!state.is_whole(now));
        assert!(state.probe(now).beat > probe.beat, "beats never repeat");
    }

    #[test]
    fn door_is_closed_without_ready_however_fresh_the_proof() {
        let (mut state, now) = (ready(), Instant::now());
        let probe = state.probe(now);
        state.came_back(probe.beat);
        state.set_ready(false);
        assert!(!state.is_whole(now));
        state.set_ready(true);
        assert!(state.is_whole(now));
    }

    #[test]
    fn probe_says_how_far_the_bucket_was_read() {
        let mut state = ready();
        state.read(17);
        let probe = state.probe(Instant::now());
        assert_eq!((probe.applied, probe.grace_ms), (17, 5_000));
    }

    #[test]
    fn probes_that_never_come_back_take_no_memory() {
        let (mut state, now) = (ready(), Instant::now());
        let beats: Vec<u64> = (0..1_000).map(|_| state.probe(now).beat).collect();
        assert_eq!(state.sent.len(), MOST_PROBES);
        state.came_back(beats[0]);
        assert!(!state.is_whole(now), "given up");
        state.came_back(beats[999]);
        assert!(state.is_whole(now));
    }
}
