//! Storms and calms: when what is killed, so that no process is told two things at once.

use std::collections::BTreeMap;

use rand::Rng as _;
use rand::rngs::StdRng;

use super::{Action, Extent, Trouble, What};
use crate::part::Part;

/// Before the first storm.
const WARM_UP_MS: u64 = 4_000;
const STORM_MS: u64 = 16_000;
/// Kills and other troubles of a storm: with three storms and the kills of the calms, 24 in 120 s.
const KILLS: usize = 7;
const TROUBLES: usize = 5;
/// Connections that are cut in a storm.
const CUTS: usize = 1;
/// Between anything else and a lone kill.
const APART_MS: u64 = 10_500;
/// From a lone kill to anything else: a reply whose post was on its way goes on within 20 s, by a
/// worker that must not die meanwhile.
const SETTLED_MS: u64 = 21_000;
/// No kill comes so near to the end.
const LAST_MS: u64 = 2_000;
/// Some wake before they are missed, some long after their work was taken over.
const FREEZE_MS: std::ops::Range<u64> = 1_500..13_000;
/// Whoever was frozen for so long was taken over. One that wakes before holds its turn still, may
/// have missed the answer to a post, and sends it again: that is what nonces are for.
const TAKEN_OVER_MS: u64 = 12_500;
/// What was killed is told nothing new for so long after its start.
const RECOVERY_MS: u64 = 1_500;
/// A server of a cluster catches up this long before another one is killed.
const CATCH_UP_MS: u64 = 6_000;
/// A process that is asked to end has its running work to finish first.
const DRAIN_MS: u64 = 9_000;

/// Plans what goes wrong.
pub(super) fn actions(extent: Extent, random: &mut StdRng) -> Vec<Action> {
    let end_ms = (extent.seconds * 1_000).saturating_sub(LAST_MS);
    let mut weather = Weather {
        extent,
        random,
        busy: BTreeMap::new(),
        actions: Vec::new(),
        is_forgetful: false,
    };
    let mut at_ms = WARM_UP_MS;
    while at_ms < end_ms {
        weather.storm(at_ms);
        at_ms += STORM_MS + APART_MS;
        weather.lone_kill(at_ms);
        at_ms += SETTLED_MS;
    }
    let mut actions = weather.actions;
    actions.retain(|action| action.at_ms < end_ms);
    actions.sort_by_key(|action| action.at_ms);
    actions
}

struct Weather<'a> {
    extent: Extent,
    random: &'a mut StdRng,
    /// Until when a process is on its way down or up; all servers of the broker are one.
    busy: BTreeMap<Part, u64>,
    actions: Vec<Action>,
    /// Nonces are forgotten at once in this storm.
    is_forgetful: bool,
}

impl Weather<'_> {
    fn storm(&mut self, from_ms: u64) {
        // A nonce that is forgotten protects no post that is sent twice, so either or.
        self.is_forgetful = self.random.random_range(0..3) == 0;
        if self.is_forgetful {
            let for_ms = STORM_MS + APART_MS / 2;
            self.add(from_ms, What::Trouble(Trouble::Forgetful { for_ms }));
        }
        let mut has_refused = false;
        for at_ms in self.moments(from_ms, TROUBLES) {
            let trouble = Trouble::any(self.random, !self.is_forgetful);
            // A call is tried again once: of two refusals in a row the second would not pass.
            let is_model = matches!(trouble, Trouble::Model(_));
            if !(is_model && has_refused) {
                self.add(at_ms, What::Trouble(trouble));
            }
            has_refused |= is_model;
        }
        for at_ms in self.moments(from_ms, CUTS) {
            let server = if self.random.random() {
                Part::Nats
            } else {
                Part::Postgres
            };
            self.add(at_ms, What::Cut(server));
        }
        for at_ms in self.moments(from_ms, KILLS) {
            self.any_kill(at_ms, from_ms + STORM_MS);
        }
    }

    fn moments(&mut self, from_ms: u64, count: usize) -> Vec<u64> {
        let span = from_ms..from_ms + STORM_MS;
        let mut moments: Vec<u64> = (0..count)
            .map(|_| self.random.random_range(span.clone()))
            .collect();
        moments.sort_unstable();
        moments
    }

    /// Kills something that is not on its way down or up; nothing outlasts the storm by much.
    fn any_kill(&mut self, at_ms: u64, storm_end_ms: u64) {
        let Some(part) = self.victim(at_ms) else {
            return;
        };
        let left_ms = storm_end_ms.saturating_sub(at_ms).max(1_500);
        let down_ms = self.random.random_range(200..3_000_u64);
        let for_ms = self.random.random_range(FREEZE_MS).min(left_ms);
        let what = match (part, self.random.random_range(0..10)) {
            // A postmaster that is frozen harms nobody: its children go on.
            (Part::Postgres, 0..5) => What::Kill { part, down_ms },
            (Part::Postgres, _) => What::End { part, down_ms },
            (_, 0..5) => What::Kill { part, down_ms },
            (Part::Worker(_), 5..8) if self.is_forgetful && for_ms < TAKEN_OVER_MS => {
                What::Kill { part, down_ms }
            }
            (_, 5..8) => What::Freeze { part, for_ms },
            _ => What::End { part, down_ms },
        };
        let lasts_ms = match what {
            What::Freeze { for_ms, .. } => for_ms,
            What::End { .. } => down_ms + DRAIN_MS,
            _ => down_ms,
        };
        let rest_ms = if is_broker(part) && self.extent.brokers > 1 {
            CATCH_UP_MS
        } else {
            RECOVERY_MS
        };
        self.busy.insert(group(part), at_ms + lasts_ms + rest_ms);
        self.add(at_ms, what);
    }

    fn victim(&mut self, at_ms: u64) -> Option<Part> {
        for _ in 0..20 {
            let part = match self.random.random_range(0..20) {
                0..10 => Part::Worker(self.random.random_range(1..=self.extent.workers)),
                10..14 => Part::Gateway,
                14..18 => self.broker(),
                _ => Part::Postgres,
            };
            if self
                .busy
                .get(&group(part))
                .is_none_or(|until| *until <= at_ms)
            {
                return Some(part);
            }
        }
        None
    }

    fn broker(&mut self) -> Part {
        match self.random.random_range(1..=self.extent.brokers) {
            1 => Part::Nats,
            number => Part::NatsPeer(number),
        }
    }

    fn lone_kill(&mut self, at_ms: u64) {
        let down_ms = self.random.random_range(500..2_500_u64);
        let worker = Part::Worker(self.random.random_range(1..=self.extent.workers));
        let part = match self.random.random_range(0..4) {
            0 => Part::Gateway,
            1 => {
                // So that some posts are on their way when their worker dies.
                let trouble = Trouble::late_answers(3_000, 8);
                self.add(at_ms.saturating_sub(900), What::Trouble(trouble));
                worker
            }
            _ => worker,
        };
        self.actions.push(Action {
            at_ms,
            what: What::Kill { part, down_ms },
            is_lone: true,
        });
    }

    fn add(&mut self, at_ms: u64, what: What) {
        self.actions.push(Action {
            at_ms,
            what,
            is_lone: false,
        });
    }
}

fn is_broker(part: Part) -> bool {
    matches!(part, Part::Nats | Part::NatsPeer(_))
}

/// One server of the broker at a time: two of three gone is an outage, which a cluster cannot mend.
fn group(part: Part) -> Part {
    if is_broker(part) { Part::Nats } else { part }
}
