//! The rate limiter: who may send, in which order, and when.
//!
//! Requests of one bucket go out one at a time and first come, first served; what their answers
//! say is known before the next leaves. Those that may leave wait for the pace over all, some before
//! others. The arithmetic is in [`bucket`].

mod bucket;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until, timeout_at};

pub(crate) use self::bucket::{Budget, Rank, Scope};
use self::bucket::{Pace, Ticket, Window};
use crate::stop::{Stop, Whose};

/// How many buckets are kept before idle ones are looked for.
const SWEEP_AT: usize = 4096;

/// Who waits for the pace looks again after this at the latest.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A slot that is used later than this waits for the pace anew. What is sent up to a tenth of a
/// second after it was counted makes 45 requests a second 49.5 at worst; Discord allows 50.
const SLOT_HOLDS: Duration = Duration::from_millis(100);

/// A route as far as limits go: method, template, and the id that limits are kept apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RouteKey {
    pub(crate) method: &'static str,
    pub(crate) template: &'static str,
    /// The channel, server or webhook; for routes with a token, a hash of it.
    pub(crate) major: u64,
}

/// The wait would be longer than the caller has time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLate {
    /// Until when the limit holds, where it is known.
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Limiter {
    buckets: Mutex<Buckets>,
    pace: Mutex<Pace>,
}

#[derive(Debug)]
struct Buckets {
    by_key: HashMap<BucketKey, Arc<Bucket>>,
    /// Which bucket Discord counts a route in, as its answers told.
    hashes: HashMap<(&'static str, &'static str), Arc<str>>,
    sweep_at: usize,
}

/// Method and major id keep buckets of one hash apart: Discord reuses hashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct BucketKey {
    method: &'static str,
    id: BucketId,
    major: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum BucketId {
    /// Before the first answer.
    Template(&'static str),
    /// Afterwards.
    Hash(Arc<str>),
}

#[derive(Debug, Default)]
struct Bucket {
    window: Mutex<Window>,
    /// Fair: waiters pass in the order in which they came.
    turnstile: Arc<Turnstile<()>>,
    waiting: AtomicU32,
}

/// The right to send in one bucket, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<Limiter>,
    bucket: Arc<Bucket>,
    route: RouteKey,
    scope: Scope,
    rank: Rank,
    deadline: Instant,
    _turn: OwnedMutexGuard<()>,
}

/// A slot under Discord's limits: one request with the bot token may leave now. It is given up when
/// it is dropped.
#[derive(Debug)]
pub struct Slot {
    permit: Permit,
    taken_at: Instant,
}

impl Slot {
    pub(crate) fn of(permit: Permit) -> Self {
        Self {
            permit,
            taken_at: Instant::now(),
        }
    }

    /// Returns the permit when the request may leave: at once, unless the slot was held for long or
    /// a stop has come meanwhile. The place in the bucket stays taken.
    pub(crate) async fn open(mut self, deadline: Instant) -> Result<Permit, TooLate> {
        self.permit.deadline = deadline;
        let now = Instant::now();
        let open_at = lock(&self.permit.limiter.pace).open_at(now, Scope::Bot);
        if open_at > now || self.taken_at.elapsed() > SLOT_HOLDS {
            self.permit.paced().await?;
        }
        Ok(self.permit)
    }
}

impl Limiter {
    pub(crate) fn new(global_rps: u32) -> Self {
        Self {
            buckets: Mutex::new(Buckets {
                by_key: HashMap::new(),
                hashes: HashMap::new(),
                sweep_at: SWEEP_AT,
            }),
            pace: Mutex::new(Pace::new(global_rps)),
        }
    }

    /// Divides the global limit by so many processes.
    pub(crate) fn share(&self, processes: u32) {
        lock(&self.pace).share(processes);
    }

    /// Obeys an order to stop. Returns whether it is a new one.
    pub(crate) fn stop(&self, stop: Stop) -> bool {
        let now = Instant::now();
        let until = now + stop.wait;
        let mut pace = lock(&self.pace);
        match stop.whose {
            Whose::Bot => pace.stop(now, until),
            Whose::Address => pace.ban(now, until),
        }
    }

    /// Waits for the bucket's turn; whoever comes too late for the deadline is told at once.
    ///
    /// Cancel safe: yes; dropped, it only loses its place.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        route: RouteKey,
        (scope, rank): (Scope, Rank),
        deadline: Instant,
    ) -> Result<Permit, TooLate> {
        let mut bucket = lock(&self.buckets).bucket(&route);
        let mut turn = bucket.wait_turn(deadline).await?;
        // The first answer may have moved the route to another bucket meanwhile. The old turn is
        // held until the new one is there, so that nobody overtakes.
        loop {
            let current = lock(&self.buckets).bucket(&route);
            if Arc::ptr_eq(&current, &bucket) {
                break;
            }
            turn = current.wait_turn(deadline).await?;
            bucket = current;
        }
        Ok(Permit {
            limiter: Arc::clone(self),
            bucket,
            route,
            scope,
            rank,
            deadline,
            _turn: turn,
        })
    }
}

impl Bucket {
    async fn wait_turn(&self, deadline: Instant) -> Result<OwnedMutexGuard<()>, TooLate> {
        let now = Instant::now();
        let place = Place::take(&self.waiting);
        let ready_at = lock(&self.window).ready_at(now, place.ahead);
        if ready_at > deadline {
            return Err(TooLate {
                retry_after: Some(ready_at - now),
            });
        }
        timeout_at(deadline, Arc::clone(&self.turnstile).lock_owned())
            .await
            .map_err(|_elapsed| TooLate { retry_after: None })
    }
}

