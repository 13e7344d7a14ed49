//! What calls tell about the keys of a pool. Each report is one conditional statement that names the
//! generation at which the call began: what happened since is newer and stays (POOL-8).

use std::time::Duration;

use proto::id::TenantId;

use super::KeyId;
use crate::{Error, Store};

/// How long one caller may take to find out whether a key works again (POOL-8).
const PROBE_LEASE_SECS: f64 = 30.0;
/// A key that fails again and again is tried this often at least (POOL-8).
const LONGEST_REST_SECS: f64 = 3600.0;
/// Characters of a recorded error (POOL-13).
pub(crate) const LONGEST_MESSAGE: usize = 500;

/// What a provider holds against a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// Too many requests.
    RateLimit,
    /// Money or plan.
    Account,
    /// The key itself.
    Auth {
        /// The so-manieth such answer in a row ends the key's use (POOL-17).
        fatal: i32,
    },
}

/// A failed call, as far as it concerns its key.
#[derive(Clone, Copy, Debug)]
pub struct KeyFailure<'a> {
    /// What the provider holds against it.
    pub fault: KeyFault,
    /// How long it rests at least.
    pub rest: Duration,
    /// Whether the call was the one that was to find out whether the key works again.
    pub was_probe: bool,
    /// What those who may manage the server are shown of it: nothing that anybody else may not see.
    pub message: &'a str,
}

/// What became of a report about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rested {
    /// Nothing: the key's state has changed since the call began.
    Outdated,
    /// The key rests.
    Resting,
    /// The key is disabled, by this very report. The administrators are to be told.
    Disabled,
}

impl Store {
    /// Lets a key rest after a failure; one that was called wrong too often in a row is disabled. A rest is never shortened, and the rest after a failed probe is twice as long as the
    /// one before.
    ///
    /// # Errors
    /// `Unavailable`; then the report may or may not have been taken, and repeating it is harmless.
    pub async fn rest_key(
        &self,
        tenant: TenantId,
        key: KeyId,
        generation: i64,
        failure: KeyFailure<'_>,
    ) -> Result<Rested, Error> {
        let message: String = failure.message.chars().take(LONGEST_MESSAGE).collect();
        let is_enabled = sqlx::query_scalar!(
            "UPDATE api_key_rotation
             SET cooldown_until = GREATEST(
                     cooldown_until,
                     now() + make_interval(secs => $3),
                     CASE WHEN $4 THEN now() + LEAST(
                         2 * (cooldown_until - last_error_at), make_interval(secs => $5)) END),
                 probe_until = NULL,
                 generation = generation + 1,
                 error_count = error_count + 1,
                 auth_failures = CASE WHEN $6::integer IS NULL THEN 0 ELSE auth_failures + 1 END,
                 is_enabled = (auth_failures + 1 >= $6) IS NOT TRUE,
                 disabled_reason = CASE WHEN auth_failures + 1 >= $6 THEN 'auth' END,
                 admins_told_at = NULL,
                 last_error_at = now(),
                 last_error_type = $7,
                 last_error_message = $8
             WHERE rotation_key_id = $1 AND generation = $2 AND is_enabled
             RETURNING is_enabled",
            key.0,
            generation,
            failure.rest.as_secs_f64(),
            failure.was_probe,
            LONGEST_REST_SECS,
            failure.fault.fatal(),
            failure.fault.as_str(),
            message,
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(match is_enabled {
            None => Rested::Outdated,
            Some(true) => Rested::Resting,
            Some(false) => Rested::Disabled,
        })
    }

    /// Takes the right to find out whether a key works again after its rest, for 30 s. Returns the
    /// generation of that call; `None` when somebody else has the right or the state has changed.
    ///
    /// # Errors
    /// `Unavailable`; the right may be taken then, and comes free with its lease.
    pub async fn probe_key(
        &self,
        tenant: TenantId,
        key: KeyId,
        generation: i64,
    ) -> Result<Option<i64>, Error> {
        let probing = sqlx::query_scalar!(
            "UPDATE api_key_rotation
             SET probe_until = now() + make_interval(secs => $3), generation = generation + 1
             WHERE rotation_key_id = $1 AND generation = $2 AND is_enabled
               AND cooldown_until <= now() AND (probe_until IS NULL OR probe_until <= now())
             RETURNING generation",
            key.0,
            generation,
            PROBE_LEASE_SECS,
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(probing)
    }

    /// Gives the right of a probe back that found nothing out about the key.
    ///
    /// # Errors
    /// `Unavailable`; the right comes free with its lease.
    pub async fn release_probe(
        &self,
        tenant: TenantId,
        key: KeyId,
        generation: i64,
    ) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE api_key_rotation SET probe_until = NULL, generation = generation + 1
             WHERE rotation_key_id = $1 AND generation = $2 AND probe_until IS NOT NULL",
            key.0,
            generation,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(())
    }

    /// Records that a key works: its rest and its errors are forgotten (POOL-11). Returns whether
    /// that changed anything.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn key_works(
        &self,
        tenant: TenantId,
        key: KeyId,
        generation: i64,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE api_key_rotation
             SET cooldown_until = NULL, probe_until = NULL, error_count = 0, auth_failures = 0,
                 last_error_at = NULL, last_error_type = NULL, last_error_message = NULL,
                 last_used_at = now(), generation = generation + 1
             WHERE rotation_key_id = $1 AND generation = $2 AND is_enabled
               AND (cooldown_until IS NOT NULL OR error_count > 0)",
            key.0,
            generation,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Adds finished calls to the counts of keys (POOL-9). A batch that fails is lost or counted
    /// twice when it is repeated; nothing but fairness rests on it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count_key_uses(&self, uses: &[(KeyId, u64)]) -> Result<(), Error> {
        let (keys, counts): (Vec<i64>, Vec<i64>) = uses
            .iter()
            .map(|&(key, uses)| (key.0, i64::try_from(uses).unwrap_or(i64::MAX)))
            .unzip();
        // In one order everywhere, so that two batches never wait for each other in a circle.
        sqlx::query!(
            "WITH used AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS u (id, uses)),
                  locked AS (SELECT k.rotation_key_id AS id, u.uses
                             FROM api_key_rotation k JOIN used u ON u.id = k.rotation_key_id
                             ORDER BY k.rotation_key_id FOR NO KEY UPDATE OF k)
             UPDATE api_key_rotation k
             SET usage_count = k.usage_count + l.uses, last_used_at = now()
             FROM locked l WHERE k.rotation_key_id = l.id",
            &keys,
            &counts,
        )
        .execute(self.pool.system())
        .await?;
        Ok(())
    }
}

impl KeyFault {
    /// As `last_error_type` holds it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Account | Self::Auth { .. } => "api_error",
        }
    }

    /// How many such answers in a row end the key's use, where they do.
    pub(crate) const fn fatal(self) -> Option<i32> {
        match self {
            Self::RateLimit | Self::Account => None,
            Self::Auth { fatal } => Some(fatal),
        }
    }
}
