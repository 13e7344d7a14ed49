//! Keys that providers refused for good, and who was told of them (POOL-17).
//!
//! Whoever wins the one conditional update tells, so that administrators hear of a key once,
//! however many workers saw it fail.

use chrono::{DateTime, Utc};
use proto::id::{ChannelId, TenantId};
use sqlx::PgExecutor;

use crate::row::Place;
use crate::{Error, KeyId, ServerId, Store};

/// Refused keys that are looked at in one go; the rest comes with the next look.
const MOST_UNTOLD: i64 = 100;

/// Which key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhichKey {
    /// One of a pool; the pointer stands for the main key.
    Pooled(KeyId),
    /// The main key of a server without a pool.
    Main(ServerId),
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
    /// Since when it is out of use.
    pub since: Option<DateTime<Utc>>,
    /// Where the server wants to read about such things.
    pub notice_channel: Option<ChannelId>,
}

impl Store {
    /// Returns keys of all tenants that were refused for good and of which nobody was told, at most
    /// 100.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn untold_refusals(&self) -> Result<Vec<RefusedKey>, Error> {
        refusals(self.pool.system(), None, true).await
    }

    /// Returns the keys of a tenant that were refused for good, told or not, at most 100.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn refused_keys(&self, tenant: TenantId) -> Result<Vec<RefusedKey>, Error> {
        refusals(self.pool.tenant(tenant), Some(tenant), false).await
    }

    /// Takes the right to tell the administrators of a refused key. `false`: somebody else has it, or
    /// the key is in use again. Whoever has it and fails gives it back.
    ///
    /// # Errors
    /// `Unavailable`; the right may be taken then, and nobody tells.
    pub async fn claim_telling(&self, tenant: TenantId, which: WhichKey) -> Result<bool, Error> {
        let done = match which {
            WhichKey::Pooled(key) => {
                sqlx::query!(
                    "UPDATE api_key_rotation SET admins_told_at = now()
                     WHERE rotation_key_id = $1 AND NOT is_enabled AND disabled_reason = 'auth'
                       AND admins_told_at IS NULL",
                    key.0,
                )
                .execute(self.pool.tenant(tenant))
                .await?
            }
            WhichKey::Main(server) => {
                sqlx::query!(
                    "UPDATE server_model_configs SET main_key_told_at = now()
                     WHERE server_id = $1 AND main_key_disabled_at IS NOT NULL
                       AND main_key_told_at IS NULL",
                    server.0,
                )
                .execute(self.pool.tenant(tenant))
                .await?
            }
        };
        Ok(done.rows_affected() == 1)
    }

    /// Gives the right to tell back after nobody could be reached for now.
    ///
    /// # Errors
    /// `Unavailable`; then nobody tells.
    pub async fn give_telling_back(&self, tenant: TenantId, which: WhichKey) -> Result<(), Error> {
        match which {
            WhichKey::Pooled(key) => {
                sqlx::query!(
                    "UPDATE api_key_rotation SET admins_told_at = NULL
                     WHERE rotation_key_id = $1 AND NOT is_enabled",
                    key.0,
                )
                .execute(self.pool.tenant(tenant))
                .await?
            }
            WhichKey::Main(server) => {
                sqlx::query!(
                    "UPDATE server_model_configs SET main_key_told_at = NULL
                     WHERE server_id = $1 AND main_key_disabled_at IS NOT NULL",
                    server.0,
                )
                .execute(self.pool.tenant(tenant))
                .await?
            }
        };
        Ok(())
    }
}

async fn refusals(
    executor: impl PgExecutor<'_>,
    tenant: Option<TenantId>,
    only_untold: bool,
) -> Result<Vec<RefusedKey>, Error> {
    let rows = sqlx::query_as!(
        RefusalRow,
        r#"SELECT r.key_id AS "key_id?", r.server_id AS "server_id!",
                  r.provider AS "provider!", r.is_main AS "is_main!", r.label, r.last4,
                  r.since, s.server_disc_id, s.is_dm_channel,
                  c.notice_channel_disc_id AS "notice_channel?"
           FROM (
               SELECT k.rotation_key_id AS key_id, k.server_id, k.provider,
                      k.is_main_key_pointer AS is_main, k.label,
                      CASE WHEN k.is_main_key_pointer THEN m.key_last4 ELSE k.key_last4 END
                          AS last4,
                      k.last_error_at AS since
               FROM api_key_rotation k
               LEFT JOIN server_model_configs m ON m.server_id = k.server_id
               WHERE NOT k.is_enabled AND k.disabled_reason = 'auth'
                 AND (k.admins_told_at IS NULL OR NOT $3)
               UNION ALL
               SELECT NULL, m.server_id, m.provider, true, NULL, m.key_last4,
                      m.main_key_disabled_at
               FROM server_model_configs m
               WHERE m.main_key_disabled_at IS NOT NULL
                 AND (m.main_key_told_at IS NULL OR NOT $3)
           ) r
           JOIN servers s ON s.server_id = r.server_id
           LEFT JOIN server_chat_configs c ON c.server_id = r.server_id
           WHERE $1::text IS NULL OR (s.server_disc_id = $1::text AND s.is_dm_channel = $2)
           LIMIT $4"#,
        tenant.map(|tenant| tenant.disc_id().to_string()),
        tenant.is_some_and(TenantId::is_direct),
        only_untold,
        MOST_UNTOLD,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(RefusedKey::try_from).collect()
}

struct RefusalRow {
    key_id: Option<i64>,
    server_id: i64,
    provider: String,
    is_main: bool,
    label: Option<String>,
    last4: Option<String>,
    since: Option<DateTime<Utc>>,
    server_disc_id: String,
    is_dm_channel: bool,
    notice_channel: Option<String>,
}

impl TryFrom<RefusalRow> for RefusedKey {
    type Error = Error;

    fn try_from(row: RefusalRow) -> Result<Self, Error> {
        let place = |table, column| Place {
            table,
            column,
            row: &row.server_id,
        };
        let tenant = place("servers", "server_disc_id");
        let channel = place("server_chat_configs", "notice_channel_disc_id");
        Ok(Self {
            which: row
                .key_id
                .map_or(WhichKey::Main(ServerId(row.server_id)), |key| {
                    WhichKey::Pooled(KeyId(key))
                }),
            tenant: if row.is_dm_channel {
                TenantId::Direct(tenant.parse(&row.server_disc_id)?)
            } else {
                TenantId::Guild(tenant.parse(&row.server_disc_id)?)
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
            since: row.since,
        })
    }
}
