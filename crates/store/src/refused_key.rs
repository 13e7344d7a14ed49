//! Keys that providers refused for good, and who was told of them (POOL-17).
//!
//! A key counts as told once whoever told says so: one who dies before leaves it to the next. That
//! one worker tells at a time is a job's business.

use proto::id::{ChannelId, TenantId};

use crate::row::Place;
use crate::{Error, KeyId, OwnKeyId, ServerId, Store};

/// Refused keys that are looked at in one go; the rest comes with the next look.
const MOST_UNTOLD: i64 = 100;

/// Which key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhichKey {
    /// One of a pool; the pointer stands for the main key.
    Pooled(KeyId),
    /// The main key of a server without a pool.
    Main(ServerId),
    /// A user's own; the tenant is the user.
    Own(OwnKeyId),
}

/// A key that was refused for good, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedKey {
    /// Which one.
    pub which: WhichKey,
    /// Whose.
    pub tenant: TenantId,
    /// The provider's stored name.
    pub provider: String,
    /// Whether it is the main key.
    pub is_main: bool,
    /// What people call it.
    pub label: Option<String>,
    /// The last characters of the key, `None` for short ones.
    pub last4: Option<String>,
    /// Names this refusal: a key that is used again and refused again has another one.
    pub generation: i64,
    /// Where the server wants to read about such things.
    pub notice_channel: Option<ChannelId>,
}

impl Store {
    /// Returns keys of all tenants and users that were refused for good and of which nobody was told,
    /// at most 100.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn untold_refusals(&self) -> Result<Vec<RefusedKey>, Error> {
        let rows = sqlx::query_as!(
            RefusalRow,
            r#"SELECT r.key_id AS "key_id?", r.own_key_id AS "own_key_id?",
                      r.server_id AS "server_id?", r.provider AS "provider!",
                      r.is_main AS "is_main!", r.label, r.last4, r.generation AS "generation!",
                      COALESCE(s.server_disc_id, r.user_disc_id) AS "disc_id!",
                      COALESCE(s.is_dm_channel, true) AS "is_direct!",
                      c.notice_channel_disc_id AS "notice_channel?"
               FROM (
                   SELECT k.rotation_key_id AS key_id, NULL::bigint AS own_key_id, k.server_id,
                          NULL::text AS user_disc_id, k.provider, k.is_main_key_pointer AS is_main,
                          k.label,
                          CASE WHEN k.is_main_key_pointer THEN m.key_last4 ELSE k.key_last4 END
                              AS last4,
                          k.generation
                   FROM api_key_rotation k
                   LEFT JOIN server_model_configs m ON m.server_id = k.server_id
                   WHERE NOT k.is_enabled AND k.disabled_reason = 'auth' AND k.admins_told_at IS NULL
                   UNION ALL
                   SELECT NULL, NULL, m.server_id, NULL, m.provider, true, NULL, m.key_last4,
                          m.main_key_generation
                   FROM server_model_configs m
                   WHERE m.main_key_disabled_at IS NOT NULL AND m.main_key_told_at IS NULL
                   UNION ALL
                   SELECT NULL, k.user_provider_key_id, NULL, u.user_disc_id, k.provider, false, NULL,
                          k.key_last4, k.generation
                   FROM user_provider_keys k JOIN users u ON u.user_id = k.user_id
                   WHERE k.disabled_at IS NOT NULL AND k.told_at IS NULL
               ) r
               LEFT JOIN servers s ON s.server_id = r.server_id
               LEFT JOIN server_chat_configs c ON c.server_id = r.server_id
               LIMIT $1"#,
            MOST_UNTOLD,
        )
        .fetch_all(self.pool.system())
        .await?;
        rows.into_iter().map(RefusedKey::try_from).collect()
    }

    /// Says that whoever had to be told of a refused key was told, or cannot be. `false`: somebody
    /// said so before, or the key was used again since it was looked for.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn refusal_is_told(&self, told: &RefusedKey) -> Result<bool, Error> {
        let scope = self.pool.tenant(told.tenant);
        let done = match told.which {
            WhichKey::Pooled(key) => {
                sqlx::query!(
                    "UPDATE api_key_rotation SET admins_told_at = now()
                     WHERE rotation_key_id = $1 AND generation = $2 AND admins_told_at IS NULL",
                    key.0,
                    told.generation,
                )
                .execute(scope)
                .await?
            }
            WhichKey::Main(server) => {
                sqlx::query!(
                    "UPDATE server_model_configs SET main_key_told_at = now()
                     WHERE server_id = $1 AND main_key_generation = $2
                       AND main_key_told_at IS NULL",
                    server.0,
                    told.generation,
                )
                .execute(scope)
                .await?
            }
            WhichKey::Own(key) => {
                sqlx::query!(
                    "UPDATE user_provider_keys SET told_at = now()
                     WHERE user_provider_key_id = $1 AND generation = $2 AND told_at IS NULL",
                    key.0,
                    told.generation,
                )
                .execute(scope)
                .await?
            }
        };
        Ok(done.rows_affected() == 1)
    }
}

struct RefusalRow {
    key_id: Option<i64>,
    own_key_id: Option<i64>,
    server_id: Option<i64>,
    provider: String,
    is_main: bool,
    label: Option<String>,
    last4: Option<String>,
    generation: i64,
    disc_id: String,
    is_direct: bool,
    notice_channel: Option<String>,
}

impl TryFrom<RefusalRow> for RefusedKey {
    type Error = Error;

    fn try_from(row: RefusalRow) -> Result<Self, Error> {
        let id = row.key_id.or(row.own_key_id).or(row.server_id);
        let id = id.unwrap_or_default();
        let place = |table, column| Place {
            table,
            column,
            row: &id,
        };
        let tenant = match row.own_key_id {
            Some(_) => place("users", "user_disc_id"),
            None => place("servers", "server_disc_id"),
        };
        let channel = place("server_chat_configs", "notice_channel_disc_id");
        let which = match (row.key_id, row.own_key_id) {
            (Some(key), _) => WhichKey::Pooled(KeyId(key)),
            (None, Some(key)) => WhichKey::Own(OwnKeyId(key)),
            (None, None) => WhichKey::Main(ServerId(id)),
        };
        Ok(Self {
            which,
            tenant: if row.is_direct {
                TenantId::Direct(tenant.parse(&row.disc_id)?)
            } else {
                TenantId::Guild(tenant.parse(&row.disc_id)?)
            },
            notice_channel: row
                .notice_channel
                .as_deref()
                .map(|id| channel.parse(id))
                .transpose()?,
            provider: row.provider,
            is_main: row.is_main,
            label: row.label,
            last4: row.last4,
            generation: row.generation,
        })
    }
}
