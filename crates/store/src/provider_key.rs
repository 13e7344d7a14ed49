//! The pool of provider keys of a server: its rows, read at once, and how one is added (POOL-1 to
//! POOL-5). Which key is taken is not decided here, and reading takes no lock.

mod change;
mod edit;
mod list;

use std::time::Duration;

use chrono::{DateTime, Utc};
use keyring::{Cell, Keyring, POOL_API_KEY};
use proto::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use tokio::time::timeout;

pub(crate) use self::change::LONGEST_MESSAGE;
pub use self::change::{KeyFailure, KeyFault, Rested};
use self::edit::BY_PEOPLE;
pub use self::edit::{SeenKey, SeenPool};
pub use self::list::{ListedError, ListedKey, ListedKeys, ListedMain};
use crate::pool::scope::Opened;
use crate::row::Place;
use crate::seal::last_characters;
use crate::sealed::{KEY_FORM, column_version};
use crate::{Edited, Error, Store};

/// Rows of one pool, the pointer included (POOL-4).
pub const MOST_POOL_KEYS: u32 = 20;
/// No key is shorter; shorter ones are mistakes (POOL-4).
pub const SHORTEST_POOL_KEY: usize = 10;

/// A row of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub i64);

/// A key of a pool, without the key: how it fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolKey {
    /// Its row; older keys have smaller numbers.
    pub id: KeyId,
    /// Whether it stands for the server's main key.
    pub is_main: bool,
    /// What people call it.
    pub label: Option<String>,
    /// The last characters of the key, `None` for short ones.
    pub last4: Option<String>,
    /// Whether it may be used at all.
    pub is_enabled: bool,
    /// Finished calls, some seconds late.
    pub usage_count: u64,
    /// Raised by every change of state; belongs to every report about a call.
    pub generation: i64,
    /// How long it rests from the moment of reading: zero when the rest is over and nobody has
    /// found out yet whether it works again.
    pub rest: Option<Duration>,
    /// When the rest ends, by the database's clock.
    pub rests_until: Option<DateTime<Utc>>,
    /// How long from the moment of reading somebody may take to find out.
    pub probe: Option<Duration>,
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// By anybody.
    Ready,
    /// Not yet.
    Resting(Duration),
    /// By whoever wins the probe.
    Due,
    /// Somebody is finding out, for so long at most.
    Probed(Duration),
    /// Not before people enable it.
    Disabled,
}

impl PoolKey {
    /// Returns the state so long after the key was read.
    pub fn state(&self, age: Duration) -> KeyState {
        let left = |span: Option<Duration>| span.map(|span| span.saturating_sub(age));
        match (left(self.rest), left(self.probe)) {
            _ if !self.is_enabled => KeyState::Disabled,
            (None, _) => KeyState::Ready,
            (Some(rest), _) if !rest.is_zero() => KeyState::Resting(rest),
            (Some(_), Some(probe)) if !probe.is_zero() => KeyState::Probed(probe),
            (Some(_), _) => KeyState::Due,
        }
    }
}

/// Why a key was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAdded {
    /// It is in the pool.
    Added(KeyId),
    /// The pool has it already.
    Known(KeyId),
    /// The pool is full.
    Full,
    /// It is shorter than [`SHORTEST_POOL_KEY`] characters.
    TooShort,
    /// The tenant was never set up.
    NotSetUp,
}

