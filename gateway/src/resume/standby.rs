//! Waiting for a shard until it is surely nobody's.
//!
//! A shard that was given back is free at once, and so is one whose last holder ran in our very
//! place. Anybody else's is taken when the holder is silent while our own writes are acknowledged:
//! a broker that pauses makes both silent and expires nobody.

use std::time::Duration;

use runtime::admin::Health;
use tokio::time::{MissedTickBehavior, timeout};

use super::holder::Holder;
use super::lease;
use super::store::{Error, Found, Place, TakenOver};

/// Between two looks; each is a write of our own.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One look; the broker answers within milliseconds or is away.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);

/// Looks that must have been answered in a row before a holder is judged: after the broker was
/// away, a living holder has that many seconds to come back.
const ANSWERED: u32 = 6;

/// The last looks that must all show a silence longer than the lease.
const SILENT: u32 = 3;

/// Somebody who wants a shard.
#[derive(Debug)]
pub struct Standby {
    place: Place,
    holder: Holder,
    health: Health,
    /// Whether a holder of our own place is gone for sure: it is at the start, and not once we
    /// held the shard ourselves and lost it.
    is_first: bool,
    /// Whether there was an entry, so that its absence means another number of shards.
    was_there: bool,
}

/// What a look leads to.
#[derive(Debug)]
enum Look {
    /// The shard is ours.
    Taken(Box<TakenOver>),
    /// Somebody holds it.
    Held,
    /// Nobody knows.
    Unclear,
}

impl Standby {
    /// Gets in line for a shard.
    pub const fn new(place: Place, holder: Holder, health: Health) -> Self {
        Self {
            place,
            holder,
            health,
            is_first: true,
            was_there: false,
        }
    }

    /// Waits until the shard is nobody's and takes it; `waits` is called when that takes a while.
    ///
    /// Cancel safe: no; dropped midway the shard may be ours without anybody serving it, until
    /// its lease has run out.
    ///
    /// # Errors
    /// [`Error::Forgotten`]: the shard does not exist any more.
    pub async fn take(&mut self, mut waits: impl FnMut()) -> Result<TakenOver, Error> {
        let mut judge = Judge::default();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.health.tick();
            match self.look_and_take(&mut judge).await {
                Ok(Look::Taken(taken)) => {
                    self.is_first = false;
                    return Ok(*taken);
                }
                Ok(Look::Held) => waits(),
                Ok(Look::Unclear) => {}
                Err(Error::Forgotten) => return Err(Error::Forgotten),
                Err(error) => {
                    judge.unanswered();
                    tracing::warn!(shard = self.place.shard(), %error, "waiting for the resume point");
                }
            }
        }
    }

    async fn look_and_take(&mut self, judge: &mut Judge) -> Result<Look, Error> {
        let Ok(found) = timeout(LOOK_DEADLINE, self.place.look(&self.holder)).await else {
            judge.unanswered();
            return Ok(Look::Unclear);
        };
        let found = found?;
        if found.is_new() && self.was_there {
            return Err(Error::Forgotten);
        }
        self.was_there = !found.is_new();
        if !self.is_free(&found, judge) {
            return Ok(Look::Held);
        }
        let taken = self.place.take(found, &self.holder).await?;
        // Somebody was faster: the next look tells who.
        Ok(taken.map_or(Look::Unclear, |taken| Look::Taken(Box::new(taken))))
    }

    fn is_free(&self, found: &Found, judge: &mut Judge) -> bool {
        let is_silent = judge.is_silent(found.silent());
        let holder = found.holder();
        // Our own name: the answer to an earlier take-over was lost.
        let is_nobody = holder.is_empty() || self.holder.is(holder);
        is_nobody || is_silent || (self.is_first && self.holder.follows(holder))
    }
}

/// Counts looks. Pure.
#[derive(Debug, Default)]
struct Judge {
    answered: u32,
    silent: u32,
}

impl Judge {
    /// Notes a look that nobody answered in time: whatever was seen before proves nothing.
    fn unanswered(&mut self) {
        *self = Self::default();
    }

    /// Notes a look and tells whether the holder is gone.
    fn is_silent(&mut self, silence: Duration) -> bool {
        self.answered += 1;
        self.silent = if silence > lease::LENGTH {
            self.silent + 1
        } else {
            0
        };
        self.answered >= ANSWERED && self.silent >= SILENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_secs(5);

    #[test]
    fn a_holder_is_gone_after_three_silent_looks_of_six_answered_ones() {
        let mut judge = Judge::default();
        let seen: Vec<_> = (0..7).map(|_| judge.is_silent(LONG)).collect();
        assert_eq!(seen, [false, false, false, false, false, true, true]);
        let mut judge = Judge::default();
        assert!((0..100).all(|_| !judge.is_silent(SHORT)));
        let seen: Vec<_> = (0..3).map(|_| judge.is_silent(LONG)).collect();
        assert_eq!(seen, [false, false, true]);
    }

    #[test]
    fn a_broker_that_was_away_expires_nobody() {
        let mut judge = Judge::default();
        for _ in 0..5 {
            judge.is_silent(LONG);
        }
        judge.unanswered();
        assert!((0..5).all(|_| !judge.is_silent(LONG)));
        judge.is_silent(SHORT);
        assert!((0..2).all(|_| !judge.is_silent(LONG)));
        assert!(judge.is_silent(LONG));
    }
}
