//! A user's own key in use: read for a call, and what calls tell about it (POOL-17, POOL-22). As with
//! a main key, each report is one conditional statement that names the generation at which the call
//! began.

use keyring::{Keyring, USER_API_KEY};
use proto::id::{TenantId, UserId};

use crate::main_key::UsableKey;
use crate::sealed::Stored;
use crate::{Error, KeyFault, KeyReport, OwnKeyId, Store};

impl Store {
    /// Returns a user's own key for a call at a provider; `None` when there is none that may be used.
    ///
    /// # Errors
    /// `Corrupt` when it does not open; `Keyring` when this process lacks its version;
    /// `Unavailable`.
    pub async fn own_key(
        &self,
        keyring: &Keyring,
        user: UserId,
        provider: &str,
    ) -> Result<Option<(OwnKeyId, UsableKey)>, Error> {
        let row = sqlx::query!(
            r#"SELECT k.user_provider_key_id AS id, k.api_key, k.key_version, k.key_form,
                      k.generation, (k.auth_failures > 0) AS "has_failed!"
               FROM users u JOIN user_provider_keys k ON k.user_id = u.user_id
               WHERE u.user_disc_id = $1 AND k.provider = $2 AND k.disabled_at IS NULL
                 AND 'text' = ANY (k.enabled_capabilities)"#,
            user.to_string(),
            provider,
        )
        .fetch_optional(self.pool.user(user))
        .await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = Stored {
            id: row.id,
            ciphertext: row.api_key,
            stored_version: Some(row.key_version),
            form: row.key_form,
            owner: user.to_string(),
        };
        let owner = TenantId::Direct(user);
        let key = UsableKey {
            key: self
                .open_and_renew(keyring, USER_API_KEY, owner, &sealed)
                .await?,
            generation: row.generation,
            has_failed: row.has_failed,
        };
        Ok(Some((OwnKeyId(row.id), key)))
    }

    /// Records that a provider refused a call for the sake of a user's own key. One that was called
    /// wrong too often in a row is disabled; any other refusal begins the count anew.
    ///
    /// # Errors
    /// `Unavailable`; then the report may or may not have been taken, and repeating it is harmless.
    pub async fn own_key_failed(
        &self,
        (user, key): (UserId, OwnKeyId),
        generation: i64,
        fault: KeyFault,
    ) -> Result<KeyReport, Error> {
        let is_refused = sqlx::query_scalar!(
            r#"UPDATE user_provider_keys k
               SET auth_failures = CASE WHEN $4::integer IS NULL THEN 0 ELSE k.auth_failures + 1 END,
                   disabled_at = CASE WHEN k.auth_failures + 1 >= $4 THEN now() END,
                   told_at = NULL,
                   generation = k.generation + 1
               FROM users u
               WHERE u.user_disc_id = $1 AND k.user_id = u.user_id AND k.user_provider_key_id = $2
                 AND k.generation = $3 AND k.disabled_at IS NULL
               RETURNING (k.disabled_at IS NOT NULL) AS "is_refused!""#,
            user.to_string(),
            key.0,
            generation,
            fault.fatal(),
        )
        .fetch_optional(self.pool.user(user))
        .await?;
        Ok(KeyReport::of(is_refused))
    }

    /// Records that a user's own key works: what was held against it is forgotten. Returns whether
    /// that changed anything.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn own_key_works(
        &self,
        (user, key): (UserId, OwnKeyId),
        generation: i64,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE user_provider_keys k SET auth_failures = 0, generation = k.generation + 1
             FROM users u
             WHERE u.user_disc_id = $1 AND k.user_id = u.user_id AND k.user_provider_key_id = $2
               AND k.generation = $3 AND k.disabled_at IS NULL",
            user.to_string(),
            key.0,
            generation,
        )
        .execute(self.pool.user(user))
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
