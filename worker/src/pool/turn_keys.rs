//! The keys of one turn: those it may not take any more, and the one in use.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use llm::{Class, KeyRest};
use proto::id::TenantId;
use store::{KeyFailure, KeyFault, KeyId, PoolKey, Rested};

use super::KeyPools;
use crate::metrics::{self, KeyChange};

/// What a turn remembers of keys over all of its calls (POOL-15).
#[derive(Debug, Default)]
pub struct TurnKeys(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    excluded: HashSet<KeyId>,
    in_use: Option<KeyUse>,
}

impl TurnKeys {
    /// Records how the last call ended: its stream was complete, or broke with this error. `None`
    /// for an end that says nothing about the key.
    pub async fn ended(&self, outcome: Option<Result<(), &llm::Error>>) {
        let Some(used) = self.state().in_use.take() else {
            return;
        };
        match outcome {
            Some(Ok(())) => used.completed(),
            Some(Err(error)) => used.failed(error).await,
            None => {}
        }
    }

    pub(super) fn hold(&self, used: Option<KeyUse>) {
        self.state().in_use = used;
    }

    pub(super) fn exclude(&self, key: KeyId) {
        self.state().excluded.insert(key);
    }

    pub(super) fn is_excluded(&self, key: KeyId) -> bool {
        self.state().excluded.contains(&key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call with a key of a pool. Dropped without a word it was cut off, which says nothing about
/// the key; a probe comes free then.
pub(super) struct KeyUse {
    pools: Arc<KeyPools>,
    tenant: TenantId,
    pub(super) key: KeyId,
    generation: i64,
    is_probe: bool,
}

impl KeyUse {
    /// Begins a call with a key in this generation of its state.
    pub(super) fn begin(
        pools: &Arc<KeyPools>,
        tenant: TenantId,
        key: &PoolKey,
        generation: i64,
    ) -> Self {
        pools.tally(key.id, |tally| tally.in_flight += 1);
        Self {
            pools: Arc::clone(pools),
            tenant,
            key: key.id,
            generation,
            is_probe: generation != key.generation,
        }
    }

    /// The provider has begun to answer: the key works.
    pub(super) async fn answered(&mut self) {
        if !self.is_probe {
            return;
        }
        match self
            .pools
            .store
            .key_works(self.tenant, self.key, self.generation)
            .await
        {
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

    /// The call failed: where the key is at fault, it rests.
    pub(super) async fn failed(mut self, error: &llm::Error) {
        let Some((fault, rest)) = self.verdict(error) else {
            return;
        };
        let message = error.to_string();
        let failure = KeyFailure {
            fault,
            rest,
            was_probe: std::mem::take(&mut self.is_probe),
            message: &message,
        };
        let (key, generation) = (self.key, self.generation);
        match self
            .pools
            .store
            .rest_key(self.tenant, key, generation, failure)
            .await
        {
            Ok(Rested::Outdated) => {}
            Ok(Rested::Resting) => metrics::key_change(KeyChange::Rests),
            Ok(Rested::Disabled) => {
                metrics::key_change(KeyChange::Disabled);
                tracing::warn!(
                    row = key.0,
                    "a provider key was refused too often: disabled"
                );
            }
            Err(error) => {
                tracing::warn!(%error, row = key.0, "the rest of a key is not recorded");
            }
        }
        self.pools.announce(self.tenant).await;
    }

    fn verdict(&self, error: &llm::Error) -> Option<(KeyFault, Duration)> {
        let rests = self.pools.rests;
        let rest = match error.class().key_rest() {
            KeyRest::None => return None,
            KeyRest::Limited => error.retry_after().unwrap_or(rests.rate_limit),
            KeyRest::Refused => rests.error,
        };
        let fault = match error.class() {
            Class::RateLimit => KeyFault::RateLimit,
            Class::Auth => KeyFault::Auth,
            _ => KeyFault::Account,
        };
        Some((fault, rest))
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
