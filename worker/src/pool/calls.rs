//! The attempts of one request: a key for each, and another key, another try or another model where
//! that may help (POOL-15, POOL-18, POOL-21). Only before the answer begins.

use std::sync::Arc;
use std::time::Duration;

use keyring::Keyring;
use llm::{Class, Remedy};
use proto::id::TenantId;
use rand::Rng;
use tokio::time::sleep;

use super::KeyPools;
use super::attempts::Outcome;
use super::breaker::Passage;
use super::model::{Length, Model, Order, Purse};
use super::pick::Picked;
use super::turn_keys::TurnKeys;
use super::used_key::UsedKey;

/// Calls per model and request, retries included (POOL-15).
pub(super) const ATTEMPTS: u32 = 3;

/// Before a retry: a second, and up to half of one more so that callers spread (POOL 5.3).
const RETRY_AFTER: Duration = Duration::from_secs(1);
const JITTER_MAX_MS: u64 = 500;

/// Why no answer began.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The provider failed, and there was no remedy.
    #[error(transparent)]
    Model(#[from] llm::Error),
    /// Every key that could be used rests, for so long at least.
    #[error("all provider keys rest")]
    Resting(Duration),
    /// Every key was refused for good, or taken out of use.
    #[error("all provider keys are disabled")]
    Disabled,
    /// There is no key.
    #[error("there is no provider key")]
    NoKey,
    /// Every key has failed in this turn already.
    #[error("no provider key is left for this turn")]
    NoneLeft,
    /// No key opens.
    #[error("the provider key cannot be read")]
    Unreadable,
    /// The provider did not answer others before, and is left alone for a while.
    #[error("the provider does not answer")]
    Silent,
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
    /// Whose turn it is.
    pub tenant: TenantId,
    /// Who pays.
    pub purse: Purse,
    /// The models that may be asked, in this order.
    pub models: &'a [Model],
    /// What the turn remembers of its calls.
    pub keys: &'a TurnKeys,
}

impl Calls<'_> {
    /// Calls until an answer begins: each model three times at most, then the next. How it ends is
    /// told to [`TurnKeys::ended`].
    ///
    /// Cancel safe: yes; a probe that is cut off comes free.
    pub async fn make<T, F, S>(&self, send: S) -> Result<T, CallError>
    where
        T: Send,
        F: Future<Output = Result<T, llm::Error>> + Send,
        S: Fn(Order) -> F + Send + Sync,
    {
        self.keys.begin_request(self.models.len());
        let mut failure = None;
        while let Some(model) = self.models.get(self.keys.place()) {
            let error = match self.ask(model, &send).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(outcome) = error.passes_on() else {
                return Err(error);
            };
            if !matches!(error, CallError::Model(_)) {
                self.keys.skip(model, outcome);
            }
            self.keys.note_failure(model, outcome);
            self.keys.next_model();
            failure = Some(telling(failure, error));
        }
        Err(failure.unwrap_or(CallError::NoKey))
    }

    /// Calls one model, with another key or once more where that may help.
    async fn ask<T, F, S>(&self, model: &Model, send: &S) -> Result<T, CallError>
    where
        T: Send,
        F: Future<Output = Result<T, llm::Error>> + Send,
        S: Fn(Order) -> F + Send + Sync,
    {
        let mut last = None;
        loop {
            let Some(passage) = self.pools.breakers.enter(&model.endpoint()) else {
                return Err(left_with(last, CallError::Silent));
            };
            let picked = match self.pick(model).await {
                Ok(picked) => picked,
                Err(error) => return Err(left_with(last, error)),
            };
            let is_pooled = matches!(picked.used, UsedKey::Pooled(_));
            let error = match self.attempt(model, picked, passage, send).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !self.keys.may_try_again(&error) {
                return Err(self.given_up(model, error, is_pooled).await);
            }
            if error.class().remedy() == Remedy::SameAgain {
                pause_before_retry().await;
            }
            last = Some(error);
        }
    }

    /// Makes a call; one that is too long is made once more with less, by the same key (POOL-20).
    async fn attempt<T, F, S>(
        &self,
        model: &Model,
        picked: Picked,
        passage: Passage<'_>,
        send: &S,
    ) -> Result<T, llm::Error>
    where
        T: Send,
        F: Future<Output = Result<T, llm::Error>> + Send,
        S: Fn(Order) -> F + Send + Sync,
    {
        let Picked { key, mut used } = picked;
        let mut order = Order {
            model: model.clone(),
            key: Arc::new(key),
            length: Length::Whole,
        };
        loop {
            self.keys.begin_call(model, used.row());
            let error = match send(order.clone()).await {
                Ok(answer) => {
                    passage.record(None);
                    used.answered().await;
                    self.keys.hold(used, model);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            self.keys.close(Outcome::Failed(error.class()));
            let is_too_long = error.class().remedy() == Remedy::Shorten;
            if is_too_long && order.length == Length::Whole && self.keys.has_attempts_left() {
                order.length = Length::Shortened;
                continue;
            }
            passage.record(Some(error.class()));
            if error.class().remedy() == Remedy::OtherKey {
                self.keys.exclude(used.spent());
            }
            used.failed(&error).await;
            return Err(error);
        }
    }

    /// After the last attempt at a model: of a pool whose keys are limited people are told when the
    /// first may be tried again (POOL-25).
    async fn given_up(&self, model: &Model, error: llm::Error, is_pooled: bool) -> CallError {
        if !is_pooled || error.class() != Class::RateLimit {
            return error.into();
        }
        let soonest = self.pools.soonest(self.tenant, model.provider).await;
        let rest = soonest.or(error.retry_after());
        CallError::Resting(rest.unwrap_or(self.pools.rules.limited_rest))
    }
}

impl CallError {
    /// Returns what is noted of a model before the next one is asked; `None` where that would not
    /// help.
    fn passes_on(&self) -> Option<Outcome> {
        Some(match self {
            Self::Model(error) => match error.class().remedy() {
                Remedy::OtherKey | Remedy::SameAgain | Remedy::OtherModel => {
                    Outcome::Failed(error.class())
                }
                Remedy::Shorten | Remedy::Tell => return None,
            },
            Self::Resting(_) => Outcome::Resting,
            Self::Disabled => Outcome::Disabled,
            Self::NoKey => Outcome::NoCredentials,
            Self::NoneLeft => Outcome::NoneLeft,
            Self::Unreadable => Outcome::Unreadable,
            Self::Silent => Outcome::CircuitOpen,
            Self::Store(_) => return None,
        })
    }
}

/// Of the models' failures people are told the first, for that model is the one that they expect;
/// of rests the shortest; and that there was no key only where there was nothing else.
fn telling(first: Option<CallError>, next: CallError) -> CallError {
    match (first, next) {
        (Some(CallError::Resting(one)), CallError::Resting(other)) => {
            CallError::Resting(one.min(other))
        }
        (None | Some(CallError::NoKey | CallError::NoneLeft), next) => next,
        (Some(first), _) => first,
    }
}

/// What is told when there is nothing to call with any more: the last failure, unless that is a limit
/// that ends.
fn left_with(last: Option<llm::Error>, error: CallError) -> CallError {
    match (last, error) {
        (_, CallError::Store(error)) => error.into(),
        (Some(last), CallError::Resting(rest)) if last.class() == Class::RateLimit => {
            CallError::Resting(rest)
        }
        (Some(last), _) => last.into(),
        (None, error) => error,
    }
}

async fn pause_before_retry() {
    let jitter = Duration::from_millis(rand::rng().random_range(0..=JITTER_MAX_MS));
    sleep(RETRY_AFTER + jitter).await;
}
