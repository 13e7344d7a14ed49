//! Who is alive, judged by the server's clock alone.
//!
//! Pure: it is fed with what the watch on the workers' bucket delivered and with the time at
//! which this process last heard its own heartbeat. It never reads a local clock, so a process
//! whose clock is wrong, or a broker that was paused, expires nobody (DESIGN §3).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::presence::HEARTBEAT_EVERY;

/// A worker whose last heartbeat is older than each of the observer's last three by more than
/// this is dead. Heartbeats come four times a second, so twenty of them went missing.
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

/// What a worker says of itself with every heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heartbeat {
    /// It takes no partitions: it is on its way out, or has just come and leaves them to others.
    pub(crate) draining: bool,
    /// It has been connected for long enough to judge others. What does not say so is a version
    /// that took partitions from its first moment on.
    #[serde(default = "yes")]
    pub(crate) steady: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Debug)]
struct Member {
    last_heartbeat: ServerTime,
    says: Heartbeat,
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
    pub(crate) fn heard(&mut self, worker: &str, at: ServerTime, says: Heartbeat) {
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
                says,
            },
        );
        let oldest_kept = at - nanos(FORGET);
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
    /// on their way out, nor newcomers that leave them to others. Empty until this process has
    /// heard itself.
    pub(crate) fn candidates(&self) -> Vec<String> {
        if !self.has_heard_itself() {
            return Vec::new();
        }
        let may_own = |(name, member): &(&String, &Member)| {
            !member.says.draining && self.is_alive(name, member)
        };
        self.members
            .iter()
            .filter(may_own)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Tells whether a worker that has just come takes its share. It could not take over what a
    /// dead worker had, because it may judge nobody yet: that is left to others who may, where
    /// there are some. Without them everybody begins at once. What was there before this process
    /// is known when it has heard itself.
    pub(crate) fn newcomer_takes_part(&self) -> bool {
        let may_take_over = |(name, member): (&String, &Member)| {
            *name != self.me
                && member.says.steady
                && !member.says.draining
                && self.is_alive(name, member)
        };
        self.has_heard_itself() && !self.members.iter().any(may_take_over)
    }

    fn has_heard_itself(&self) -> bool {
        self.members.contains_key(&self.me)
    }

    fn is_alive(&self, name: &str, member: &Member) -> bool {
        name == self.me || !self.silent_for(member.last_heartbeat, EXPIRY)
    }

    /// Tells whether the next heartbeats of mine may prove somebody dead who counts as alive still.
    pub(crate) fn suspects_somebody(&self) -> bool {
        let nearly = nanos(EXPIRY.saturating_sub(HEARTBEAT_EVERY));
        let newest = self.witnesses.back();
        newest.is_some_and(|own| {
            self.members.iter().any(|(name, member)| {
                self.is_alive(name, member) && own - member.last_heartbeat > nearly
            })
        })
    }

    /// Returns how many processes share Discord's limits: those that run, on their way out or not,
    /// but for newcomers, which post nothing yet while others have a dead worker's replies to go on
    /// with. This one counts always.
    pub(crate) fn sharers(&self) -> usize {
        let shares = |(name, member): &(&String, &Member)| {
            let is_newcomer = member.says.draining && !member.says.steady;
            **name != self.me && !is_newcomer && self.is_alive(name, member)
        };
        self.members.iter().filter(shares).count() + 1
    }

    /// Tells whether a heartbeat of that time proves its sender dead. False while this process
    /// has too few witnesses of its own.
    pub(crate) fn proves_dead(&self, last_heartbeat: ServerTime) -> bool {
        self.silent_for(last_heartbeat, EXPIRY)
    }

    /// Tells whether my last three heartbeats are all later than `since` by more than `by`.
    pub(crate) fn silent_for(&self, since: ServerTime, by: Duration) -> bool {
        let limit = nanos(by);
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

fn nanos(span: Duration) -> ServerTime {
    ServerTime::try_from(span.as_nanos()).unwrap_or(ServerTime::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    const STEADY_WORKER: Heartbeat = Heartbeat {
        draining: false,
        steady: true,
    };
    const DRAINING: Heartbeat = Heartbeat {
        draining: true,
        steady: true,
    };
    const NEWCOMER: Heartbeat = Heartbeat {
        draining: false,
        steady: false,
    };

    fn roster_at(seconds: &[i128]) -> Roster {
        let mut roster = Roster::new("me");
        for second in seconds {
            roster.heard("me", second * SECOND, STEADY_WORKER);
        }
        roster
    }

    #[test]
    fn a_worker_silent_for_five_of_my_heartbeats_is_expired() {
        let mut roster = roster_at(&[]);
        roster.heard("other", 10 * SECOND, STEADY_WORKER);
        for second in 16..=18 {
            assert!(!roster.proves_dead(10 * SECOND));
            roster.heard("me", second * SECOND, STEADY_WORKER);
        }
        assert!(roster.proves_dead(10 * SECOND));
        assert_eq!(roster.candidates(), ["me"]);
    }

    #[test]
    fn a_paused_broker_expires_nobody() {
        let mut roster = roster_at(&[8, 9, 10]);
        roster.heard("other", 10 * SECOND, STEADY_WORKER);
        // Ten seconds pass at the broker; then my own heartbeat is the first that it stamps.
        roster.heard("me", 20 * SECOND, STEADY_WORKER);
        assert_eq!(roster.candidates(), ["me", "other"]);
        assert!(!roster.proves_dead(10 * SECOND));
    }

    #[test]
    fn who_seems_dead_is_suspected_until_it_is_certain_or_speaks() {
        let mut roster = roster_at(&[10]);
        assert!(!roster.suspects_somebody(), "never myself");
        roster.heard("other", 10 * SECOND, STEADY_WORKER);
        roster.heard("me", 14 * SECOND, STEADY_WORKER);
        assert!(!roster.suspects_somebody());
        roster.heard("me", 15 * SECOND, STEADY_WORKER);
        assert!(roster.suspects_somebody());
        roster.heard("other", 15 * SECOND, STEADY_WORKER);
        assert!(!roster.suspects_somebody(), "it spoke");
        for second in 21..=23 {
            assert_eq!(roster.suspects_somebody(), second > 21);
            roster.heard("me", second * SECOND, STEADY_WORKER);
        }
        assert!(!roster.suspects_somebody(), "it is certain");
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
        assert_eq!(roster.sharers(), 1);
        roster.heard("other", 3 * SECOND, DRAINING);
        assert_eq!(roster.candidates(), ["me"]);
        assert!(!roster.proves_dead(3 * SECOND));
        // It sends until it is gone.
        assert_eq!(roster.sharers(), 2);
    }

    #[test]
    fn nobody_is_a_candidate_before_i_have_heard_myself() {
        let mut roster = Roster::new("me");
        roster.heard("other", SECOND, STEADY_WORKER);
        assert!(roster.candidates().is_empty());
    }

    #[test]
    fn long_silent_workers_are_forgotten() {
        let mut roster = roster_at(&[]);
        roster.heard("other", 0, STEADY_WORKER);
        roster.heard("me", 121 * SECOND, STEADY_WORKER);
        assert_eq!(roster.last_heartbeat("other"), None);
    }

    #[test]
    fn a_newcomer_takes_no_share_of_the_limits_before_it_takes_partitions() {
        let mut roster = roster_at(&[10]);
        let waiting = Heartbeat {
            draining: true,
            steady: false,
        };
        roster.heard("new", 10 * SECOND, waiting);
        assert_eq!(roster.sharers(), 1);
        roster.heard("new", 10 * SECOND, NEWCOMER);
        assert_eq!(roster.sharers(), 2);
    }

    #[test]
    fn a_newcomer_leaves_partitions_to_those_who_may_judge_as_long_as_they_live() {
        let mut roster = Roster::new("me");
        assert!(!roster.newcomer_takes_part(), "nothing is known yet");
        roster.heard("other", 10 * SECOND, STEADY_WORKER);
        roster.heard("me", 10 * SECOND, NEWCOMER);
        assert!(!roster.newcomer_takes_part());
        for second in 16..=18 {
            roster.heard("me", second * SECOND, NEWCOMER);
        }
        assert!(roster.newcomer_takes_part(), "the other one is dead");
    }

    #[test]
    fn newcomers_begin_at_once_beside_newcomers_and_those_who_leave() {
        let mut roster = Roster::new("me");
        roster.heard("new", SECOND, NEWCOMER);
        roster.heard("leaving", SECOND, DRAINING);
        roster.heard("me", SECOND, NEWCOMER);
        assert!(roster.newcomer_takes_part());
    }

    #[test]
    fn a_heartbeat_of_an_earlier_version_is_that_of_a_worker_that_takes_part() {
        let says: Heartbeat = serde_json::from_str(r#"{"draining":false}"#).unwrap();
        assert_eq!(says, STEADY_WORKER);
    }
}
