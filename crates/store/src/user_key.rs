//! A user's own keys at providers: one per provider, shown, entered and changed by that user alone.
//! Who pays with them, and when, is `payer`'s.
//!
//! The user's row comes into being with the first key, and with nothing else here (PRIV-4).

use keyring::{Cell, Keyring, USER_API_KEY};
use proto::id::UserId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::personal_memory::lock_user;
use crate::pool::scope::Opened;
use crate::seal::last_characters;
use crate::sealed::{KEY_FORM, column_version};
use crate::{Edited, Error, Store};

/// The most keys that are read; more than there are providers.
const MOST_KEYS: i64 = 25;

/// The row of a user's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnKeyId(pub i64);

/// The keys of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnKeys {
    /// Whether they pay for what their user asks.
    pub is_on: bool,
    /// In the order in which they are asked.
    pub keys: Vec<OwnKey>,
}

/// A user's key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// Its row; older keys have smaller numbers.
    pub id: OwnKeyId,
    /// The provider's stored name.
    pub provider: String,
    /// The last characters of the key, `None` for short ones.
    pub last4: Option<String>,
    /// The model that talks; `None` for the one that is offered first.
    pub model: Option<String>,
    /// Whether it may pay for talking.
    pub is_for_chat: bool,
    /// Whether its provider refused it for good, so that it pays for nothing.
    pub is_refused: bool,
    /// Names the state in which it was read.
    pub row_version: i32,
}

/// A user's key as it was shown to that user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenOwnKey {
    /// Whose it is.
    pub user: UserId,
    /// The row.
    pub key: OwnKeyId,
    /// `row_version` of what was shown.
    pub row_version: i32,
}

/// A key to be stored. No `Debug`: it holds the key.
#[derive(Clone, Copy)]
pub struct NewOwnKey<'a> {
    /// Whose it is.
    pub user: UserId,
    /// The provider's stored name.
    pub provider: &'a str,
    /// The model that shall talk; `None` for the one that is offered first.
    pub model: Option<&'a str>,
    /// The key.
    pub key: &'a SecretString,
    /// `row_version` of the key that it replaces, `None` where none was shown.
    pub replaces: Option<i32>,
}

