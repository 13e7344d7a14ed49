//! The provider keys: which one a call takes, what is learned from it, and which model is asked when
//! one does not answer (POOL-7 to POOL-24).
//!
//! Choosing reads a snapshot that is half a second old at most and takes no lock of the database; changes of state
//! are the database's, and every worker is told to read again. There is no client of a provider here
//! and no Discord: [`Calls::make`] is given the call.

mod attempts;
mod breaker;
mod calls;
mod choose;
mod model;
mod pick;
mod turn_keys;
mod used_key;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use llm::Provider;
use moka::future::Cache;
use proto::id::TenantId;
use proto::subject::Names;
use store::{KeyId, PoolKey, Store};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;

pub use self::attempts::{Outcome, Record};
use self::breaker::Breakers;
pub use self::calls::{CallError, Calls};
pub use self::model::{Length, Model, Order, Purse};
pub use self::turn_keys::{StandIn, TurnKeys};
use crate::patience::with_patience;

/// Pools remembered at once; each for half of [`Rules::known_within`].
const CAPACITY: u64 = 10_000;

/// Counts of use are written this often (POOL-9).
const FLUSH_EVERY: Duration = Duration::from_secs(2);

/// Counts of a key that nobody asks for are kept so long.
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a key rests after a rate limit, where the provider does not say (CFG-80).
    pub limited_rest: Duration,
    /// How long it rests after a refusal of key, account or plan (CFG-81).
    pub refused_rest: Duration,
    /// How soon every worker acts on a change of a pool (CFG-82). A snapshot may be half as old: the
    /// other half is for writing the change down, and for opening the key and calling (POOL-8).
    pub known_within: Duration,
    /// The so-manieth refusal in a row that calls a key wrong ends its use (CFG-83), 1..=100.
    pub fatal_refusals: i32,
}

/// The pools of all servers, and the providers that do not answer, as this process knows them.
pub struct KeyPools {
    store: Store,
    nats: async_nats::Client,
    names: Names,
    rules: Rules,
    tracker: TaskTracker,
    snapshots: Cache<(u64, Provider), Arc<Snapshot>>,
    tallies: Mutex<HashMap<KeyId, Tally>>,
    breakers: Breakers,
    /// Rung when a key was refused for good.
    refused: Notify,
}

/// A pool as it was.
struct Snapshot {
    keys: Vec<PoolKey>,
    read_at: Instant,
}

/// The calls of this process with one key.
#[derive(Clone, Copy)]
struct Tally {
    in_flight: u64,
    finished: u64,
    written: u64,
    /// What it began with, so that a new key is not used alone until it has caught up (POOL-5).
    base: u64,
    seen_at: Instant,
}

impl Tally {
    fn new(base: u64) -> Self {
        Self {
            in_flight: 0,
            finished: 0,
            written: 0,
            base,
            seen_at: Instant::now(),
        }
    }

    fn load(&self) -> u64 {
        self.base + self.finished + self.in_flight
    }
}

impl KeyPools {
    /// Prepares the pools; nothing is read yet.
    pub fn new(
        store: Store,
        nats: async_nats::Client,
        names: Names,
        rules: Rules,
        tracker: TaskTracker,
    ) -> Self {
        Self {
            store,
            nats,
            names,
            rules,
            tracker,
            snapshots: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(rules.known_within / 2)
                .build(),
            tallies: Mutex::default(),
            breakers: Breakers::default(),
            refused: Notify::new(),
        }
    }

    /// Returns the pool of a tenant at a provider. While the database is away it waits for a minute
    /// (POOL-10).
    async fn snapshot(
        &self,
        tenant: TenantId,
        provider: Provider,
    ) -> Result<Arc<Snapshot>, store::Error> {
        let load = || async { self.read(tenant, provider).await.map(Arc::new) };
        let shared = self
            .snapshots
            .try_get_with((tenant.disc_id(), provider), load())
            .await;
        match shared {
            Ok(snapshot) => Ok(snapshot),
            // The shared error of a coalesced read cannot be taken apart: ask once more, alone.
            Err(_) => with_patience(load).await,
        }
    }

