//! Everything that is going to happen in a run, from its seed alone: who says what, what breaks.
//!
//! Storms, in which much goes wrong at once, take turns with calms, in which a single kill is far
//! enough from all others to measure how long it takes until all goes on.

mod storm;
mod trouble;

use std::collections::BTreeMap;
use std::fmt;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde::{Serialize, Serializer};

use crate::part::Part;
pub(super) use trouble::Trouble;

/// Servers, the channels of each, people, and others who talk with the bot directly. There are so
/// many that nobody asks again while an answer is being written: the bot would take that for a word
/// to the running answer.
pub(super) const SERVERS: u16 = 12;
pub(super) const CHANNELS: u16 = 5;
const PEOPLE: u16 = 40;
pub(super) const DIRECT: u16 = 12;

/// Of a hundred messages, so many ask for nothing, and so many are said directly.
const ASKS_NOTHING: u32 = 40;
const IS_DIRECT: u32 = 3;
/// Of a hundred messages that ask, so many meet a fault of the provider, are edited, are deleted.
const MEETS_FAULT: u32 = 6;
const IS_EDITED: u32 = 8;
const IS_DELETED: u32 = 6;
/// Of a hundred messages that ask for an answer on a server, so many ask for a thread as well.
const ASKS_FOR_THREAD: u32 = 20;
/// Parts of an answer.
const PARTS: std::ops::RangeInclusive<u32> = 2..=4;
/// What the model server does to the answers that meet a fault: none of them passes by trying again.
const FAULTS: [&str; 6] = [
    "cut-off",
    "429 none",
    "503",
    "error-event",
    "malformed",
    "empty",
];

/// Where something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    Channel { server: u16, channel: u16 },
    Direct,
}

impl Spot {
    pub(super) fn is_direct(self) -> bool {
        self == Self::Direct
    }
}

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// It is not for the bot.
    Nothing,
    /// An answer.
    Answer,
    /// An answer that meets this fault of the provider.
    Fault(&'static str),
}

/// What its author does with a message afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Edit,
    Delete,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saying {
    pub(super) number: u32,
    pub(super) at_ms: u64,
    pub(super) place: Spot,
    pub(super) user: u16,
    pub(super) asks: Asks,
    pub(super) parts: u32,
    /// It asks for a thread between the first part and the others.
    pub(super) wants_thread: bool,
    /// What is done with it, so many milliseconds later.
    pub(super) change: Option<(u64, Change)>,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) at_ms: u64,
    pub(super) what: What,
    /// No other kill comes within ten seconds before and twenty behind it: how long it takes to go
    /// on is measured.
    pub(super) is_lone: bool,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// SIGKILL; it is started again after a while.
    Kill { part: Part, down_ms: u64 },
    /// SIGTERM (SIGINT for PostgreSQL); it is started again a while after its end.
    End { part: Part, down_ms: u64 },
    /// SIGSTOP, then SIGCONT.
    Freeze { part: Part, for_ms: u64 },
    /// All connections to a server break.
    Cut(Part),
    /// Discord or the provider misbehaves.
    Trouble(Trouble),
}

impl What {
    /// Returns the process that is killed, stopped or frozen.
    pub(super) fn victim(&self) -> Option<Part> {
        match self {
            Self::Kill { part, .. } | Self::End { part, .. } | Self::Freeze { part, .. } => {
                Some(*part)
            }
            Self::Cut(_) | Self::Trouble(_) => None,
        }
    }

    /// Returns how long a process is away by this.
    pub(super) fn lasts_ms(&self) -> u64 {
        match self {
            Self::Kill { down_ms, .. } | Self::End { down_ms, .. } => *down_ms,
            Self::Freeze { for_ms, .. } => *for_ms,
            Self::Cut(_) | Self::Trouble(_) => 0,
        }
    }