impl Store {
    /// Reads a user's keys.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn own_keys(&self, user: UserId) -> Result<OwnKeys, Error> {
        let rows = sqlx::query!(
            r#"SELECT u.personal_provider_enabled AS is_on, k.user_provider_key_id AS "id?",
                      k.provider AS "provider?", k.key_last4 AS "last4?",
                      k.models ->> 'text' AS "model?",
                      ('text' = ANY (k.enabled_capabilities)) IS TRUE AS "is_for_chat!",
                      (k.disabled_at IS NOT NULL) AS "is_refused!",
                      k.row_version AS "row_version?"
               FROM users u LEFT JOIN user_provider_keys k ON k.user_id = u.user_id
               WHERE u.user_disc_id = $1
               ORDER BY k.user_provider_key_id
               LIMIT $2"#,
            user.to_string(),
            MOST_KEYS,
        )
        .fetch_all(self.pool.user(user))
        .await?;
        let is_on = rows.first().is_some_and(|row| row.is_on);
        let keys = rows.into_iter().filter_map(|row| {
            Some(OwnKey {
                id: OwnKeyId(row.id?),
                provider: row.provider?,
                last4: row.last4,
                model: row.model,
                is_for_chat: row.is_for_chat,
                is_refused: row.is_refused,
                row_version: row.row_version?,
            })
        });
        Ok(OwnKeys {
            is_on,
            keys: keys.collect(),
        })
    }

    /// Stores a user's key, to talk with; the first one switches the user's keys on. `Stale` when the
    /// key that was shown is not there any more, or another one is. Dropping it midway leaves
    /// nothing behind.
    ///
    /// # Errors
    /// `Keyring` for a key that is empty or too long; `Unavailable`.
    pub async fn set_own_key(
        &self,
        keyring: &Keyring,
        new: NewOwnKey<'_>,
    ) -> Result<Edited, Error> {
        let mut opened = self.pool.user(new.user).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, set(&mut opened, keyring, new)).await;
        opened.settle(done)
    }

    /// Gives a user's key another model to talk with.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn set_own_model(&self, seen: SeenOwnKey, model: &str) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE user_provider_keys k
             SET models = k.models || jsonb_build_object('text', $4::text)
             FROM users u
             WHERE u.user_disc_id = $1 AND k.user_id = u.user_id
               AND k.user_provider_key_id = $2 AND k.row_version = $3",
            seen.user.to_string(),
            seen.key.0,
            seen.row_version,
            model,
        )
        .execute(self.pool.user(seen.user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Lets a user's key pay for talking.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn use_own_key(&self, seen: SeenOwnKey) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE user_provider_keys k
             SET enabled_capabilities = array_append(array_remove(k.enabled_capabilities, 'text'),
                                                     'text')
             FROM users u
             WHERE u.user_disc_id = $1 AND k.user_id = u.user_id
               AND k.user_provider_key_id = $2 AND k.row_version = $3",
            seen.user.to_string(),
            seen.key.0,
            seen.row_version,
        )
        .execute(self.pool.user(seen.user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Takes a user's key into use again that its provider had refused for good.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn enable_own_key(&self, seen: SeenOwnKey) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE user_provider_keys k
             SET disabled_at = NULL, auth_failures = 0, told_at = NULL,
                 generation = k.generation + 1
             FROM users u
             WHERE u.user_disc_id = $1 AND k.user_id = u.user_id
               AND k.user_provider_key_id = $2 AND k.row_version = $3",
            seen.user.to_string(),
            seen.key.0,
            seen.row_version,
        )
        .execute(self.pool.user(seen.user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Lets a user's key not pay for talking any more.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn spare_own_key(&self, seen: SeenOwnKey) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE user_provider_keys k
             SET enabled_capabilities = array_remove(k.enabled_capabilities, 'text')
             FROM users u
             WHERE u.user_disc_id = $1 AND k.user_id = u.user_id
               AND k.user_provider_key_id = $2 AND k.row_version = $3",
            seen.user.to_string(),
            seen.key.0,
            seen.row_version,
        )
        .execute(self.pool.user(seen.user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Removes a user's key. The last one switches the user's keys off.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_own_key(&self, seen: SeenOwnKey) -> Result<Edited, Error> {
        let done = sqlx::query_scalar!(
            r#"WITH removed AS (
                   DELETE FROM user_provider_keys k USING users u
                   WHERE u.user_disc_id = $1 AND k.user_id = u.user_id
                     AND k.user_provider_key_id = $2 AND k.row_version = $3
                   RETURNING k.user_id, k.user_provider_key_id
               ), off AS (
                   UPDATE users u SET personal_provider_enabled = false FROM removed r
                   WHERE u.user_id = r.user_id AND u.personal_provider_enabled
                     AND NOT EXISTS (
                         SELECT 1 FROM user_provider_keys k
                         WHERE k.user_id = r.user_id
                           AND k.user_provider_key_id <> r.user_provider_key_id)
               )
               SELECT count(*) AS "count!" FROM removed"#,
            seen.user.to_string(),
            seen.key.0,
            seen.row_version,
        )
        .fetch_one(self.pool.user(seen.user))
        .await?;
        Ok(Edited::from(done == 1))
    }

    /// Lets a user's keys pay for what that user asks; `Stale` where there are none.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn switch_own_keys_on(&self, user: UserId) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE users u SET personal_provider_enabled = true
             WHERE u.user_disc_id = $1
               AND EXISTS (SELECT 1 FROM user_provider_keys k WHERE k.user_id = u.user_id)",
            user.to_string(),
        )
        .execute(self.pool.user(user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Lets servers pay again for what a user asks there.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn switch_own_keys_off(&self, user: UserId) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE users SET personal_provider_enabled = false
             WHERE user_disc_id = $1 AND personal_provider_enabled",
            user.to_string(),
        )
        .execute(self.pool.user(user))
        .await?;
        Ok(())
    }
}

/// What there is before a key is stored.
struct Before {
    user: i64,
    row: Option<i64>,
    row_version: Option<i32>,
    has_keys: bool,
}

async fn set(opened: &mut Opened, keyring: &Keyring, new: NewOwnKey<'_>) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    let before = look(&mut transaction, new).await?;
    if before.row_version != new.replaces {
        return Ok(Edited::Stale);
    }
    write(&mut transaction, keyring, new, &before).await?;
    if !before.has_keys {
        sqlx::query!(
            "UPDATE users SET personal_provider_enabled = true WHERE user_id = $1",
            before.user,
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(Edited::Done)
}

/// Makes the user's row where it is missing, and locks it, so that two forms see each other's key.
async fn look(connection: &mut PgConnection, new: NewOwnKey<'_>) -> Result<Before, Error> {
    let user = lock_user(connection, new.user).await?;
    let keys = sqlx::query!(
        "SELECT user_provider_key_id AS id, provider, row_version FROM user_provider_keys
         WHERE user_id = $1 LIMIT $2",
        user,
        MOST_KEYS,
    )
    .fetch_all(connection)
    .await?;
    let same = keys.iter().find(|key| key.provider == new.provider);
    Ok(Before {
        user,
        row: same.map(|key| key.id),
        row_version: same.map(|key| key.row_version),
        has_keys: !keys.is_empty(),
    })
}

async fn write(
    connection: &mut PgConnection,
    keyring: &Keyring,
    new: NewOwnKey<'_>,
    before: &Before,
) -> Result<(), Error> {
    let id = match before.row {
        Some(id) => id,
        None => {
            sqlx::query_scalar!(
                r#"SELECT nextval(pg_get_serial_sequence(
                       'user_provider_keys', 'user_provider_key_id')) AS "id!""#
            )
            .fetch_one(&mut *connection)
            .await?
        }
    };
    let cell = Cell {
        column: USER_API_KEY,
        row_key: id.to_string(),
        tenant: new.user.to_string(),
    };
    let sealed = keyring.seal(&cell, new.key)?;
    sqlx::query!(
        "INSERT INTO user_provider_keys AS k
             (user_provider_key_id, user_id, provider, models, enabled_capabilities, key_last4,
              key_version, key_form, api_key)
         OVERRIDING SYSTEM VALUE
         VALUES ($1, $2, $3, jsonb_strip_nulls(jsonb_build_object('text', $4::text)), '{text}', $5,
                 $6, $7,
                 pgp_sym_encrypt_bytea($8, $9, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'))
         ON CONFLICT (user_provider_key_id) DO UPDATE
         SET models = (k.models - 'text') || excluded.models, disabled_at = NULL,
             auth_failures = 0, told_at = NULL, generation = k.generation + 1,
             key_last4 = excluded.key_last4, key_version = excluded.key_version,
             key_form = excluded.key_form, api_key = excluded.api_key",
        id,
        before.user,
        new.provider,
        new.model,
        last_characters(new.key),
        column_version(sealed.version)?,
        KEY_FORM,
        &sealed.envelope[..],
        sealed.passphrase.expose_secret(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