impl Store {
    /// Reads the pool of a tenant at a provider, oldest key first, at most [`MOST_POOL_KEYS`]. Empty
    /// when there is none. A pointer counts as long as the main key is of its provider.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn key_pool(&self, tenant: TenantId, provider: &str) -> Result<Vec<PoolKey>, Error> {
        let rows = sqlx::query_as!(
            KeyRow,
            r#"SELECT k.rotation_key_id AS id, k.is_main_key_pointer AS is_main, k.label,
                    CASE WHEN k.is_main_key_pointer THEN m.key_last4 ELSE k.key_last4 END AS last4,
                    k.is_enabled, k.usage_count, k.generation, k.cooldown_until,
                    ceil(extract(epoch FROM k.cooldown_until - statement_timestamp()) * 1000)::bigint
                        AS rest_ms,
                    ceil(extract(epoch FROM k.probe_until - statement_timestamp()) * 1000)::bigint
                        AS probe_ms
               FROM servers s
               JOIN api_key_rotation k ON k.server_id = s.server_id AND k.provider = $3
               LEFT JOIN server_model_configs m ON m.server_id = s.server_id
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2
                 AND (NOT k.is_main_key_pointer
                      OR (m.provider = k.provider AND octet_length(m.api_key) > 0))
               ORDER BY k.rotation_key_id
               LIMIT $4"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            provider,
            i64::from(MOST_POOL_KEYS),
        )
        .fetch_all(self.pool.tenant(tenant))
        .await?;
        rows.into_iter().map(PoolKey::try_from).collect()
    }

    /// Returns a key of a pool; the pointer's is the tenant's main key. `None` when it was removed,
    /// or the main key is one of another provider by now: a key never goes to anybody else.
    ///
    /// # Errors
    /// `Corrupt` when it does not open; `Keyring` when this process lacks its version;
    /// `Unavailable`.
    pub async fn pool_key(
        &self,
        keyring: &Keyring,
        tenant: TenantId,
        provider: &str,
        key: &PoolKey,
    ) -> Result<Option<SecretString>, Error> {
        if key.is_main {
            return self.main_key_of(keyring, tenant, provider).await;
        }
        self.secret(keyring, POOL_API_KEY, key.id.0, tenant).await
    }

    /// Adds a key to the tenant's pool at a provider. The first one at the provider of the main key
    /// brings the row that stands for that in the same transaction (POOL-4); a new row begins with
    /// the least use of the pool (POOL-5). Whether the provider takes the key was found out before.
    ///
    /// # Errors
    /// `Keyring` for a key that is empty or too long; `Conflict` for a label out of its range;
    /// `Corrupt` when a key of the pool does not open; `Unavailable`.
    pub async fn add_pool_key(
        &self,
        keyring: &Keyring,
        new: NewPoolKey<'_>,
    ) -> Result<KeyAdded, Error> {
        if new.key.expose_secret().trim().chars().count() < SHORTEST_POOL_KEY {
            return Ok(KeyAdded::TooShort);
        }
        let known = self.known_in_pool(keyring, &new, None).await?;
        if let Some(id) = known {
            return Ok(KeyAdded::Known(id));
        }
        let mut opened = self.pool.tenant(new.tenant).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, add(&mut opened, keyring, &new)).await;
        let added = opened.settle(done)?;
        let KeyAdded::Added(id) = added else {
            return Ok(added);
        };
        // Two people may have added the same key at once: the older row stays.
        match self.known_in_pool(keyring, &new, Some(id)).await? {
            Some(older) => Ok(match self.remove_key(new_row(new.tenant, id)).await? {
                Edited::Done => KeyAdded::Known(older),
                // Somebody did something with it meanwhile.
                Edited::Stale => added,
            }),
            None => Ok(added),
        }
    }

    /// Looks for an equal key among those of the pool, or among those that are older than a row.
    async fn known_in_pool(
        &self,
        keyring: &Keyring,
        new: &NewPoolKey<'_>,
        older_than: Option<KeyId>,
    ) -> Result<Option<KeyId>, Error> {
        let pool = self.key_pool(new.tenant, new.provider).await?;
        let asked = |key: &PoolKey| older_than.is_none_or(|row| key.id < row);
        for key in pool.into_iter().filter(asked) {
            let opened = self.pool_key(keyring, new.tenant, new.provider, &key).await;
            // One that does not open is no reason to refuse another.
            let Ok(opened) = opened else { continue };
            if opened.is_some_and(|old| old.expose_secret() == new.key.expose_secret()) {
                return Ok(Some(key.id));
            }
        }
        Ok(None)
    }
}

/// A key to be added. No `Debug`: it holds the key.
#[derive(Clone, Copy)]
pub struct NewPoolKey<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The provider's stored name.
    pub provider: &'a str,
    /// What people call it, 1..=32 characters.
    pub label: Option<&'a str>,
    /// The key.
    pub key: &'a SecretString,
}

