//! A key in use, and what its call tells about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use llm::{Class, KeyRest, Provider};
use proto::id::{TenantId, UserId};
use store::{KeyFailure, KeyFault, KeyId, KeyReport, KeyState, OwnKeyId, PoolKey, Rested};

use super::KeyPools;
use crate::metrics::{self, KeyChange};

/// A key that a call was made with.
#[derive(Debug)]
pub(super) enum UsedKey {
    /// One of a pool.
    Pooled(KeyUse),
    /// One that stands alone.
    Lone(LoneUse),
}

/// A key that a turn may not take any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Spent {
    Pooled(KeyId),
    /// The only one that the payer of the turn has at a provider.
    Lone(Provider),
}

impl UsedKey {
    pub(super) const fn row(&self) -> Option<KeyId> {
        match self {
            Self::Pooled(used) => Some(used.key()),
            Self::Lone(_) => None,
        }
    }

    pub(super) const fn spent(&self) -> Spent {
        match self {
            Self::Pooled(used) => Spent::Pooled(used.key()),
            Self::Lone(used) => Spent::Lone(used.provider),
        }
    }

    /// The provider has begun to answer: the key works.
    pub(super) async fn answered(&mut self) {
        match self {
            Self::Pooled(used) => used.answered().await,
            Self::Lone(used) => used.answered().await,
        }
    }

    /// The answer was whole.
    pub(super) fn completed(self) {
        if let Self::Pooled(used) = self {
            used.completed();
        }
    }

    /// The call failed: where the key is at fault, that is recorded.
    pub(super) async fn failed(self, error: &llm::Error) {
        match self {
            Self::Pooled(used) => used.failed(error).await,
            Self::Lone(used) => used.failed(error).await,
        }
    }
}

/// A call with a key of a pool. Dropped without a word it was cut off, which says nothing about
/// the key; a probe comes free then.
pub(super) struct KeyUse {
    pools: Arc<KeyPools>,
    tenant: TenantId,
    provider: Provider,
    key: KeyId,
    generation: i64,
    is_probe: bool,
}

impl KeyUse {
    /// Begins a call with a key in this generation of its state.
    pub(super) fn begin(
        pools: &Arc<KeyPools>,
        (tenant, provider): (TenantId, Provider),
        key: &PoolKey,
        generation: i64,
    ) -> Self {
        pools.tally(key.id, |tally| tally.in_flight += 1);
        Self {
            pools: Arc::clone(pools),
            tenant,
            provider,
            key: key.id,
            generation,
            is_probe: generation != key.generation,
        }
    }

    pub(super) const fn key(&self) -> KeyId {
        self.key
    }

    /// Tells whether the key is still as it was when it was chosen.
    pub(super) fn is_as_chosen(&self, keys: &[PoolKey], age: Duration) -> bool {
        let row = keys.iter().find(|row| row.id == self.key);
        row.is_some_and(|row| {
            let is_usable = self.is_probe || row.state(age) == KeyState::Ready;
            row.is_enabled && row.generation == self.generation && is_usable
        })
    }

    async fn answered(&mut self) {
        if !self.is_probe {
            return;
        }
        let store = &self.pools.store;
        let working = store.key_works(self.tenant, self.key, self.generation);
        match working.await {
            Ok(changed) => {
                self.is_probe = false;
                self.generation += i64::from(changed);
                metrics::key_change(KeyChange::Works);
                self.pools.announce(self.tenant).await;
            }
            // The probe comes free with its lease; then the next one finds out.
            Err(error) => tracing::warn!(%error, "a key that works again is not recorded"),
        }
    }

    fn completed(self) {
        self.pools.tally(self.key, |tally| tally.finished += 1);
    }

    async fn failed(mut self, error: &llm::Error) {
        let Some((fault, rest)) = self.pools.verdict(error) else {
            return;
        };
        let pools = &self.pools;
        pools
            .rest_here(self.tenant, self.provider, self.key, rest)
            .await;
        let message = message(error);
        let failure = KeyFailure {
            fault,
            rest,
            was_probe: std::mem::take(&mut self.is_probe),
            message: &message,
        };
        let (key, generation) = (self.key, self.generation);
        let resting = pools.store.rest_key(self.tenant, key, generation, failure);
        match resting.await {
            Ok(Rested::Outdated) => {}
            Ok(Rested::Resting) => metrics::key_change(KeyChange::Rests),
            Ok(Rested::Disabled) => {
                tracing::warn!(
                    row = key.0,
                    "a provider key was refused too often: disabled"
                );
                pools.note_refusal();
            }
            Err(error) => tracing::warn!(%error, row = key.0, "the rest of a key is not recorded"),
        }
        self.pools.announce(self.tenant).await;
    }
}