    /// Returns what is counted under `kills`: the process and the signal.
    pub(super) fn kill_name(&self) -> Option<String> {
        let signal = match self {
            Self::Kill { .. } => "KILL",
            Self::End { .. } => "TERM",
            Self::Freeze { .. } => "STOP",
            Self::Cut(_) | Self::Trouble(_) => return None,
        };
        let kind = match self.victim()? {
            Part::Worker(_) => "worker".to_owned(),
            Part::Nats | Part::NatsPeer(_) => "nats".to_owned(),
            other => other.to_string(),
        };
        Some(format!("{kind} {signal}"))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { part, down_ms } => write!(f, "kill {part}, start it after {down_ms} ms"),
            Self::End { part, down_ms } => write!(f, "end {part}, start it {down_ms} ms later"),
            Self::Freeze { part, for_ms } => write!(f, "freeze {part} for {for_ms} ms"),
            Self::Cut(part) => write!(f, "cut all connections to {part}"),
            Self::Trouble(trouble) => trouble.fmt(f),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.at_ms / 1_000, self.at_ms % 1_000);
        let alone = if self.is_lone { " (alone)" } else { "" };
        write!(f, "{seconds}.{ms:03} s: {}{alone}", self.what)
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) seed: u64,
    pub(super) seconds: u64,
    /// Messages per second, whatever they ask for.
    pub(super) rate: u64,
    pub(super) workers: u16,
    /// Servers of the broker.
    pub(super) brokers: u16,
}

/// Everything that is going to happen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// By time.
    pub(super) sayings: Vec<Saying>,
    /// By time.
    pub(super) actions: Vec<Action>,
}

impl Plan {
    /// Makes the plan of a seed: the same extent gives the same plan.
    pub(super) fn of(extent: Extent) -> Self {
        // Sources of their own, so that another rate of messages leaves what breaks as it is, and
        // what is asked for besides leaves the messages as they are.
        let mut talk = StdRng::seed_from_u64(extent.seed);
        let mut weather = StdRng::seed_from_u64(!extent.seed);
        let mut wishes = StdRng::seed_from_u64(extent.seed.rotate_left(32));
        let mut sayings = sayings(extent, &mut talk);
        for saying in &mut sayings {
            let is_wanted = wishes.random_range(0..100) < ASKS_FOR_THREAD;
            let may_want = saying.asks == Asks::Answer && !saying.place.is_direct();
            saying.wants_thread = is_wanted && may_want;
        }
        Self {
            sayings,
            actions: storm::actions(extent, &mut weather),
        }
    }
}

impl Plan {
    /// Returns how long the database or the broker is away at most.
    pub(super) fn longest_outage_ms(&self) -> u64 {
        let of_servers = self.actions.iter().filter(|action| {
            let victim = action.what.victim();
            victim.is_some_and(Part::is_server)
        });
        let longest = of_servers.map(|action| action.what.lasts_ms()).max();
        longest.unwrap_or_default()
    }
}

fn sayings(extent: Extent, random: &mut StdRng) -> Vec<Saying> {
    let count = extent.rate * extent.seconds;
    let mut turns = BTreeMap::new();
    let every_ms = 1_000 / extent.rate.max(1);
    (0..count)
        .map(|index| {
            let at_ms = index * every_ms + random.random_range(0..=every_ms / 2);
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let mut saying = saying(number, at_ms, random);
            // Whoever was silent in this place for longest speaks.
            let turn: &mut u16 = turns.entry(saying.place).or_default();
            saying.user = *turn % people_in(saying.place);
            *turn += 1;
            saying
        })
        .collect()
}

fn saying(number: u32, at_ms: u64, random: &mut StdRng) -> Saying {
    let mut chance = |share: u32| random.random_range(0..100) < share;
    let is_direct = chance(IS_DIRECT);
    // Everything that is said directly asks for an answer.
    let asks_nothing = chance(ASKS_NOTHING) && !is_direct;
    let (meets_fault, is_edited, is_deleted) =
        (chance(MEETS_FAULT), chance(IS_EDITED), chance(IS_DELETED));
    let asks = match () {
        () if asks_nothing => Asks::Nothing,
        () if meets_fault => FAULTS
            .choose(random)
            .map_or(Asks::Answer, |fault| Asks::Fault(fault)),
        () => Asks::Answer,
    };
    let change = match () {
        // A word about a fault under a message that is gone names nobody whom it answers.
        () if is_deleted && !matches!(asks, Asks::Fault(_)) => {
            Some((random.random_range(0..6_000), Change::Delete))
        }
        () if is_edited => Some((random.random_range(0..12_000), Change::Edit)),
        () => None,
    };
    let place = if is_direct {
        Spot::Direct
    } else {
        Spot::Channel {
            server: random.random_range(0..SERVERS),
            channel: random.random_range(0..CHANNELS),
        }
    };
    Saying {
        number,
        at_ms,
        place,
        user: 0,
        asks,
        parts: random.random_range(PARTS),
        wants_thread: false,
        change,
    }
}

fn people_in(place: Spot) -> u16 {
    if place.is_direct() { DIRECT } else { PEOPLE }
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
