//! Reads the bucket of who must not be heard, and proves each second that it does.

use std::time::Duration;

use async_nats::jetstream::kv::Store as Bucket;
use proto::privacy::{Key, PROBE_EVERY, Probe, Ready};
use runtime::admin::Check;
use runtime::nats::entries::{Entries, Entry};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Door;
use crate::link::Link;
use crate::metrics;

/// How long a probe is waited for; the next one is due then, and one that arrives later counts.
const PROBE_WITHIN: Duration = PROBE_EVERY;

/// Least time between a change and the probe that reports it: many changes at once are one report.
const REPORT_AFTER: Duration = Duration::from_millis(100);

/// Between two attempts to watch: a broker that is there answers within milliseconds.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// One attempt to watch.
const WATCH_WITHIN: Duration = Duration::from_secs(5);

/// Whether the door is still open is looked at this often for health and metrics; words are judged
/// by the moment.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Opens and closes a door.
#[derive(Debug)]
pub struct Watch {
    door: Door,
    bucket: Bucket,
    link: Link,
    /// Names this run of the gateway among all: letters and digits.
    name: String,
    grace: Duration,
    /// Wakes the probes when there is something to report.
    news: Notify,
}

impl Watch {
    /// Watches the bucket for a door that stays open for `grace`.
    pub fn new(door: Door, bucket: Bucket, link: Link, grace: Duration) -> Self {
        Self {
            door,
            bucket,
            link,
            name: format!("{:016x}", rand::random::<u64>()),
            grace,
            news: Notify::new(),
        }
    }

    /// Watches until told to stop, then takes its probe away: nobody need wait for this gateway.
    pub async fn run(self, check: Check, stop: CancellationToken) {
        let working = async {
            tokio::join!(self.read(), self.probe(), self.show(&check));
        };
        stop.run_until_cancelled(working).await;
        check.set(false);
        let leaving = self.bucket.delete(self.key());
        if let Ok(Err(error)) = timeout(PROBE_WITHIN, leaving).await {
            tracing::debug!(%error, "the probe stays until a worker removes it");
        }
    }

    /// Reads the bucket again and again, each time from its beginning.
    async fn read(&self) {
        loop {
            self.link.connected().await;
            match timeout(WATCH_WITHIN, Entries::open(&self.bucket)).await {
                Ok(Ok(entries)) => {
                    // What was known goes: a probe that is sent from here on comes back behind
                    // everything that counts.
                    self.door.state().begin();
                    self.news.notify_one();
                    self.follow(entries).await;
                }
                Ok(Err(error)) => tracing::warn!(%error, "the privacy bucket cannot be watched"),
                Err(_elapsed) => {}
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    /// Follows a watch until it breaks. One that stays silent for as long as the door may stay open
    /// is broken: our own probes are in it.
    async fn follow(&self, mut entries: Entries) {
        loop {
            match timeout(self.grace, entries.next()).await {
                Ok(Ok(entry)) => self.take(&entry),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the watch on the privacy bucket broke");
                    return;
                }
                Err(_elapsed) => {
                    tracing::warn!("the watch on the privacy bucket is silent: it begins anew");
                    return;
                }
            }
        }
    }

    fn take(&self, entry: &Entry) {
        let key = Key::parse(&entry.key);
        let is_there = entry.is_there;
        let is_whole = {
            let mut state = self.door.state();
            state.read(entry.revision);
            match key {
                Some(Key::User(user)) if is_there => state.hide(user),
                Some(Key::User(user)) => state.show(user),
                Some(Key::Ready) => {
                    state.set_ready(is_there && Ready::read(&entry.value).is_some());
                }
                Some(Key::Probe(name)) if is_there && name == self.name => {
                    state.came_back(Probe::read(&entry.value).beat);
                }
                Some(Key::Probe(_)) | None => {}
            }
            state.is_whole(Instant::now())
        };
        match key {
            Some(Key::User(_)) => self.news.notify_one(),
            Some(Key::Ready | Key::Probe(_)) if is_whole => self.door.opened(),
            Some(Key::Ready | Key::Probe(_)) | None => {}
        }
    }

    /// Writes probes: each second, and shortly after a change was read.
    async fn probe(&self) {
        let mut tick = interval(PROBE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.news.notified() => sleep(REPORT_AFTER).await,
            }
            self.link.connected().await;
            let probe = self.door.state().probe(Instant::now());
            let writing = self.bucket.put(self.key(), probe.to_value().into());
            if let Ok(Err(error)) = timeout(PROBE_WITHIN, writing).await {
                tracing::debug!(%error, "a probe of the privacy bucket is not written");
            }
        }
    }

    /// Shows how the door is.
    async fn show(&self, check: &Check) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_whole = false;
        loop {
            tick.tick().await;
            let now = Instant::now();
            let (is_whole, age, users) = {
                let state = self.door.state();
                let users = state.users().len();
                (state.is_whole(now), state.proof_age(now), users)
            };
            check.set(is_whole);
            metrics::door(is_whole, age, users);
            if was_whole != is_whole {
                was_whole = is_whole;
                tracing::info!(is_whole, "the door for what people say has changed");
            }
        }
    }

    fn key(&self) -> String {
        Key::Probe(&self.name).to_string()
    }
}
