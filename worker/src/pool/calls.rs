//! The attempts of one request: a key for each, and another key or another try where that may help
//! (POOL-15, POOL-18). Only before the answer begins.

use std::sync::Arc;
use std::time::Duration;

use keyring::{EncryptedColumn, Keyring, POOL_API_KEY, SERVER_API_KEY};
use llm::{Provider, Remedy};
use proto::id::TenantId;
use rand::Rng;
use secrecy::SecretString;
use store::{MainKey, PoolKey};
use tokio::time::{Instant, sleep};

use super::choose::{Choice, choose};
use super::turn_keys::{KeyUse, TurnKeys};
use super::{KeyPools, Snapshot};
use crate::metrics::{self, KeyChange};
use crate::patience::with_patience;

/// Calls per request, retries included (POOL-15).
const ATTEMPTS: u32 = 3;

/// Before a retry: a second, and up to half of one more so that callers spread (POOL 5.3).
const RETRY_AFTER: Duration = Duration::from_secs(1);
const JITTER_MAX_MS: u64 = 500;

/// With fewer rows there is nothing to choose from (POOL-2).
const FEWEST_KEYS: usize = 2;

/// A rest that ends so soon is waited for; for a longer one people are told the time.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Waiters look again this often, or somewhat later, lest they all come at once (POOL-12).
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Why no answer began.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The provider failed, and there was no remedy.
    #[error(transparent)]
    Model(#[from] llm::Error),
    /// Every key that could be used rests, for so long at least.
    #[error("all provider keys rest")]
    Resting(Duration),
    /// Every key of the pool is disabled.
    #[error("all provider keys are disabled")]
    Disabled,
    /// There is no key.
    #[error("there is no provider key")]
    NoKey,
    /// No key opens.
    #[error("the provider key cannot be read")]
    Unreadable,
    /// The database was away for too long.
    #[error("the database did not take a statement")]
    Store(#[from] store::Error),
}

/// Makes the calls of one turn.
#[derive(Debug)]
pub struct Calls<'a> {
    /// The pools.
    pub pools: &'a Arc<KeyPools>,
    /// Master keys.
    pub keyring: Arc<Keyring>,
    /// Who pays.
    pub tenant: TenantId,
    /// Whose model is called.
    pub provider: Provider,
    /// What the turn remembers of keys.
    pub keys: &'a TurnKeys,
}

/// An opened key, and its place in the pool where there is one.
type Opened = (SecretString, Option<KeyUse>);