    async fn read(&self, tenant: TenantId, provider: Provider) -> Result<Snapshot, store::Error> {
        let keys = self.store.key_pool(tenant, provider.as_str()).await?;
        let read_at = Instant::now();
        self.with_tallies(|tallies| {
            let known = keys.iter().filter_map(|key| tallies.get(&key.id));
            let base = known.map(Tally::load).min().unwrap_or_default();
            for key in &keys {
                let tally = tallies.entry(key.id).or_insert_with(|| Tally::new(base));
                tally.seen_at = read_at;
            }
        });
        Ok(Snapshot { keys, read_at })
    }

    /// How much a key is in use: by this process, then by all. Recorded counts are some seconds
    /// old; were they to decide alone, all processes would rush to the same key meanwhile.
    fn load(&self, key: &PoolKey) -> (u64, u64) {
        let own = self.with_tallies(|tallies| tallies.get(&key.id).map(Tally::load));
        (own.unwrap_or_default(), key.usage_count)
    }

    /// Changes the counts of a key.
    fn tally(&self, key: KeyId, change: impl FnOnce(&mut Tally)) {
        self.with_tallies(|tallies| change(tallies.entry(key).or_insert_with(|| Tally::new(0))));
    }

    /// Waits until this process has seen a key refused for good. Cancel safe: yes.
    pub(crate) async fn refusal(&self) {
        self.refused.notified().await;
    }

    /// Forgets what is known of a tenant's pools, here and in all other processes.
    pub(crate) async fn announce(&self, tenant: TenantId) {
        self.forget(tenant.disc_id()).await;
        let (subject, payload) = (self.names.keys_changed(), tenant.disc_id().to_string());
        if let Err(error) = self.nats.publish(subject, payload.into()).await {
            tracing::debug!(%error, "changed keys are not announced: others see them in a second");
        }
    }

    /// Lets a key rest for the callers of this process at once: writing it down takes a moment.
    async fn rest_here(&self, tenant: TenantId, provider: Provider, key: KeyId, rest: Duration) {
        let pool = (tenant.disc_id(), provider);
        let Some(known) = self.snapshots.get(&pool).await else {
            return;
        };
        let age = known.read_at.elapsed();
        let mut keys = known.keys.clone();
        for row in keys.iter_mut().filter(|row| row.id == key) {
            row.rest = row.rest.max(Some(rest + age));
        }
        let resting = Snapshot {
            keys,
            read_at: known.read_at,
        };
        self.snapshots.insert(pool, Arc::new(resting)).await;
    }

    /// Forgets what is known of a tenant's pools in this process.
    pub(crate) async fn forget(&self, disc_id: u64) {
        for provider in Provider::ALL {
            self.snapshots.invalidate(&(disc_id, provider)).await;
        }
    }

    /// Follows what other processes announce, until the connection is closed. Cancel safe: yes; what
    /// is missed is seen within a second.
    pub async fn follow_hints(&self) {
        let Ok(mut hints) = self.nats.subscribe(self.names.keys_changed()).await else {
            return;
        };
        while let Some(hint) = hints.next().await {
            let text = std::str::from_utf8(&hint.payload).unwrap_or_default();
            if let Ok(disc_id) = text.parse() {
                self.forget(disc_id).await;
            }
        }
    }

    /// Writes counts of use every two seconds. Cancel safe: yes; at worst a batch is not counted.
    pub async fn keep_counting(&self) {
        let mut ticks = interval(FLUSH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.write_counts().await;
        }
    }

    /// Writes the counts of use that are not written yet.
    pub async fn write_counts(&self) {
        let uses: Vec<(KeyId, u64)> = self.with_tallies(|tallies| {
            tallies.retain(|_, tally| {
                let is_open = tally.in_flight > 0 || tally.finished > tally.written;
                is_open || tally.seen_at.elapsed() < FORGET_AFTER
            });
            let open = tallies
                .iter()
                .map(|(key, tally)| (*key, tally.finished - tally.written));
            open.filter(|(_, uses)| *uses > 0).collect()
        });
        if uses.is_empty() {
            return;
        }
        match self.store.count_key_uses(&uses).await {
            Ok(()) => {
                for (key, uses) in uses {
                    self.tally(key, |tally| tally.written += uses);
                }
            }
            Err(error) => tracing::debug!(%error, "uses of keys are not counted yet"),
        }
    }

    fn with_tallies<T>(&self, work: impl FnOnce(&mut HashMap<KeyId, Tally>) -> T) -> T {
        work(&mut self.tallies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for KeyPools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPools").finish_non_exhaustive()
    }
}
