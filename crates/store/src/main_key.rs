//! The main key of a tenant in use: read for a call, and what calls tell about it (POOL-17).
//!
//! Each report is one conditional statement that names the generation at which the call began: a
//! key that was replaced meanwhile is not marked for what its predecessor did. Where the main key is
//! part of a pool, its row in the pool is told instead.

use keyring::{Keyring, SERVER_API_KEY};
use proto::id::TenantId;
use secrecy::SecretString;
use sqlx::PgConnection;

use crate::provider_key::{KeyFault, LONGEST_MESSAGE, MOST_POOL_KEYS};
use crate::{Edited, Error, ServerId, Store};

/// The main key of a tenant, as a caller finds it.
pub enum MainKey {
    /// There is none of that provider.
    None,
    /// It was called wrong too often: nobody calls with it until people replace it or test it again.
    Refused,
    /// It may be called with.
    Usable(UsableKey),
}

/// A key that may be called with, alone: the main key of a tenant or a user's own. No `Debug`: it
/// holds the key.
pub struct UsableKey {
    /// The key.
    pub key: SecretString,
    /// Belongs to every report about a call with it.
    pub generation: i64,
    /// Whether a call that succeeds has something to clear.
    pub has_failed: bool,
}

/// What became of a report about such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyReport {
    /// Nothing: the key or its state is another one since the call began.
    Outdated,
    /// It was counted.
    Noted,
    /// The key is rejected from now on, by this very report. Whose it is is to be told.
    Refused,
}

impl KeyReport {
    /// Reads what a report's statement returned: whether the key is rejected, if it took the report.
    pub(crate) const fn of(is_refused: Option<bool>) -> Self {
        match is_refused {
            None => Self::Outdated,
            Some(false) => Self::Noted,
            Some(true) => Self::Refused,
        }
    }
}

impl Store {
    /// Returns the tenant's main key for a call at a provider.
    ///
    /// # Errors
    /// `Corrupt` when it does not open; `Keyring` when this process lacks its version;
    /// `Unavailable`.
    pub async fn main_key_for_call(
        &self,
        keyring: &Keyring,
        tenant: TenantId,
        provider: &str,
    ) -> Result<MainKey, Error> {
        let Some(found) = self.stored_main_key(tenant, Some(provider)).await? else {
            return Ok(MainKey::None);
        };
        if found.is_refused {
            return Ok(MainKey::Refused);
        }
        let key = self
            .open_and_renew(keyring, SERVER_API_KEY, tenant, &found.sealed)
            .await?;
        Ok(MainKey::Usable(UsableKey {
            key,
            generation: found.generation,
            has_failed: found.has_failed,
        }))
    }

    /// Records that a provider refused a call for the main key's sake. Called wrong too often in a
    /// row it is rejected; any other refusal begins the count anew.
    ///
    /// # Errors
    /// `Unavailable`; then the report may or may not have been taken, and repeating it is harmless.
    pub async fn main_key_failed(
        &self,
        tenant: TenantId,
        generation: i64,
        fault: KeyFault,
        message: &str,
    ) -> Result<KeyReport, Error> {
        let message: String = message.chars().take(LONGEST_MESSAGE).collect();
        let is_refused = sqlx::query_scalar!(
            r#"UPDATE server_model_configs m
               SET main_key_auth_failures =
                       CASE WHEN $4::integer IS NULL THEN 0 ELSE m.main_key_auth_failures + 1 END,
                   main_key_disabled_at =
                       CASE WHEN m.main_key_auth_failures + 1 >= $4 THEN now() END,
                   main_key_told_at = NULL,
                   main_key_last_error = $5,
                   main_key_generation = m.main_key_generation + 1
               FROM servers s
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND m.server_id = s.server_id
                 AND m.main_key_generation = $3 AND m.main_key_disabled_at IS NULL
               RETURNING (m.main_key_disabled_at IS NOT NULL) AS "is_refused!""#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            generation,
            fault.fatal(),
            message,
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(KeyReport::of(is_refused))
    }

    /// Records that the main key works: what was held against it is forgotten. Returns whether that
    /// changed anything.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn main_key_works(&self, tenant: TenantId, generation: i64) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE server_model_configs m
             SET main_key_auth_failures = 0, main_key_last_error = NULL,
                 main_key_generation = m.main_key_generation + 1
             FROM servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND m.server_id = s.server_id
               AND m.main_key_generation = $3 AND m.main_key_disabled_at IS NULL",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            generation,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes a rejected main key into use again, after somebody has tested it. `Stale`: it is not
    /// rejected, or is another one than that of this generation.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn enable_main_key(
        &self,
        tenant: TenantId,
        generation: i64,
    ) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE server_model_configs m
             SET main_key_auth_failures = 0, main_key_disabled_at = NULL, main_key_told_at = NULL,
                 main_key_last_error = NULL, main_key_generation = m.main_key_generation + 1
             FROM servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND m.server_id = s.server_id
               AND m.main_key_generation = $3 AND m.main_key_disabled_at IS NOT NULL",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            generation,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }
}

/// Lets a new main key take part in the pool of its provider, where there is one, and leaves the
/// pool of the provider before without one (POOL-6). A pool that is full stays as it is.
pub(crate) async fn point_at_main_key(
    connection: &mut PgConnection,
    server: ServerId,
    provider: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM api_key_rotation
             WHERE server_id = $1 AND is_main_key_pointer AND provider <> $2
         ), renewed AS (
             UPDATE api_key_rotation
             SET is_enabled = true, disabled_reason = NULL, admins_told_at = NULL,
                 cooldown_until = NULL, probe_until = NULL, error_count = 0, auth_failures = 0,
                 last_error_at = NULL, last_error_type = NULL, last_error_message = NULL,
                 generation = generation + 1
             WHERE server_id = $1 AND provider = $2 AND is_main_key_pointer
         )
         INSERT INTO api_key_rotation (server_id, provider, is_main_key_pointer, usage_count)
         SELECT $1, $2::text, true, COALESCE(min(k.usage_count) FILTER (WHERE k.is_enabled), 0)
         FROM api_key_rotation k
         WHERE k.server_id = $1 AND k.provider = $2::text
         HAVING count(*) BETWEEN 1 AND $3::bigint - 1
         ON CONFLICT (server_id, provider) WHERE is_main_key_pointer DO NOTHING",
        server.0,
        provider,
        i64::from(MOST_POOL_KEYS),
    )
    .execute(connection)
    .await?;
    Ok(())
}