impl Calls<'_> {
    /// Calls until an answer begins, three times at most. How it ends is told to
    /// [`TurnKeys::ended`].
    ///
    /// Cancel safe: yes; a probe that is cut off comes free.
    pub async fn make<T, F>(&self, send: impl Fn(SecretString) -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, llm::Error>>,
    {
        self.keys.hold(None);
        let mut attempt = 1;
        let mut last = None;
        loop {
            let (key, used) = match self.pick().await {
                Err(CallError::Resting(_) | CallError::Disabled) if is_told(last) => {
                    return last.map_or(Err(CallError::NoKey), |error| Err(error.into()));
                }
                picked => picked?,
            };
            let error = match send(key).await {
                Ok(answer) => {
                    self.keys.hold(answered(used).await);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let is_pooled = used.is_some();
            self.failed(used, &error).await;
            match error.class().remedy() {
                _ if attempt == ATTEMPTS => return Err(error.into()),
                Remedy::OtherKey if is_pooled => last = Some(error),
                Remedy::SameAgain => pause_before_retry().await,
                Remedy::OtherKey | Remedy::OtherModel | Remedy::Shorten | Remedy::Tell => {
                    return Err(error.into());
                }
            }
            attempt += 1;
        }
    }

    async fn failed(&self, used: Option<KeyUse>, error: &llm::Error) {
        let Some(used) = used else { return };
        if error.class().remedy() == Remedy::OtherKey {
            self.keys.exclude(used.key);
        }
        used.failed(error).await;
    }

    /// Chooses a key and opens it; waits for one that rests where that is short.
    async fn pick(&self) -> Result<Opened, CallError> {
        let give_up = Instant::now() + LONGEST_WAIT;
        let mut unreadable = false;
        loop {
            let snapshot = self.pools.snapshot(self.tenant, self.provider).await?;
            if snapshot.keys.len() < FEWEST_KEYS {
                return self.only_key(&snapshot).await;
            }
            let used = match self.choose(&snapshot) {
                Choice::Take(key) => self.begin(key, key.generation),
                Choice::Probe(key) => match self.probe(key).await? {
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
            let Some(row) = snapshot.keys.iter().find(|key| key.id == used.key) else {
                continue;
            };
            match self.open(row).await? {
                Some(key) => return Ok((key, Some(used))),
                None => {
                    unreadable = true;
                    self.keys.exclude(row.id);
                }
            }
        }
    }

    fn choose<'s>(&self, snapshot: &'s Snapshot) -> Choice<'s> {
        let left = |key: &&PoolKey| !self.keys.is_excluded(key.id);
        choose(
            snapshot.keys.iter().filter(left),
            snapshot.read_at.elapsed(),
            |key| self.pools.load(key),
            &mut rand::rng(),
        )
    }

    fn begin(&self, key: &PoolKey, generation: i64) -> KeyUse {
        KeyUse::begin(self.pools, self.tenant, key, generation)
    }

    /// Tries to win the probe; whoever loses looks at the pool anew.
    async fn probe(&self, key: &PoolKey) -> Result<Option<KeyUse>, CallError> {
        let store = &self.pools.store;
        let won = with_patience(|| store.probe_key(self.tenant, key.id, key.generation)).await?;
        match won {
            Some(generation) => {
                let used = self.begin(key, generation);
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

    /// Without a pool it is the main key, or the one that there is.
    async fn only_key(&self, snapshot: &Snapshot) -> Result<Opened, CallError> {
        if let Some(row) = snapshot.keys.first().filter(|key| !key.is_main) {
            let key = self.open(row).await?.ok_or(CallError::Unreadable)?;
            return Ok((key, Some(self.begin(row, row.generation))));
        }
        let store = &self.pools.store;
        let provider = self.provider.as_str();
        let reading = || store.main_key_for_call(&self.keyring, self.tenant, provider);
        match with_patience(reading).await {
            Ok(MainKey::Usable(main)) => Ok((main.key, None)),
            Ok(MainKey::Refused) => Err(CallError::Disabled),
            Ok(MainKey::None) => Err(CallError::NoKey),
            Err(error) => Err(unreadable(error, SERVER_API_KEY)?),
        }
    }

    /// Opens a key of the pool; `None` when it does not open or was removed (POOL-10).
    async fn open(&self, key: &PoolKey) -> Result<Option<SecretString>, CallError> {
        let store = &self.pools.store;
        let provider = self.provider.as_str();
        let opening = || store.pool_key(&self.keyring, self.tenant, provider, key);
        let opened = with_patience(opening).await;
        let column = if key.is_main {
            SERVER_API_KEY
        } else {
            POOL_API_KEY
        };
        match opened {
            Ok(opened) => Ok(opened),
            Err(error) => unreadable(error, column).map(|_told| None),
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

/// What people are told when the last key has failed: the cause, unless that is a limit that ends.
fn is_told(last: Option<llm::Error>) -> bool {
    last.is_some_and(|error| error.class() != llm::Class::RateLimit)
}

async fn answered(used: Option<KeyUse>) -> Option<KeyUse> {
    let mut used = used?;
    used.answered().await;
    Some(used)
}

/// Up to a fifth longer, never shorter (POOL-12).
fn spread(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + rand::rng().random_range(0.0..0.2))
}

async fn pause_before_retry() {
    let jitter = Duration::from_millis(rand::rng().random_range(0..=JITTER_MAX_MS));
    sleep(RETRY_AFTER + jitter).await;
}
