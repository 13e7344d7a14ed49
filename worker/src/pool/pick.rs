//! The key of one call: chosen, and opened.

use std::sync::Arc;
use std::time::Duration;

use keyring::{EncryptedColumn, POOL_API_KEY, SERVER_API_KEY, USER_API_KEY};
use llm::Provider;
use proto::id::UserId;
use rand::Rng;
use secrecy::SecretString;
use store::{MainKey, PoolKey, UsableKey};
use tokio::time::{Instant, sleep};

use super::calls::{CallError, Calls};
use super::choose::{Choice, choose};
use super::model::{Model, Purse};
use super::used_key::{KeyUse, Lone, LoneUse, Spent, UsedKey};
use super::{KeyPools, Snapshot};
use crate::metrics::{self, KeyChange};
use crate::patience::with_patience;

/// With fewer rows there is no pool (POOL-2).
const FEWEST_KEYS: usize = 2;

/// A rest that ends so soon is waited for where no other model can be asked; for a longer one people
/// are told the time.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Waiters look again this often, or somewhat later, lest they all come at once (POOL-12).
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// An opened key.
pub(super) struct Picked {
    pub(super) key: SecretString,
    pub(super) used: UsedKey,
}

impl Calls<'_> {
    /// Chooses a key for a model and opens it; waits for one that rests where that is short.
    pub(super) async fn pick(&self, model: &Model) -> Result<Picked, CallError> {
        match self.purse {
            Purse::Own(user) => self.own_key(user, model.provider).await,
            Purse::Server => self.server_key(model.provider).await,
        }
    }

    async fn own_key(&self, user: UserId, provider: Provider) -> Result<Picked, CallError> {
        if self.keys.is_excluded(Spent::Lone(provider)) {
            return Err(CallError::NoneLeft);
        }
        let store = &self.pools.store;
        let reading = || store.own_key(&self.keyring, user, provider.as_str());
        match with_patience(reading).await {
            Ok(Some((row, key))) => Ok(self.lone(Lone::Own(user, row), provider, key)),
            Ok(None) => Err(CallError::NoKey),
            Err(error) => Err(unreadable(error, USER_API_KEY)?),
        }
    }

    fn lone(&self, lone: Lone, provider: Provider, key: UsableKey) -> Picked {
        Picked {
            key: key.key,
            used: UsedKey::Lone(LoneUse {
                pools: Arc::clone(self.pools),
                lone,
                provider,
                generation: key.generation,
                has_failed: key.has_failed,
            }),
        }
    }

    async fn server_key(&self, provider: Provider) -> Result<Picked, CallError> {
        let patience = if self.keys.has_next_model() {
            Duration::ZERO
        } else {
            LONGEST_WAIT
        };
        let give_up = Instant::now() + patience;
        let mut unreadable = false;
        loop {
            let snapshot = self.pools.snapshot(self.tenant, provider).await?;
            if snapshot.keys.len() < FEWEST_KEYS
                && let Some(main) = self.main_key(provider, &snapshot).await?
            {
                return Ok(main);
            }
            let used = match self.choose(&snapshot) {
                Choice::Take(key) => self.begin(provider, key, key.generation),
                Choice::Probe(key) => match self.probe(provider, key).await? {
                    Some(used) => used,
                    None if Instant::now() < give_up => continue,
                    None => return Err(resting(&snapshot)),
                },
                Choice::Wait(wait) if Instant::now() + wait.min(LOOK_AGAIN) < give_up => {
                    sleep(spread(wait.min(LOOK_AGAIN))).await;
                    continue;
                }
                Choice::Wait(_) => return Err(resting(&snapshot)),
                Choice::Nothing if unreadable => return Err(CallError::Unreadable),
                Choice::Nothing => return Err(resting(&snapshot)),
            };
            let Some(row) = snapshot.keys.iter().find(|key| key.id == used.key()) else {
                continue;
            };
            let Some(key) = self.open(provider, row).await? else {
                unreadable = true;
                self.keys.exclude(Spent::Pooled(row.id));
                continue;
            };
            // Opening takes a moment, in which others may have learned something.
            let now = self.pools.snapshot(self.tenant, provider).await?;
            if used.is_as_chosen(&now.keys, now.read_at.elapsed()) {
                let used = UsedKey::Pooled(used);
                return Ok(Picked { key, used });
            }
        }
    }

    fn choose<'s>(&self, snapshot: &'s Snapshot) -> Choice<'s> {
        let is_pool = snapshot.keys.len() >= FEWEST_KEYS;
        // Alone, the main key is no matter of its row.
        let left = |key: &&PoolKey| {
            (is_pool || !key.is_main) && !self.keys.is_excluded(Spent::Pooled(key.id))
        };
        choose(
            snapshot.keys.iter().filter(left),
            snapshot.read_at.elapsed(),
            |key| self.pools.load(key),
            &mut rand::rng(),
        )
    }

    fn begin(&self, provider: Provider, key: &PoolKey, generation: i64) -> KeyUse {
        KeyUse::begin(self.pools, (self.tenant, provider), key, generation)
    }

    /// Tries to win the probe; whoever loses looks at the pool anew.
    async fn probe(&self, provider: Provider, key: &PoolKey) -> Result<Option<KeyUse>, CallError> {
        let store = &self.pools.store;
        let won = with_patience(|| store.probe_key(self.tenant, key.id, key.generation)).await?;
        match won {
            Some(generation) => {
                let used = self.begin(provider, key, generation);
                metrics::key_change(KeyChange::Probed);
                self.pools.announce(self.tenant).await;
                Ok(Some(used))
            }
            None => {
                self.pools.forget(self.tenant.disc_id()).await;
                Ok(None)
            }
        }
    }

    /// The main key, where there is no pool. `None` when there is another key to take.
    async fn main_key(
        &self,
        provider: Provider,
        snapshot: &Snapshot,
    ) -> Result<Option<Picked>, CallError> {
        let has_other = snapshot.keys.iter().any(|key| !key.is_main);
        if self.keys.is_excluded(Spent::Lone(provider)) {
            return if has_other {
                Ok(None)
            } else {
                Err(CallError::NoneLeft)
            };
        }
        let store = &self.pools.store;
        let reading = || store.main_key_for_call(&self.keyring, self.tenant, provider.as_str());
        match with_patience(reading).await {
            Ok(MainKey::Usable(key)) => Ok(Some(self.lone(Lone::Main(self.tenant), provider, key))),
            Ok(MainKey::Refused | MainKey::None) if has_other => Ok(None),
            Ok(MainKey::Refused) => Err(CallError::Disabled),
            Ok(MainKey::None) => Err(CallError::NoKey),
            Err(error) => Err(unreadable(error, SERVER_API_KEY)?),
        }
    }

    /// Opens a key of the pool; `None` when it does not open or was removed (POOL-10).
    async fn open(
        &self,
        provider: Provider,
        key: &PoolKey,
    ) -> Result<Option<SecretString>, CallError> {
        let store = &self.pools.store;
        let opening = || store.pool_key(&self.keyring, self.tenant, provider.as_str(), key);
        let column = if key.is_main {
            SERVER_API_KEY
        } else {
            POOL_API_KEY
        };
        match with_patience(opening).await {
            Ok(opened) => Ok(opened),
            Err(error) => unreadable(error, column).map(|_told| None),
        }
    }
}

