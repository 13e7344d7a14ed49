//! Settings of servers, remembered for a while.
//!
//! Admission compares versions and says when a server was set up meanwhile, so for messages that
//! ask for an answer an old memory costs one more look. What makes a message ask that did not
//! before reaches us by a hint over NATS (CHAT-105); after a break of the connection, behind which
//! a hint may have been lost, everything is forgotten.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use moka::future::Cache;
use proto::id::TenantId;
use proto::subject::Names;
use store::{Profile, Store};
use tokio::sync::Semaphore;

/// Servers remembered at once; a profile is a few kilobytes.
const CAPACITY: u64 = 10_000;

/// Loads at once, so that a cold start does not take every connection of the pool.
const LOADS_AT_ONCE: usize = 8;

/// The remembered settings; also remembers that a server has none.
#[derive(Debug)]
pub(crate) struct Profiles {
    store: Store,
    cache: Cache<u64, Option<Arc<Profile>>>,
    loads: Semaphore,
}

impl Profiles {
    pub(crate) fn new(store: Store, ttl: Duration) -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(ttl)
            .build();
        Self {
            store,
            cache,
            loads: Semaphore::new(LOADS_AT_ONCE),
        }
    }

    /// Returns a tenant's settings, `None` when it was never set up.
    pub(crate) async fn of(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Arc<Profile>>, Arc<store::Error>> {
        // Boxed: everybody who asks for settings would carry the state of loading them.
        let load = Box::pin(async {
            // The semaphore is never closed; without a permit the load is merely not limited.
            let _permit = self.loads.acquire().await.ok();
            self.store
                .profile(tenant)
                .await
                .map(|profile| profile.map(Arc::new))
        });
        self.cache.try_get_with(tenant.disc_id(), load).await
    }

    /// Forgets a tenant's settings.
    pub(crate) async fn forget(&self, disc_id: u64) {
        self.cache.invalidate(&disc_id).await;
    }

    /// Forgets all settings: hints may have been missed.
    pub(crate) fn forget_all(&self) {
        self.cache.invalidate_all();
    }

    /// Forgets a tenant's settings here, and hints to all workers that what they hold is old. A
    /// lost hint costs nothing: admission compares the version of the settings.
    pub(crate) async fn announce(
        &self,
        nats: &async_nats::Client,
        names: &Names,
        tenant: TenantId,
    ) {
        self.forget(tenant.disc_id()).await;
        let (subject, payload) = (names.settings_changed(), tenant.disc_id().to_string());
        if let Err(error) = nats.publish(subject, payload.into()).await {
            tracing::warn!(%error, "the hint of changed settings was not sent");
        }
    }

    /// Follows the hints until the connection is closed. Cancel safe: yes; hints may be missed.
    pub(crate) async fn follow_hints(&self, nats: &async_nats::Client, names: &Names) {
        let mut hints = match nats.subscribe(names.settings_changed()).await {
            Ok(hints) => hints,
            Err(error) => {
                tracing::warn!(%error, "no hints about changed settings: they age out instead");
                return;
            }
        };
        while let Some(hint) = hints.next().await {
            self.take_hint(&hint.payload).await;
        }
    }

    async fn take_hint(&self, payload: &[u8]) {
        let text = std::str::from_utf8(payload).unwrap_or_default();
        match text.parse() {
            Ok(disc_id) => self.forget(disc_id).await,
            Err(_) => tracing::warn!("a hint about settings names no server"),
        }
    }
}
