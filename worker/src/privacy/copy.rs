//! This worker's copy of the bucket, kept by a watch.
//!
//! It decides about nothing that is answered: the database does. It keeps words of people who are
//! not heard out of this worker's memory, and tells how far the gateways have read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::kv;
use proto::id::UserId;
use proto::privacy::reports::Reports;
use proto::privacy::users::Users;
use proto::privacy::{Key, Probe, Ready};
use runtime::nats::entries::{Entries, Entry};
use tokio::sync::watch;

use crate::metrics;

/// Between two attempts to watch the bucket.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Copy {
    known: Mutex<Known>,
    /// Wakes who waits for an entry.
    read: watch::Sender<u64>,
    /// Wakes who holds words of people.
    users: watch::Sender<u64>,
}

/// What is known of the bucket.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The users, once all of them were read.
    pub(super) users: Users,
    /// The users of a watch that has just begun, which count as well.
    loading: Option<Users>,
    pub(super) is_loaded: bool,
    pub(super) ready: Option<Ready>,
    pub(super) reports: Reports,
    /// Keys that were deleted and leave a mark in the bucket, by when, Unix time in milliseconds.
    pub(super) gone: BTreeMap<String, i64>,
}

/// Keeps the copy, for ever.
pub(super) async fn follow(bucket: &kv::Store, copy: &Copy) {
    loop {
        match watch(bucket, copy).await {
            Ok(mut entries) => copy.read_all(&mut entries).await,
            Err(error) => tracing::warn!(%error, "cannot watch the bucket of privacy levels"),
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn watch(bucket: &kv::Store, copy: &Copy) -> anyhow::Result<Entries> {
    let entries = Entries::open(bucket).await?;
    copy.change(Known::begin);
    // Of an empty bucket no entry tells that it was the last one.
    if bucket.stream.get_info().await?.state.messages == 0 {
        copy.change(Known::finish);
    }
    Ok(entries)
}

impl Copy {
    async fn read_all(&self, entries: &mut Entries) {
        loop {
            match entries.next().await {
                Ok(entry) => self.take(&entry),
                Err(error) => {
                    tracing::warn!(%error, "the watch on the bucket of privacy levels broke");
                    return;
                }
            }
        }
    }

    fn take(&self, entry: &Entry) {
        let mut has_new = self.change(|known| known.take(entry));
        if entry.is_last {
            has_new |= self.change(Known::finish);
        }
        if has_new {
            self.users.send_modify(|turn| *turn = turn.wrapping_add(1));
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        let changed = change(&mut self.lock());
        self.read.send_modify(|turn| *turn = turn.wrapping_add(1));
        changed
    }

    pub(super) async fn is_loaded(&self) {
        self.wait_for(|known| known.is_loaded).await;
    }

    pub(super) fn is_full(&self, user: UserId) -> bool {
        let known = self.lock();
        let is_loading = |loading: &Users| loading.contains(user);
        known.users.contains(user) || known.loading.as_ref().is_some_and(is_loading)
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.users.subscribe()
    }

    /// Waits until what is known is so. Cancel safe.
    pub(super) async fn wait_for(&self, is_so: impl Fn(&Known) -> bool) {
        let mut read = self.read.subscribe();
        while !is_so(&self.lock()) {
            // The sender lives as long as `self`.
            if read.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Looks at what is known; nobody reads on meanwhile.
    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        // A panic cannot leave it half changed in a way that matters: each entry is one change.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// A watch has begun: it tells everything anew.
    fn begin(&mut self) {
        self.loading = Some(Users::default());
        self.ready = None;
        self.reports = Reports::default();
        self.gone.clear();
    }

    /// Everything that was there when the watch began has been read; tells whether somebody may be
    /// new among the users.
    fn finish(&mut self) -> bool {
        self.is_loaded = true;
        let Some(loaded) = self.loading.take() else {
            return false;
        };
        self.users = loaded;
        metrics::hidden_users(self.users.len());
        true
    }

    /// Takes an entry; tells whether it names a user who is new.
    fn take(&mut self, entry: &Entry) -> bool {
        self.reports.read(entry.revision, entry.at_ms);
        let Some(key) = Key::parse(&entry.key) else {
            return false;
        };
        if entry.is_there {
            self.gone.remove(&entry.key);
            return self.put(key, &entry.value);
        }
        self.gone.insert(entry.key.clone(), entry.at_ms);
        self.deleted(key);
        false
    }

    fn put(&mut self, key: Key<'_>, value: &[u8]) -> bool {
        match key {
            Key::User(user) => {
                let is_new = self.newest_users().insert(user);
                metrics::hidden_users(self.users.len());
                return is_new;
            }
            Key::Ready => self.ready = Ready::read(value),
            Key::Probe(gateway) => self.reports.heard(gateway, Probe::read(value)),
        }
        false
    }

    fn deleted(&mut self, key: Key<'_>) {
        match key {
            Key::User(user) => {
                self.newest_users().remove(user);
                metrics::hidden_users(self.users.len());
            }
            Key::Ready => self.ready = None,
            Key::Probe(gateway) => self.reports.left(gateway),
        }
    }

    const fn newest_users(&mut self) -> &mut Users {
        match &mut self.loading {
            Some(loading) => loading,
            None => &mut self.users,
        }
    }
}