impl KeyPools {
    /// Returns when the first key of a pool may be tried again that people did not take out of use,
    /// those that failed in this turn included; `None` when one may be tried now.
    pub(super) async fn soonest(
        &self,
        tenant: proto::id::TenantId,
        provider: Provider,
    ) -> Option<Duration> {
        let snapshot = self.snapshot(tenant, provider).await.ok()?;
        match resting(&snapshot) {
            CallError::Resting(rest) => Some(rest).filter(|rest| !rest.is_zero()),
            _ => None,
        }
    }
}

/// Returns when the first key that people did not take out of use may be tried again, those
/// that failed in this turn included.
fn resting(snapshot: &Snapshot) -> CallError {
    let age = snapshot.read_at.elapsed();
    let enabled = snapshot.keys.iter().filter(|key| key.is_enabled);
    let soonest = enabled
        .map(|key| key.rest.unwrap_or_default().saturating_sub(age))
        .min();
    soonest.map_or(CallError::Disabled, CallError::Resting)
}

/// A key that does not open is the operator's matter; a database that is away is not.
fn unreadable(error: store::Error, column: EncryptedColumn) -> Result<CallError, CallError> {
    match error {
        store::Error::Keyring(_)
        | store::Error::WrongMasterKey { .. }
        | store::Error::Corrupt { .. } => {
            tracing::error!(%error, "a provider key cannot be read");
            metrics::decrypt_failed(column);
            Ok(CallError::Unreadable)
        }
        other => Err(other.into()),
    }
}

/// Up to a fifth longer, never shorter (POOL-12).
fn spread(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + rand::rng().random_range(0.0..0.2))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// POOL-12.
    #[test]
    fn waiters_are_spread_over_a_fifth_of_their_wait_and_never_come_early() {
        let waits: BTreeSet<Duration> = (0..100).map(|_| spread(LOOK_AGAIN)).collect();
        assert!(waits.len() > 50, "{waits:?}");
        for wait in waits {
            assert!(
                LOOK_AGAIN <= wait && wait <= LOOK_AGAIN.mul_f64(1.2),
                "{wait:?}"
            );
        }
    }
}