async fn add(
    opened: &mut Opened,
    keyring: &Keyring,
    new: &NewPoolKey<'_>,
) -> Result<KeyAdded, Error> {
    let mut transaction = opened.begin().await?;
    // Locked, so that two additions see each other's rows.
    let server = sqlx::query!(
        r#"SELECT s.server_id, (m.provider = $3 AND octet_length(m.api_key) > 0) AS is_main_provider
           FROM servers s LEFT JOIN server_model_configs m ON m.server_id = s.server_id
           WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2
           FOR UPDATE OF s"#,
        new.tenant.disc_id().to_string(),
        new.tenant.is_direct(),
        new.provider,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(server) = server else {
        return Ok(KeyAdded::NotSetUp);
    };
    if server.is_main_provider == Some(true) {
        point_at_main_key(&mut transaction, server.server_id, new.provider).await?;
    }
    let added = insert(&mut transaction, keyring, new, server.server_id).await?;
    if added != KeyAdded::Full {
        transaction.commit().await?;
    }
    Ok(added)
}

/// A row that nobody has changed yet.
fn new_row(tenant: TenantId, key: KeyId) -> SeenKey {
    SeenKey {
        tenant,
        key,
        row_version: 1,
    }
}

/// Lets the main key take part in the pool of its provider. One that was refused for good takes part
/// as one that is disabled; from then on the row says so, not the settings.
async fn point_at_main_key(
    connection: &mut PgConnection,
    server: i64,
    provider: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH pointer AS (
             INSERT INTO api_key_rotation
                 (server_id, provider, is_main_key_pointer, is_enabled, disabled_reason,
                  admins_told_at, last_error_at, last_error_message)
             SELECT m.server_id, $2, true, m.main_key_disabled_at IS NULL,
                    CASE WHEN m.main_key_disabled_at IS NOT NULL
                         THEN CASE WHEN m.main_key_last_error IS NULL THEN $3 ELSE 'auth' END END,
                    m.main_key_told_at, m.main_key_disabled_at, m.main_key_last_error
             FROM server_model_configs m WHERE m.server_id = $1
             ON CONFLICT (server_id, provider) WHERE is_main_key_pointer DO NOTHING
             RETURNING server_id)
         UPDATE server_model_configs m
         SET main_key_disabled_at = NULL, main_key_told_at = NULL, main_key_auth_failures = 0,
             main_key_last_error = NULL, main_key_generation = m.main_key_generation + 1
         FROM pointer
         WHERE m.server_id = pointer.server_id AND m.main_key_disabled_at IS NOT NULL",
        server,
        provider,
        BY_PEOPLE,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    keyring: &Keyring,
    new: &NewPoolKey<'_>,
    server: i64,
) -> Result<KeyAdded, Error> {
    let pool = sqlx::query!(
        r#"SELECT count(*) AS "rows!",
                  COALESCE(min(usage_count) FILTER (WHERE is_enabled), 0) AS "least_use!",
                  nextval(pg_get_serial_sequence('api_key_rotation', 'rotation_key_id')) AS "id!"
           FROM api_key_rotation WHERE server_id = $1 AND provider = $2"#,
        server,
        new.provider,
    )
    .fetch_one(&mut *connection)
    .await?;
    if pool.rows >= i64::from(MOST_POOL_KEYS) {
        return Ok(KeyAdded::Full);
    }
    let cell = Cell {
        column: POOL_API_KEY,
        row_key: pool.id.to_string(),
        tenant: new.tenant.disc_id().to_string(),
    };
    let sealed = keyring.seal(&cell, new.key)?;
    sqlx::query!(
        "INSERT INTO api_key_rotation
             (rotation_key_id, server_id, provider, label, usage_count, key_last4, key_version,
              key_form, api_key)
         OVERRIDING SYSTEM VALUE
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
                 pgp_sym_encrypt_bytea($9, $10, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'))",
        pool.id,
        server,
        new.provider,
        new.label,
        pool.least_use,
        last_characters(new.key),
        column_version(sealed.version)?,
        KEY_FORM,
        &sealed.envelope[..],
        sealed.passphrase.expose_secret(),
    )
    .execute(connection)
    .await?;
    Ok(KeyAdded::Added(KeyId(pool.id)))
}

struct KeyRow {
    id: i64,
    is_main: bool,
    label: Option<String>,
    last4: Option<String>,
    is_enabled: bool,
    usage_count: i64,
    generation: i64,
    cooldown_until: Option<DateTime<Utc>>,
    rest_ms: Option<i64>,
    probe_ms: Option<i64>,
}

impl TryFrom<KeyRow> for PoolKey {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self, Error> {
        let place = Place {
            table: "api_key_rotation",
            column: "usage_count",
            row: &row.id,
        };
        Ok(Self {
            id: KeyId(row.id),
            is_main: row.is_main,
            usage_count: place.narrow(row.usage_count)?,
            label: row.label,
            last4: row.last4,
            is_enabled: row.is_enabled,
            generation: row.generation,
            rest: row.rest_ms.map(not_negative),
            rests_until: row.cooldown_until,
            probe: row.probe_ms.map(not_negative),
        })
    }
}

fn not_negative(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
