//! This worker's heartbeat and its view of all others.
//!
//! Two tasks run until shutdown: one writes a heartbeat four times a second while every intake
//! loop ticks, one watches the bucket. What they learn is read by everybody else without waiting.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::kv;
use bytes::Bytes;
use futures_util::StreamExt;
use proto::subject::Partition;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::roster::{Heartbeat, Roster, STEADY};
use crate::metrics;

/// Time between two heartbeats. With a beat each second a death would be certain after up to 8 s,
/// all that a killed reply may take to go on.
pub(super) const HEARTBEAT_EVERY: Duration = Duration::from_millis(250);

/// The same while somebody seems to have died: a death is certain with the third beat of a witness
/// that is later by more than [`EXPIRY`](super::roster::EXPIRY), 5.3 s after the last one at the latest.
const WITNESS_EVERY: Duration = Duration::from_millis(100);

/// How old the last acknowledged heartbeat may be for a post to be sent (DESIGN §4): with a send
/// deadline of 10 s the last byte leaves 12.5 s after it, before the 15 s at which a successor
/// begins to look for what was in doubt.
pub(crate) const FRESH: Duration = Duration::from_millis(2500);

/// An intake loop that has not ticked for this long stops the heartbeat.
const STALLED: Duration = Duration::from_secs(2);

/// A heartbeat that is not acknowledged by then is given up; the next one is due.
const ACK_WITHIN: Duration = Duration::from_secs(2);

/// The beat of the intake loops of this process.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    beats: Mutex<HashMap<Partition, Instant>>,
}

impl Pulse {
    /// Notes that the loop of this partition runs.
    pub(crate) fn beat(&self, partition: Partition) {
        lock(&self.beats).insert(partition, Instant::now());
    }

    /// Watches the loop of this partition until the guard is dropped, however the loop ends.
    pub(crate) fn watch(self: &Arc<Self>, partition: Partition) -> Watched {
        self.beat(partition);
        Watched {
            pulse: Arc::clone(self),
            partition,
        }
    }

    fn is_steady(&self) -> bool {
        lock(&self.beats)
            .values()
            .all(|beat| beat.elapsed() < STALLED)
    }
}

/// A loop that has to beat.
#[derive(Debug)]
pub(crate) struct Watched {
    pulse: Arc<Pulse>,
    partition: Partition,
}

impl Drop for Watched {
    fn drop(&mut self) {
        lock(&self.pulse.beats).remove(&self.partition);
    }
}

/// Who is alive, and whether this worker is known to be.
#[derive(Clone, Debug)]
pub struct Presence {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    me: Arc<str>,
    bucket: kv::Store,
    nats: async_nats::Client,
    pulse: Arc<Pulse>,
    draining: AtomicBool,
    /// Has taken its share of the partitions; what it takes once it does not leave to others again.
    takes_part: AtomicBool,
    roster: Mutex<Roster>,
    acknowledged: Mutex<Acknowledged>,
    connection: Mutex<Connection>,
    changed: watch::Sender<u64>,
    /// The newest revision of the bucket that the watch has delivered.
    heard: watch::Sender<u64>,
}

/// The heartbeats that were acknowledged.
#[derive(Debug, Default)]
struct Acknowledged {
    /// When the request of the last one was sent: the careful end.
    last: Option<Instant>,
    run: u64,
}

impl Acknowledged {
    /// Notes a heartbeat; one that comes too late to have kept this worker fresh begins a new run.
    fn note(&mut self, sent: Instant) {
        if self.run().is_none() {
            self.run += 1;
        }
        self.last = Some(sent);
    }

    fn run(&self) -> Option<u64> {
        let is_fresh = self.last.is_some_and(|sent| sent.elapsed() < FRESH);
        is_fresh.then_some(self.run)
    }
}

#[derive(Debug)]
struct Connection {
    connects: u64,
    since: Instant,
}

