//! Time in steps of 5 s, and what the product's own code makes of it.
//!
//! Nothing is restated: who is dead and when it is quiet is asked of the [`Roster`], whose share a
//! partition is of [`assign`], and the rest is read off the constants that the product runs with.

use std::time::Duration;

use proto::subject::Partition;

use crate::journal::{NONCE_WINDOW, SEND_WITHIN};
use crate::partition::assign;
use crate::partition::presence::FRESH;
use crate::partition::roster::{Heartbeat, Roster, STEADY, ServerTime};

use super::world::WORKERS;

/// One step of time.
const QUANTUM: Duration = Duration::from_secs(5);

/// Ages beyond this make no difference.
const OLDEST: u8 = 12;

/// A long time: everything on its way has arrived or never will, and nonces are forgotten.
const LONG: Duration = Duration::from_secs(70);

/// The names of the workers, chosen so that the partition is the share of whoever started last.
const NAMES: [&str; WORKERS] = ["worker-b", "worker-3", "worker-a"];

/// When things happen, in steps.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// A heartbeat of this age still lets its worker send.
    pub(super) fresh: u8,
    /// A worker of this age is judged dead.
    pub(super) dead: u8,
    /// Nothing of a worker of this age is on its way any more.
    pub(super) quiet: u8,
    /// A request of this age may still arrive.
    pub(super) in_flight: u8,
    /// Who was connected for so long may judge others.
    pub(super) steady: u8,
    /// The owner by the set of candidates, a bit for each worker.
    owners: Vec<Option<usize>>,
}

impl Limits {
    pub(super) fn new() -> Self {
        assert!(
            LONG > NONCE_WINDOW + SEND_WITHIN,
            "a long time is too short"
        );
        let first = |is_so: &dyn Fn(u8) -> bool| (0..=OLDEST).find(|age| is_so(*age));
        // An age of n steps means: more than n - 1 of them have passed, and up to n.
        let least = |age: u8| QUANTUM * u32::from(age.saturating_sub(1));
        let last = |limit: Duration| first(&|age| least(age) >= limit).unwrap() - 1;
        let owners: Vec<Option<usize>> = (0..1 << WORKERS).map(owner).collect();
        assert_eq!(
            owners,
            [
                None,
                Some(0),
                Some(1),
                Some(1),
                Some(2),
                Some(2),
                Some(2),
                Some(2)
            ]
        );
        Self {
            fresh: last(FRESH),
            in_flight: last(SEND_WITHIN),
            dead: first(&|age| observer(age).proves_dead(heartbeat(age))).unwrap(),
            quiet: first(&|age| observer(age).is_past_in_flight(NAMES[1])).unwrap(),
            steady: first(&|age| QUANTUM * u32::from(age) >= STEADY).unwrap(),
            owners,
        }
    }

    /// Returns whose share the partition is among these candidates.
    pub(super) fn owner(&self, candidates: usize) -> Option<usize> {
        self.owners[candidates]
    }
}

/// The server's time of now, and of a heartbeat of this age.
const NOW: ServerTime = 1_000_000_000_000;

fn heartbeat(age: u8) -> ServerTime {
    NOW - ServerTime::try_from((QUANTUM * u32::from(age)).as_nanos()).unwrap()
}

const ALIVE: Heartbeat = Heartbeat {
    draining: false,
    steady: true,
};

/// Somebody who has heard itself in each of the last three seconds, and another one longer ago.
fn observer(age: u8) -> Roster {
    let mut roster = Roster::new(NAMES[0]);
    roster.heard(NAMES[1], heartbeat(age), ALIVE);
    for second in [2, 1, 0] {
        roster.heard(NAMES[0], NOW - second * 1_000_000_000, ALIVE);
    }
    roster
}

fn owner(candidates: usize) -> Option<usize> {
    let names: Vec<String> = (0..WORKERS)
        .filter(|worker| candidates & (1 << worker) != 0)
        .map(|worker| NAMES[worker].to_owned())
        .collect();
    let name = assign::owner(Partition(0), &names)?;
    NAMES.iter().position(|known| known == name)
}
