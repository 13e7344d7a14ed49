//! The arithmetic of rate limits, without clock, lock or task: time comes in as an argument.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// The span over which Discord counts requests against its global limit.
const GLOBAL_SPAN: Duration = Duration::from_secs(1);

/// The part of it, a quarter, over which usual requests are spread: in one burst they would take all
/// places of a second.
const SMOOTH_SPAN: Duration = Duration::from_millis(250);
const SMOOTH_PARTS: usize = 4;

/// What is known about one bucket: how many requests are free, and when they are again.
#[derive(Debug, Default)]
pub(crate) struct Window {
    known: Option<Known>,
    blocked_until: Option<Instant>,
}

#[derive(Debug)]
struct Known {
    limit: u32,
    remaining: u32,
    reset_at: Instant,
    /// The longest time to a reset that was seen: how long a whole window is.
    period: Duration,
}

/// What an answer's headers say about its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_after: Duration,
}

impl Window {
    /// Returns when a request can be sent that has `ahead` others before it.
    ///
    /// A guess for later windows, exact for the first in line.
    pub(crate) fn ready_at(&self, now: Instant, ahead: u32) -> Instant {
        let open_at = self.blocked_until.map_or(now, |until| until.max(now));
        let Some(known) = &self.known else {
            return open_at;
        };
        let free = if known.reset_at <= now {
            known.limit
        } else {
            known.remaining
        };
        if ahead < free {
            return open_at;
        }
        let windows = (ahead - free) / known.limit.max(1);
        let first = known.reset_at.max(now);
        open_at.max(first + known.period.saturating_mul(windows))
    }

    /// Counts a request that is sent now.
    pub(crate) fn take(&mut self, now: Instant) {
        if let Some(known) = &mut self.known {
            if known.reset_at <= now {
                known.remaining = known.limit;
                known.reset_at = now + known.period;
            }
            known.remaining = known.remaining.saturating_sub(1);
        }
    }

    /// Takes over what an answer said.
    pub(crate) fn learn(&mut self, now: Instant, budget: Budget) {
        let period = self
            .known
            .as_ref()
            .map_or(Duration::ZERO, |known| known.period);
        self.known = Some(Known {
            limit: budget.limit.max(1),
            remaining: budget.remaining,
            reset_at: now + budget.reset_after,
            period: period.max(budget.reset_after),
        });
    }

    /// Keeps the bucket shut for a while, as a 429 demands.
    pub(crate) fn block(&mut self, now: Instant, wait: Duration) {
        let until = now + wait;
        self.blocked_until = Some(self.blocked_until.map_or(until, |before| before.max(until)));
    }

    /// Tells whether nothing would be lost by forgetting the bucket.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.blocked_until.is_none_or(|until| until <= now)
            && self
                .known
                .as_ref()
                .is_none_or(|known| known.reset_at <= now)
    }
}

/// Whether a request counts towards the bot's global limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It does: it carries the bot token.
    Bot,
    /// It does not: its address carries a token of its own.
    Token,
}

/// Who goes first where not all can go at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// People have waited for it already.
    First,
    /// Spread over the second, so that what goes first finds a place soon.
    Usual,
    /// Only while half of the pace is not used.
    Last,
}

/// A place among those that wait for the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    rank: Rank,
    number: u64,
}