impl Drop for KeyUse {
    fn drop(&mut self) {
        let (pools, key, generation) = (Arc::clone(&self.pools), self.key, self.generation);
        pools.tally(key, |tally| {
            tally.in_flight = tally.in_flight.saturating_sub(1);
        });
        if self.is_probe {
            let (tenant, tracker) = (self.tenant, pools.tracker.clone());
            tracker.spawn(async move {
                match pools.store.release_probe(tenant, key, generation).await {
                    Ok(()) => pools.announce(tenant).await,
                    Err(error) => tracing::debug!(%error, "a probe ends with its lease"),
                }
            });
        }
    }
}

impl fmt::Debug for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyUse")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A key without others beside it, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lone {
    /// The main key of a server without a pool.
    Main(TenantId),
    /// A user's own.
    Own(UserId, OwnKeyId),
}

/// A call with a key that stands alone.
pub(super) struct LoneUse {
    pub(super) pools: Arc<KeyPools>,
    pub(super) lone: Lone,
    pub(super) provider: Provider,
    pub(super) generation: i64,
    /// Whether there is something to clear when it works.
    pub(super) has_failed: bool,
}

impl LoneUse {
    async fn answered(&mut self) {
        if !std::mem::take(&mut self.has_failed) {
            return;
        }
        let (store, generation) = (&self.pools.store, self.generation);
        let working = match self.lone {
            Lone::Main(tenant) => store.main_key_works(tenant, generation).await,
            Lone::Own(user, row) => store.own_key_works((user, row), generation).await,
        };
        match working {
            Ok(changed) => self.generation += i64::from(changed),
            Err(error) => tracing::warn!(%error, "a key that works again is not recorded"),
        }
    }

    async fn failed(self, error: &llm::Error) {
        let Some((fault, _)) = self.pools.verdict(error) else {
            return;
        };
        let (store, generation) = (&self.pools.store, self.generation);
        let reported = match self.lone {
            Lone::Main(tenant) => {
                let message = message(error);
                store
                    .main_key_failed(tenant, generation, fault, &message)
                    .await
            }
            Lone::Own(user, row) => store.own_key_failed((user, row), generation, fault).await,
        };
        match reported {
            Ok(KeyReport::Outdated | KeyReport::Noted) => {}
            Ok(KeyReport::Refused) => {
                tracing::warn!("a key without others beside it was refused too often: rejected");
                self.pools.note_refusal();
            }
            Err(error) => tracing::warn!(%error, "the refusal of a key is not recorded"),
        }
    }
}

impl fmt::Debug for LoneUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoneUse")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl KeyPools {
    /// Returns what an error holds against the key, and how long the key rests at least.
    fn verdict(&self, error: &llm::Error) -> Option<(KeyFault, Duration)> {
        let rest = match error.class().key_rest() {
            KeyRest::None => return None,
            KeyRest::Limited => error.retry_after().unwrap_or(self.rules.limited_rest),
            KeyRest::Refused => self.rules.refused_rest,
        };
        let fault = match error.class() {
            Class::RateLimit => KeyFault::RateLimit,
            Class::Auth => KeyFault::Auth {
                fatal: self.rules.fatal_refusals,
            },
            _ => KeyFault::Account,
        };
        Some((fault, rest))
    }

    /// A key was refused for good: whoever can replace it is to be told.
    fn note_refusal(&self) {
        metrics::key_change(KeyChange::Disabled);
        self.refused.notify_one();
    }
}

/// What those who may manage the server are shown of an error.
fn message(error: &llm::Error) -> String {
    let (class, status) = (error.class().as_str(), error.status().unwrap_or_default());
    match error.words() {
        Some(words) => format!("{class} ({status}): {words}"),
        None => format!("{class} ({status})"),
    }
}
