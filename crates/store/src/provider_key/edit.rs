//! What people change about the keys of a pool. Each change names the tenant, never the row alone
//! (SEC-62), and the state that was shown to who changes it (CMD-15).
//!
//! The row that stands for the main key exists as long as the main key and another key of its
//! provider do. While it does, it says whether the main key is in use; otherwise the settings do.

use proto::id::TenantId;
use sqlx::PgConnection;
use tokio::time::timeout;

use super::KeyId;
use crate::pool::scope::Opened;
use crate::{Edited, Error, Store};

/// Why a key is disabled that nobody but people disabled.
pub(super) const BY_PEOPLE: &str = "people";

/// A key of a pool as it was shown to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// The row.
    pub key: KeyId,
    /// `row_version` of what was shown.
    pub row_version: i32,
}

/// All keys of one provider as they were shown to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPool<'a> {
    /// Whose they are.
    pub tenant: TenantId,
    /// The provider's stored name.
    pub provider: &'a str,
    /// The newest key; those that were added since stay. `None` when the pool was empty.
    pub newest: Option<KeyId>,
    /// The generation of the main key where that is one of them.
    pub main: Option<i64>,
}

impl Store {
    /// Gives a key another label, 1..=32 characters, or none.
    ///
    /// # Errors
    /// `Conflict` for a label out of its range; `Unavailable`.
    pub async fn label_key(&self, seen: SeenKey, label: Option<&str>) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE api_key_rotation k SET label = $5
             FROM servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND k.server_id = s.server_id
               AND k.rotation_key_id = $3 AND k.row_version = $4",
            seen.tenant.disc_id().to_string(),
            seen.tenant.is_direct(),
            seen.key.0,
            seen.row_version,
            label,
        )
        .execute(self.pool.tenant(seen.tenant))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Takes a key out of use, until people take it into use again.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn disable_key(&self, seen: SeenKey) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE api_key_rotation k
             SET is_enabled = false, disabled_reason = $5, probe_until = NULL,
                 generation = k.generation + 1
             FROM servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND k.server_id = s.server_id
               AND k.rotation_key_id = $3 AND k.row_version = $4 AND k.is_enabled",
            seen.tenant.disc_id().to_string(),
            seen.tenant.is_direct(),
            seen.key.0,
            seen.row_version,
            BY_PEOPLE,
        )
        .execute(self.pool.tenant(seen.tenant))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Takes a key into use again as if nothing had happened, with the least use of its pool
    /// (POOL-5).
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn enable_key(&self, seen: SeenKey) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE api_key_rotation k
             SET is_enabled = true, disabled_reason = NULL, admins_told_at = NULL,
                 cooldown_until = NULL, probe_until = NULL, error_count = 0, auth_failures = 0,
                 last_error_at = NULL, last_error_type = NULL, last_error_message = NULL,
                 generation = k.generation + 1,
                 usage_count = (SELECT COALESCE(min(o.usage_count), 0) FROM api_key_rotation o
                                WHERE o.server_id = k.server_id AND o.provider = k.provider
                                  AND o.is_enabled)
             FROM servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND k.server_id = s.server_id
               AND k.rotation_key_id = $3 AND k.row_version = $4 AND NOT k.is_enabled",
            seen.tenant.disc_id().to_string(),
            seen.tenant.is_direct(),
            seen.key.0,
            seen.row_version,
        )
        .execute(self.pool.tenant(seen.tenant))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Removes a key that is not the main one. Dropping it midway leaves nothing behind.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_key(&self, seen: SeenKey) -> Result<Edited, Error> {
        let mut opened = self.pool.tenant(seen.tenant).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, remove(&mut opened, seen)).await;
        opened.settle(done)
    }

    /// Removes the main key as it was shown; other keys of its provider stay. Dropping it midway
    /// leaves nothing behind.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_main_key(
        &self,
        tenant: TenantId,
        generation: i64,
    ) -> Result<Edited, Error> {
        let mut opened = self.pool.tenant(tenant).open().await?;
        let deadline = opened.deadline();
        let removing = async {
            let mut transaction = opened.begin().await?;
            let Some(server) = lock(&mut transaction, tenant).await? else {
                return Ok(Edited::Stale);
            };
            let edited = forget_main(&mut transaction, server, generation).await?;
            commit_if_done(transaction, edited).await
        };
        let done = timeout(deadline, removing).await;
        opened.settle(done)
    }

    /// Removes all keys of a provider that were shown; those added since stay, and when the main key
    /// was changed since, all do. Dropping it midway leaves nothing behind.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_pool(&self, seen: SeenPool<'_>) -> Result<Edited, Error> {
        let mut opened = self.pool.tenant(seen.tenant).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, remove_all(&mut opened, seen)).await;
        opened.settle(done)
    }
}