impl Presence {
    /// A worker that nobody has heard of yet; [`Presence::announce`] tells of it.
    pub(crate) fn new(
        me: Arc<str>,
        nats: async_nats::Client,
        bucket: kv::Store,
        pulse: Arc<Pulse>,
    ) -> Self {
        let connects = nats.statistics().connects.load(Ordering::Relaxed);
        let shared = Shared {
            roster: Mutex::new(Roster::new(&me)),
            me,
            bucket,
            nats,
            pulse,
            draining: AtomicBool::new(false),
            takes_part: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            connection: Mutex::new(Connection {
                connects,
                since: Instant::now(),
            }),
            changed: watch::Sender::new(0),
            heard: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Starts heartbeat and watch; the task ends when `stop` fires, or when one of them panics.
    pub(crate) fn spawn(&self, tracker: &TaskTracker, stop: &CancellationToken) -> JoinHandle<()> {
        let (beating, watching) = (self.clone(), self.clone());
        let stop = stop.clone();
        tracker.spawn(async move {
            // Boxed: the state of a watch is large.
            let both = async {
                tokio::join!(beating.beat(), Box::pin(watching.watch()));
            };
            stop.run_until_cancelled(both).await;
        })
    }

    /// Tells whether a heartbeat was acknowledged so lately that this worker may post.
    pub fn is_fresh(&self) -> bool {
        self.run().is_some()
    }

    /// Returns the unbroken run of acknowledged heartbeats that this moment belongs to, `None`
    /// while this worker may not post. Nobody judges a worker dead within a run: what was its own
    /// then is its own still.
    pub(crate) fn run(&self) -> Option<u64> {
        lock(&self.shared.acknowledged).run()
    }

    /// Returns the workers among which partitions are shared out, in the order of their names.
    pub(crate) fn candidates(&self) -> Vec<String> {
        lock(&self.shared.roster).candidates()
    }

    /// Returns how many workers share Discord's limits, this one included.
    pub(crate) fn sharers(&self) -> usize {
        lock(&self.shared.roster).sharers()
    }

    /// Returns a receiver that wakes at every change of the roster.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Returns how often the connection was made; another number means a reconnect.
    pub(crate) fn connects(&self) -> u64 {
        self.shared
            .nats
            .statistics()
            .connects
            .load(Ordering::Relaxed)
    }

    /// Tells whether that worker is proven dead: its own key is read again, so that a heartbeat
    /// which the watch has not delivered yet still counts.
    pub(crate) async fn is_dead(&self, worker: &str) -> bool {
        if worker == &*self.shared.me || !self.may_judge() {
            return false;
        }
        let is_unknown = lock(&self.shared.roster).last_heartbeat(worker).is_none();
        if is_unknown && !self.has_heard_everything().await {
            return false;
        }
        let read = timeout(ACK_WITHIN, self.shared.bucket.entry(worker)).await;
        let roster = lock(&self.shared.roster);
        // A direct read may be old where the bucket is replicated: the watch must agree.
        let heard_of = roster.last_heartbeat(worker);
        let is_silent = heard_of.is_none_or(|last| roster.proves_dead(last));
        is_silent
            && match read {
                Ok(Ok(Some(entry))) if entry.operation == kv::Operation::Put => {
                    roster.proves_dead(entry.created.unix_timestamp_nanos())
                }
                // Gone by age or by its own word.
                Ok(Ok(_)) => true,
                Ok(Err(_)) | Err(_) => false,
            }
    }

    /// Tells whether the watch has delivered everything that was written until now: a heartbeat of
    /// our own that is sent now has come back.
    async fn has_heard_everything(&self) -> bool {
        let Ok(revision) = self.announce().await else {
            return false;
        };
        let mut heard = self.shared.heard.subscribe();
        let hearing = heard.wait_for(|newest| *newest >= revision);
        timeout(ACK_WITHIN, hearing)
            .await
            .is_ok_and(|heard| heard.is_ok())
    }

    /// Tells whether nothing that a dead worker sent can still arrive at Discord.
    pub(crate) fn is_past_in_flight(&self, worker: &str) -> bool {
        lock(&self.shared.roster).is_past_in_flight(worker)
    }

    /// Says that this worker takes no more work; its partitions go to others at once.
    pub(crate) async fn drain(&self) -> anyhow::Result<()> {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.announce().await?;
        Ok(())
    }

    /// Says that this worker is gone.
    pub(crate) async fn leave(&self) -> anyhow::Result<()> {
        timeout(ACK_WITHIN, self.shared.bucket.delete(&*self.shared.me)).await??;
        Ok(())
    }

    fn may_judge(&self) -> bool {
        let steady = lock(&self.shared.connection).since.elapsed() >= STEADY;
        steady && lock(&self.shared.roster).has_witnesses()
    }

    /// Says whether this worker takes partitions. A newcomer waits until it may judge, unless
    /// nobody else may.
    fn heartbeat(&self) -> Heartbeat {
        let steady = self.may_judge();
        if steady || lock(&self.shared.roster).newcomer_takes_part() {
            self.shared.takes_part.store(true, Ordering::Relaxed);
        }
        let is_leaving = self.shared.draining.load(Ordering::Relaxed);
        Heartbeat {
            draining: is_leaving || !self.shared.takes_part.load(Ordering::Relaxed),
            steady,
        }
    }

    async fn beat(self) {
        let mut next = Instant::now();
        loop {
            sleep_until(next).await;
            next = Instant::now() + self.until_next_beat();
            self.note_reconnect();
            self.shared
                .changed
                .send_modify(|turn| *turn = turn.wrapping_add(1));
            if !self.shared.pulse.is_steady() {
                metrics::heartbeat("withheld");
                tracing::warn!("an intake loop stalls: heartbeat withheld");
                continue;
            }
            match self.announce().await {
                Ok(_revision) => metrics::heartbeat("acknowledged"),
                Err(error) => {
                    metrics::heartbeat("failed");
                    tracing::warn!(%error, "heartbeat not acknowledged");
                }
            }
        }
    }

    fn until_next_beat(&self) -> Duration {
        if lock(&self.shared.roster).suspects_somebody() {
            WITNESS_EVERY
        } else {
            HEARTBEAT_EVERY
        }
    }

    fn note_reconnect(&self) {
        let connects = self.connects();
        let mut connection = lock(&self.shared.connection);
        if connection.connects != connects {
            *connection = Connection {
                connects,
                since: Instant::now(),
            };
            lock(&self.shared.roster).interrupted();
        }
    }

    /// Sends one heartbeat; returns its revision in the bucket once it is acknowledged.
    pub(crate) async fn announce(&self) -> anyhow::Result<u64> {
        let payload = Bytes::from(serde_json::to_vec(&self.heartbeat())?);
        let sent = Instant::now();
        let putting = self.shared.bucket.put(&*self.shared.me, payload);
        let revision = timeout(ACK_WITHIN, putting).await??;
        lock(&self.shared.acknowledged).note(sent);
        Ok(revision)
    }

    async fn watch(self) {
        loop {
            match self.shared.bucket.watch_with_history(">").await {
                Ok(entries) => self.follow(entries).await,
                Err(error) => tracing::warn!(%error, "cannot watch the workers' bucket"),
            }
            lock(&self.shared.roster).interrupted();
            tokio::time::sleep(HEARTBEAT_EVERY).await;
        }
    }

    async fn follow(&self, mut entries: kv::Watch) {
        while let Some(entry) = entries.next().await {
            match entry {
                Ok(entry) => self.take(&entry),
                Err(error) => {
                    tracing::warn!(%error, "the watch on the workers' bucket broke");
                    return;
                }
            }
        }
    }

    fn take(&self, entry: &kv::Entry) {
        let mut roster = lock(&self.shared.roster);
        match entry.operation {
            kv::Operation::Put => {
                let says = serde_json::from_slice(&entry.value).unwrap_or(Heartbeat {
                    draining: false,
                    steady: true,
                });
                roster.heard(&entry.key, entry.created.unix_timestamp_nanos(), says);
            }
            kv::Operation::Delete | kv::Operation::Purge => roster.left(&entry.key),
        }
        drop(roster);
        self.shared.heard.send_replace(entry.revision);
        self.shared
            .changed
            .send_modify(|turn| *turn = turn.wrapping_add(1));
    }
}

/// A panic while one of these small locks is held cannot leave its value half written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_after_a_break_begins_another_run() {
        let mut acknowledged = Acknowledged::default();
        assert_eq!(acknowledged.run(), None);
        acknowledged.note(Instant::now());
        let first = acknowledged.run();
        tokio::time::advance(HEARTBEAT_EVERY).await;
        acknowledged.note(Instant::now());
        assert!(first.is_some() && acknowledged.run() == first);
        tokio::time::advance(FRESH).await;
        assert_eq!(acknowledged.run(), None);
        acknowledged.note(Instant::now());
        assert!(acknowledged.run() > first);
    }
}
