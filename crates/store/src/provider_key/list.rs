//! All provider keys of a tenant, as a panel shows them: never a key, and nothing is opened here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use proto::id::TenantId;

use super::{KeyId, PoolKey, not_negative};
use crate::row::Place;
use crate::{Error, ServerId, Store};

/// The most rows that are read: a full pool at each of ten providers.
const MOST_ROWS: i64 = 210;

/// The provider keys of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedKeys {
    /// The main key; `None` when there is none.
    pub main: Option<ListedMain>,
    /// The rows of all pools: by provider, that of the main key first, then by age.
    pub pools: Vec<ListedKey>,
}

/// The main key, apart from its place in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMain {
    /// The provider's stored name.
    pub provider: String,
    /// The last characters of the key, `None` for short ones.
    pub last4: Option<String>,
    /// Since when it is out of use, where it is in no pool.
    pub disabled_at: Option<DateTime<Utc>>,
    /// What the provider held against it last, in our own words or as a provider's that may be
    /// shown to those who manage the server; `None` where people took it out of use.
    pub last_error: Option<String>,
    /// Raised by every change of the key and of its state; names the state in which it was read.
    pub generation: i64,
}

/// A row of a pool with what people want to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The provider's stored name.
    pub provider: String,
    /// How it fares.
    pub key: PoolKey,
    /// Why it is disabled, a word of ours.
    pub disabled_reason: Option<String>,
    /// When a call last ended well.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The last failure since it worked.
    pub last_error: Option<ListedError>,
    /// Raised by what people change; names the state in which it was read.
    pub row_version: i32,
}

/// A failure that a provider held against a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedError {
    /// When.
    pub at: DateTime<Utc>,
    /// Why, at most 500 characters: for those who manage the server.
    pub message: String,
}

impl Store {
    /// Reads all provider keys of a tenant; `None` when it was never set up.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn provider_keys(&self, tenant: TenantId) -> Result<Option<ListedKeys>, Error> {
        let server = sqlx::query!(
            r#"SELECT s.server_id, m.provider AS "provider?", m.key_last4 AS "last4?",
                      m.main_key_disabled_at AS "disabled_at?", m.main_key_last_error AS "last_error?",
                      m.main_key_generation AS "generation?"
               FROM servers s
               LEFT JOIN server_model_configs m
                   ON m.server_id = s.server_id AND octet_length(m.api_key) > 0
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        let Some(server) = server else {
            return Ok(None);
        };
        let main = server.provider.zip(server.generation);
        let main = main.map(|(provider, generation)| ListedMain {
            provider,
            last4: server.last4,
            disabled_at: server.disabled_at,
            last_error: server.last_error,
            generation,
        });
        let pools = self.listed_pools(server.server_id).await?;
        Ok(Some(ListedKeys { main, pools }))
    }

    async fn listed_pools(&self, server: i64) -> Result<Vec<ListedKey>, Error> {
        let rows = sqlx::query_as!(
            ListedRow,
            r#"SELECT k.rotation_key_id AS id, k.provider, k.is_main_key_pointer AS is_main, k.label,
                    CASE WHEN k.is_main_key_pointer THEN m.key_last4 ELSE k.key_last4 END AS last4,
                    k.is_enabled, k.disabled_reason, k.usage_count, k.generation, k.cooldown_until,
                    ceil(extract(epoch FROM k.cooldown_until - statement_timestamp()) * 1000)::bigint
                        AS rest_ms,
                    ceil(extract(epoch FROM k.probe_until - statement_timestamp()) * 1000)::bigint
                        AS probe_ms,
                    k.last_used_at, k.last_error_at, k.last_error_message, k.row_version
               FROM api_key_rotation k
               LEFT JOIN server_model_configs m ON m.server_id = k.server_id
               WHERE k.server_id = $1
                 AND (NOT k.is_main_key_pointer
                      OR (m.provider = k.provider AND octet_length(m.api_key) > 0))
               ORDER BY (k.provider = m.provider) IS TRUE DESC, k.provider,
                        k.is_main_key_pointer DESC, k.rotation_key_id
               LIMIT $2"#,
            server,
            MOST_ROWS,
        )
        .fetch_all(self.pool.server(ServerId(server)))
        .await?;
        rows.into_iter().map(ListedKey::try_from).collect()
    }
}

struct ListedRow {
    id: i64,
    provider: String,
    is_main: bool,
    label: Option<String>,
    last4: Option<String>,
    is_enabled: bool,
    disabled_reason: Option<String>,
    usage_count: i64,
    generation: i64,
    cooldown_until: Option<DateTime<Utc>>,
    rest_ms: Option<i64>,
    probe_ms: Option<i64>,
    last_used_at: Option<DateTime<Utc>>,
    last_error_at: Option<DateTime<Utc>>,
    last_error_message: Option<String>,
    row_version: i32,
}

impl TryFrom<ListedRow> for ListedKey {
    type Error = Error;

    fn try_from(row: ListedRow) -> Result<Self, Error> {
        let place = Place {
            table: "api_key_rotation",
            column: "usage_count",
            row: &row.id,
        };
        let millis = |span: Option<i64>| -> Option<Duration> { span.map(not_negative) };
        let key = PoolKey {
            id: KeyId(row.id),
            is_main: row.is_main,
            usage_count: place.narrow(row.usage_count)?,
            label: row.label,
            last4: row.last4,
            is_enabled: row.is_enabled,
            generation: row.generation,
            rest: millis(row.rest_ms),
            rests_until: row.cooldown_until,
            probe: millis(row.probe_ms),
        };
        Ok(Self {
            provider: row.provider,
            key,
            disabled_reason: row.disabled_reason,
            last_used_at: row.last_used_at,
            last_error: row.last_error_at.map(|at| ListedError {
                at,
                message: row.last_error_message.unwrap_or_default(),
            }),
            row_version: row.row_version,
        })
    }
}
