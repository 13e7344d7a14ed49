//! Who is alive, judged by the server's clock alone.
//!
//! Pure: it is fed with what the watch on the workers' bucket delivered and with the time at
//! which this process last heard its own heartbeat. It never reads a local clock, so a process
//! whose clock is wrong, or a broker that was paused, expires nobody (DESIGN §3).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A worker whose last heartbeat is older than each of the observer's last three by more than
/// this is dead. Heartbeats come twice a second, so ten of them went missing.
pub(crate) const EXPIRY: Duration = Duration::from_secs(5);

/// How long after its death was certain a worker's posts may still reach Discord: as long as a
/// request lives.
const IN_FLIGHT: Duration = Duration::from_secs(10);

/// How long the observer must have been connected without a break before it judges anybody:
/// longer than [`EXPIRY`], so that what it missed while away has been delivered.
pub(crate) const STEADY: Duration = Duration::from_secs(6);

/// Own heartbeats that must all be younger than the other's last one.
const WITNESSES: usize = 3;

/// A worker that has been silent for this long is forgotten; its key has aged out of the bucket.
const FORGET: Duration = Duration::from_mins(2);

/// Time by the server's clock, nanoseconds since the Unix epoch.
pub(crate) type ServerTime = i128;

#[derive(Debug)]
struct Member {
    last_heartbeat: ServerTime,
    draining: bool,
}

/// What this process knows of all workers, itself included.
#[derive(Debug)]
pub(crate) struct Roster {
    me: String,
    members: BTreeMap<String, Member>,
    /// The server's times of my own last heartbeats, newest last; at most [`WITNESSES`].
    witnesses: VecDeque<ServerTime>,
}

impl Roster {
    pub(crate) fn new(me: &str) -> Self {
        Self {
            me: me.to_owned(),
            members: BTreeMap::new(),
            witnesses: VecDeque::new(),
        }
    }

    /// Takes a heartbeat as the watch delivered it.
    pub(crate) fn heard(&mut self, worker: &str, at: ServerTime, draining: bool) {
        if worker == self.me {
            if self.witnesses.len() == WITNESSES {
                self.witnesses.pop_front();
            }
            self.witnesses.push_back(at);
        }
        self.members.insert(
            worker.to_owned(),
            Member {
                last_heartbeat: at,
                draining,
            },
        );
        let oldest_kept = at - i128::try_from(FORGET.as_nanos()).unwrap_or(i128::MAX);
        self.members
            .retain(|_, member| member.last_heartbeat >= oldest_kept);
    }

    /// Takes a worker's own word that it has gone.
    pub(crate) fn left(&mut self, worker: &str) {
        self.members.remove(worker);
    }

    /// Forgets the own heartbeats: after a break nothing may be judged by what was heard before.
    pub(crate) fn interrupted(&mut self) {
        self.witnesses.clear();
    }

    /// Returns those who may own partitions, in the order of their names: neither expired nor
    /// on their way out. Empty until this process has heard itself.
    pub(crate) fn candidates(&self) -> Vec<String> {
        if !self.members.contains_key(&self.me) {
            return Vec::new();
        }
        let alive = |(name, member): &(&String, &Member)| {
            !member.draining && !self.silent_for(member.last_heartbeat, EXPIRY) || **name == self.me
        };
        self.members
            .iter()
            .filter(alive)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Tells whether a heartbeat of that time proves its sender dead. False while this process
    /// has too few witnesses of its own.
    pub(crate) fn proves_dead(&self, last_heartbeat: ServerTime) -> bool {
        self.silent_for(last_heartbeat, EXPIRY)
    }

    /// Tells whether my last three heartbeats are all later than `since` by more than `by`.
    pub(crate) fn silent_for(&self, since: ServerTime, by: Duration) -> bool {
        let limit = i128::try_from(by.as_nanos()).unwrap_or(i128::MAX);
        self.witnesses.len() == WITNESSES && self.witnesses.iter().all(|own| own - since > limit)
    }

    /// Tells whether nothing that a dead worker sent can still arrive at Discord.
    pub(crate) fn is_past_in_flight(&self, worker: &str) -> bool {
        let is_silent = |last| self.silent_for(last, EXPIRY + IN_FLIGHT);
        self.has_witnesses() && self.last_heartbeat(worker).is_none_or(is_silent)
    }

    /// Tells whether I have heard myself often enough to judge others.
    pub(crate) fn has_witnesses(&self) -> bool {
        self.witnesses.len() == WITNESSES
    }

    /// Returns the last heartbeat of a worker that is known.
    pub(crate) fn last_heartbeat(&self, worker: &str) -> Option<ServerTime> {
        self.members.get(worker).map(|member| member.last_heartbeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    fn roster_at(seconds: &[i128]) -> Roster {
        let mut roster = Roster::new("me");
        for second in seconds {
            roster.heard("me", second * SECOND, false);
        }
        roster
    }

    #[test]
    fn a_worker_silent_for_five_of_my_heartbeats_is_expired() {
        let mut roster = roster_at(&[]);
        roster.heard("other", 10 * SECOND, false);
        for second in 16..=18 {
            assert!(!roster.proves_dead(10 * SECOND));
            roster.heard("me", second * SECOND, false);
        }
        assert!(roster.proves_dead(10 * SECOND));
        assert_eq!(roster.candidates(), ["me"]);
    }

    #[test]
    fn a_paused_broker_expires_nobody() {
        let mut roster = roster_at(&[8, 9, 10]);
        roster.heard("other", 10 * SECOND, false);
        // Ten seconds pass at the broker; then my own heartbeat is the first that it stamps.
        roster.heard("me", 20 * SECOND, false);
        assert_eq!(roster.candidates(), ["me", "other"]);
        assert!(!roster.proves_dead(10 * SECOND));
    }

    #[test]
    fn two_witnesses_are_not_enough() {
        assert!(!roster_at(&[100, 101]).proves_dead(0));
        assert!(roster_at(&[100, 101, 102]).proves_dead(0));
    }

    #[test]
    fn a_break_of_the_connection_forgets_the_witnesses() {
        let mut roster = roster_at(&[100, 101, 102]);
        roster.interrupted();
        assert!(!roster.proves_dead(0));
    }

    #[test]
    fn a_draining_worker_is_no_candidate_but_not_dead() {
        let mut roster = roster_at(&[1, 2, 3]);
        roster.heard("other", 3 * SECOND, true);
        assert_eq!(roster.candidates(), ["me"]);
        assert!(!roster.proves_dead(3 * SECOND));
    }

    #[test]
    fn nobody_is_a_candidate_before_i_have_heard_myself() {
        let mut roster = Roster::new("me");
        roster.heard("other", SECOND, false);
        assert!(roster.candidates().is_empty());
    }

    #[test]
    fn long_silent_workers_are_forgotten() {
        let mut roster = roster_at(&[]);
        roster.heard("other", 0, false);
        roster.heard("me", 121 * SECOND, false);
        assert_eq!(roster.last_heartbeat("other"), None);
    }
}