/// The limits over all buckets: so many requests in any second, and the stops that Discord orders.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What all processes together may send in a second.
    global: usize,
    /// Our share of it.
    per_second: usize,
    /// When the last `per_second` requests were sent, oldest first.
    sent: VecDeque<Instant>,
    /// Who waits, in the order in which they go.
    waiting: BTreeSet<Ticket>,
    next_number: u64,
    /// A global 429: requests with the bot token wait.
    stopped_until: Option<Instant>,
    /// A 429 of Cloudflare, against our address: everything waits.
    banned_until: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(global: u32) -> Self {
        let global = usize::try_from(global.max(1)).unwrap_or(usize::MAX);
        Self {
            global,
            per_second: global,
            sent: VecDeque::new(),
            waiting: BTreeSet::new(),
            next_number: 0,
            stopped_until: None,
            banned_until: None,
        }
    }

    /// Takes an equal share of the global limit, at least one request a second.
    pub(crate) fn share(&mut self, processes: u32) {
        let processes = usize::try_from(processes.max(1)).unwrap_or(usize::MAX);
        self.per_second = (self.global / processes).max(1);
        // The newest that still count, so that the oldest of them tells when the next may leave.
        let surplus = self.sent.len().saturating_sub(self.per_second);
        self.sent.drain(..surplus);
    }

    /// Gives out a place behind all of this rank; [`Pace::leave`] gives it back.
    pub(crate) fn queue(&mut self, rank: Rank) -> Ticket {
        let ticket = Ticket {
            rank,
            number: self.next_number,
        };
        self.next_number += 1;
        self.waiting.insert(ticket);
        ticket
    }

    /// Takes the place back; that of who was sent is gone already.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Counts a request that is sent now, if it may be; otherwise returns when, as far as it is
    /// known now: others may go before it then, or have left.
    pub(crate) fn send(&mut self, now: Instant, ticket: Ticket) -> Result<(), Instant> {
        let ahead = self.waiting.range(..ticket).count();
        let global = match ticket.rank {
            Rank::First | Rank::Usual => self.per_second,
            Rank::Last => self.per_second.div_ceil(2),
        };
        let mut at = self.open_at(now, Scope::Bot);
        at = at.max(self.room_at(now, ahead, (global, GLOBAL_SPAN)));
        if ticket.rank != Rank::First {
            let smooth = self.per_second.div_ceil(SMOOTH_PARTS);
            at = at.max(self.room_at(now, ahead, (smooth, SMOOTH_SPAN)));
        }
        if at > now {
            return Err(at);
        }
        if self.sent.len() >= self.per_second {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        self.leave(ticket);
        Ok(())
    }

    /// Returns when there is room for one more behind so many others, where `most` may be sent in a
    /// span: each leaves a span after the one that is `most` before it.
    fn room_at(&self, now: Instant, ahead: usize, (most, span): (usize, Duration)) -> Instant {
        let spans = ahead / most + 1;
        let after = |spans| span.saturating_mul(u32::try_from(spans).unwrap_or(u32::MAX));
        let before = (self.sent.len() + ahead).checked_sub(spans * most);
        match before.and_then(|before| self.sent.get(before)) {
            Some(sent) => *sent + after(spans),
            None => now + after(spans.saturating_sub(1)),
        }
    }

    /// Returns when the stops are over for requests of this kind.
    pub(crate) fn open_at(&self, now: Instant, scope: Scope) -> Instant {
        let banned = self.banned_until.unwrap_or(now);
        let stopped = self
            .stopped_until
            .filter(|_| scope == Scope::Bot)
            .unwrap_or(now);
        now.max(banned).max(stopped)
    }

    /// Obeys a global 429. Returns whether it is a new stop, rather than one more answer to what
    /// had left before the stop was known.
    pub(crate) fn stop(&mut self, now: Instant, until: Instant) -> bool {
        extend(&mut self.stopped_until, now, until)
    }

    /// Obeys a 429 of Cloudflare. Returns whether it is a new ban.
    pub(crate) fn ban(&mut self, now: Instant, until: Instant) -> bool {
        extend(&mut self.banned_until, now, until)
    }
}

/// Lets a stop hold at least until then. Returns whether none was in force.
fn extend(stop: &mut Option<Instant>, now: Instant, until: Instant) -> bool {
    let in_force = stop.filter(|before| *before > now);
    *stop = Some(in_force.map_or(until, |before| before.max(until)));
    in_force.is_none()
}

#[cfg(test)]
mod tests;