/// A place in a bucket's queue.
struct Place<'a> {
    waiting: &'a AtomicU32,
    ahead: u32,
}

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicU32) -> Self {
        Self {
            waiting,
            ahead: waiting.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Somebody who waits for the pace.
struct Waiting<'a> {
    pace: &'a Mutex<Pace>,
    ticket: Ticket,
}

impl<'a> Waiting<'a> {
    fn queue(pace: &'a Mutex<Pace>, rank: Rank) -> Self {
        let ticket = lock(pace).queue(rank);
        Self { pace, ticket }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.pace).leave(self.ticket);
    }
}

impl Permit {
    /// Waits until the next attempt may be sent, and counts it.
    ///
    /// Cancel safe: yes; dropped, it only loses its place.
    pub(crate) async fn ready(&mut self) -> Result<(), TooLate> {
        loop {
            let now = Instant::now();
            let ready_at = lock(&self.bucket.window).ready_at(now, 0);
            self.in_time(now, ready_at)?;
            if ready_at <= now {
                break;
            }
            sleep_until(ready_at).await;
        }
        match self.scope {
            Scope::Bot => self.paced().await?,
            Scope::Token => self.open().await?,
        }
        lock(&self.bucket.window).take(Instant::now());
        Ok(())
    }

    /// Waits for the pace and for the end of every stop. It looks again and again, for others may
    /// come that go first, or leave, and a stop that comes meanwhile holds for who waits, too.
    async fn paced(&self) -> Result<(), TooLate> {
        let waiting = Waiting::queue(&self.limiter.pace, self.rank);
        loop {
            let now = Instant::now();
            let sent = lock(waiting.pace).send(now, waiting.ticket);
            let Err(at) = sent else { return Ok(()) };
            self.in_time(now, at)?;
            sleep_until(at.min(now + LOOK_EVERY)).await;
        }
    }

    /// Waits for the end of a stop that holds for requests with a token of their own.
    async fn open(&self) -> Result<(), TooLate> {
        loop {
            let now = Instant::now();
            let open_at = lock(&self.limiter.pace).open_at(now, Scope::Token);
            self.in_time(now, open_at)?;
            if open_at <= now {
                return Ok(());
            }
            sleep_until(open_at).await;
        }
    }

    fn in_time(&self, now: Instant, at: Instant) -> Result<(), TooLate> {
        if at > self.deadline {
            Err(TooLate {
                retry_after: Some(at - now),
            })
        } else {
            Ok(())
        }
    }

    /// Takes over what an answer said about the bucket.
    pub(crate) fn learn(&self, hash: Option<&str>, budget: Option<Budget>) {
        if let Some(hash) = hash {
            lock(&self.limiter.buckets).assign(&self.route, hash, &self.bucket);
        }
        if let Some(budget) = budget {
            let now = Instant::now();
            self.update(|window| window.learn(now, budget));
        }
    }

    /// Obeys a 429 of this bucket.
    pub(crate) fn block(&self, wait: Duration) {
        let now = Instant::now();
        self.update(|window| window.block(now, wait));
    }

    /// Changes the bucket, and the one that the route belongs to by now.
    fn update(&self, change: impl Fn(&mut Window)) {
        change(&mut lock(&self.bucket.window));
        let current = lock(&self.limiter.buckets).bucket(&self.route);
        if !Arc::ptr_eq(&current, &self.bucket) {
            change(&mut lock(&current.window));
        }
    }
}

impl Buckets {
    fn bucket(&mut self, route: &RouteKey) -> Arc<Bucket> {
        let id = match self.hashes.get(&(route.method, route.template)) {
            Some(hash) => BucketId::Hash(Arc::clone(hash)),
            None => BucketId::Template(route.template),
        };
        let key = BucketKey {
            method: route.method,
            id,
            major: route.major,
        };
        if let Some(bucket) = self.by_key.get(&key) {
            return Arc::clone(bucket);
        }
        self.sweep();
        Arc::clone(self.by_key.entry(key).or_default())
    }

    /// Notes the bucket of a route. The one in use becomes that bucket unless there is one already.
    fn assign(&mut self, route: &RouteKey, hash: &str, bucket: &Arc<Bucket>) {
        let known = self.hashes.get(&(route.method, route.template));
        let hash = match known {
            Some(known) if **known == *hash => Arc::clone(known),
            _ => Arc::from(hash),
        };
        self.hashes
            .insert((route.method, route.template), Arc::clone(&hash));
        let id = BucketId::Hash(hash);
        let key = BucketKey {
            method: route.method,
            id,
            major: route.major,
        };
        self.by_key.entry(key).or_insert_with(|| Arc::clone(bucket));
    }

    fn sweep(&mut self) {
        if self.by_key.len() < self.sweep_at {
            return;
        }
        let now = Instant::now();
        self.by_key.retain(|_, bucket| {
            Arc::strong_count(bucket) > 1 || !lock(&bucket.window).is_idle(now)
        });
        self.sweep_at = SWEEP_AT.max(2 * self.by_key.len());
    }
}

/// Locks although somebody panicked with the lock: every state in here is valid between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