async fn remove(opened: &mut Opened, seen: SeenKey) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    let Some(server) = lock(&mut transaction, seen.tenant).await? else {
        return Ok(Edited::Stale);
    };
    let removed = sqlx::query!(
        "DELETE FROM api_key_rotation
         WHERE server_id = $1 AND rotation_key_id = $2 AND row_version = $3
           AND NOT is_main_key_pointer",
        server,
        seen.key.0,
        seen.row_version,
    )
    .execute(&mut *transaction)
    .await?;
    drop_lone_pointer(&mut transaction, server).await?;
    commit_if_done(transaction, Edited::of(removed.rows_affected())).await
}

async fn remove_all(opened: &mut Opened, seen: SeenPool<'_>) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    let Some(server) = lock(&mut transaction, seen.tenant).await? else {
        return Ok(Edited::Stale);
    };
    let removed = sqlx::query!(
        "DELETE FROM api_key_rotation
         WHERE server_id = $1 AND provider = $2 AND rotation_key_id <= $3
           AND NOT is_main_key_pointer",
        server,
        seen.provider,
        seen.newest.map_or(0, |newest| newest.0),
    )
    .execute(&mut *transaction)
    .await?;
    let edited = match seen.main {
        Some(generation) => forget_main(&mut transaction, server, generation).await?,
        None => Edited::of(removed.rows_affected()),
    };
    drop_lone_pointer(&mut transaction, server).await?;
    commit_if_done(transaction, edited).await
}

/// Locks the tenant, so that changes of its pools see each other's rows.
async fn lock(connection: &mut PgConnection, tenant: TenantId) -> Result<Option<i64>, Error> {
    let server = sqlx::query_scalar!(
        "SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2 FOR UPDATE",
        tenant.disc_id().to_string(),
        tenant.is_direct(),
    );
    Ok(server.fetch_optional(connection).await?)
}

async fn forget_main(
    connection: &mut PgConnection,
    server: i64,
    generation: i64,
) -> Result<Edited, Error> {
    let forgotten = sqlx::query!(
        "UPDATE server_model_configs
         SET api_key = NULL, key_version = NULL, key_form = NULL, key_last4 = NULL,
             main_key_auth_failures = 0, main_key_disabled_at = NULL, main_key_told_at = NULL,
             main_key_last_error = NULL, main_key_generation = main_key_generation + 1
         WHERE server_id = $1 AND main_key_generation = $2 AND octet_length(api_key) > 0",
        server,
        generation,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM api_key_rotation WHERE server_id = $1 AND is_main_key_pointer",
        server
    )
    .execute(connection)
    .await?;
    Ok(Edited::of(forgotten.rows_affected()))
}

/// Removes the row that stands for the main key where nothing else of its pool is left; the main
/// key stays in use, or out of it, as that row was.
async fn drop_lone_pointer(connection: &mut PgConnection, server: i64) -> Result<(), Error> {
    sqlx::query!(
        "WITH dropped AS (
             DELETE FROM api_key_rotation p
             WHERE p.server_id = $1 AND p.is_main_key_pointer
               AND NOT EXISTS (SELECT FROM api_key_rotation o
                               WHERE o.server_id = p.server_id AND o.provider = p.provider
                                 AND NOT o.is_main_key_pointer)
             RETURNING p.is_enabled, p.disabled_reason, p.admins_told_at, p.last_error_at,
                       p.last_error_message)
         UPDATE server_model_configs m
         SET main_key_auth_failures = 0,
             main_key_disabled_at =
                 CASE WHEN NOT d.is_enabled THEN COALESCE(d.last_error_at, now()) END,
             main_key_told_at = CASE WHEN d.disabled_reason = $2 THEN now() ELSE d.admins_told_at END,
             main_key_last_error =
                 CASE WHEN d.disabled_reason <> $2 THEN COALESCE(d.last_error_message, '') END,
             main_key_generation = m.main_key_generation + 1
         FROM dropped d WHERE m.server_id = $1",
        server,
        BY_PEOPLE,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn commit_if_done(
    transaction: sqlx::Transaction<'_, sqlx::Postgres>,
    edited: Edited,
) -> Result<Edited, Error> {
    match edited {
        Edited::Done => transaction.commit().await?,
        Edited::Stale => transaction.rollback().await?,
    }
    Ok(edited)
}
