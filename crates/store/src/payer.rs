//! Who pays for a turn, and which models it may ask in which order (CHAT-43, POOL-3, POOL-21,
//! POOL-22).
//!
//! A user's own key pays for what that user asks once `personal_provider_enabled` is on and a row of
//! `user_provider_keys` has `text` among its `enabled_capabilities`; its `models` may name a model
//! under `text`. Then no key of a server is ever used, whatever fails.

use proto::id::{TenantId, UserId};

use crate::text::texts;
use crate::{Error, Store, Turn};

/// The model that is asked first, and five that stand in for it (CMD-59).
const MOST_MODELS: i64 = 6;

texts! {
    /// Who pays for a turn.
    Payer {
        /// The server, with its keys.
        Server = "server",
        /// The user who asked, with a key of their own.
        User = "user",
    }
}

/// A model that a turn may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidModel {
    /// The provider's stored name.
    pub provider: String,
    /// The model as the provider names it; `None` for the one that is offered first.
    pub model: Option<String>,
}

/// Why nobody pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpaid {
    /// The user pays for themselves, and none of their keys can be used.
    OwnKey,
    /// The server wants its members to bring keys, and the user has none.
    BringKey,
    /// The server's key was refused for good.
    Refused,
    /// There is no key.
    NoKey,
}

impl Store {
    /// Returns the models of a turn in the order in which they are asked, at most 6. Empty when none
    /// is set. Models whose provider there is no key of are among them.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn models_of(&self, turn: &Turn) -> Result<Vec<PaidModel>, Error> {
        match turn.payer {
            Payer::Server => self.server_models(turn).await,
            Payer::User => self.user_models(turn.responsible).await,
        }
    }

    /// The persona's model, or the channel's, or the server's; then what stands in for it.
    async fn server_models(&self, turn: &Turn) -> Result<Vec<PaidModel>, Error> {
        let models = sqlx::query_as!(
            PaidModel,
            r#"SELECT r.model ->> 'provider' AS "provider!", r.model ->> 'model' AS model
               FROM (
                   SELECT 0 AS place,
                          COALESCE(p.text_model_ref, c.text_model, m.text_model) AS model
                   FROM server_model_configs m
                   LEFT JOIN persona_configs p
                       ON p.server_id = m.server_id AND p.persona_id = $2
                   LEFT JOIN channel_model_overrides c
                       ON c.server_id = m.server_id AND c.channel_disc_id = $3::text
                   WHERE m.server_id = $1
                   UNION ALL
                   SELECT f.position, f.model_ref FROM fallback_models f WHERE f.server_id = $1
               ) r
               WHERE r.model ->> 'provider' IS NOT NULL AND r.model ->> 'model' IS NOT NULL
               ORDER BY r.place
               LIMIT $4"#,
            turn.server.0,
            turn.persona.0,
            turn.channel.to_string(),
            MOST_MODELS,
        )
        .fetch_all(self.pool.server(turn.server))
        .await?;
        Ok(models)
    }

    /// The models of the user's own keys, oldest key first; then what stands in for them.
    async fn user_models(&self, user: UserId) -> Result<Vec<PaidModel>, Error> {
        let models = sqlx::query_as!(
            PaidModel,
            r#"SELECT r.provider AS "provider!", r.model
               FROM (
                   SELECT 0 AS place, k.user_provider_key_id AS row, k.provider,
                          k.models ->> 'text' AS model
                   FROM users u JOIN user_provider_keys k ON k.user_id = u.user_id
                   WHERE u.user_disc_id = $1 AND k.disabled_at IS NULL
                     AND 'text' = ANY (k.enabled_capabilities)
                   UNION ALL
                   SELECT f.position, f.fallback_id, f.model_ref ->> 'provider',
                          f.model_ref ->> 'model'
                   FROM users u JOIN fallback_models f ON f.user_id = u.user_id
                   WHERE u.user_disc_id = $1 AND f.model_ref ->> 'provider' IS NOT NULL
               ) r
               ORDER BY r.place, r.row
               LIMIT $2"#,
            user.to_string(),
            MOST_MODELS,
        )
        .fetch_all(self.pool.user(user))
        .await?;
        Ok(models)
    }

    /// Tells why an admission found nobody who pays, as things are now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn why_unpaid(&self, tenant: TenantId, user: UserId) -> Result<Unpaid, Error> {
        let row = sqlx::query!(
            r#"SELECT EXISTS (
                   SELECT 1 FROM users u JOIN user_provider_keys k ON k.user_id = u.user_id
                   WHERE u.user_disc_id = $3 AND u.personal_provider_enabled
                     AND 'text' = ANY (k.enabled_capabilities)
               ) AS "has_own!",
               COALESCE(m.user_byok_mode, false) AS "must_bring!",
               (m.main_key_disabled_at IS NOT NULL) IS TRUE AS "is_refused!"
               FROM (VALUES ($1::text)) AS asked (server_disc_id)
               LEFT JOIN servers s
                   ON s.server_disc_id = asked.server_disc_id AND s.is_dm_channel = $2
               LEFT JOIN server_model_configs m ON m.server_id = s.server_id"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            user.to_string(),
        )
        .fetch_one(self.pool.tenant(tenant).with(user))
        .await?;
        Ok(match () {
            () if row.has_own => Unpaid::OwnKey,
            () if row.must_bring => Unpaid::BringKey,
            () if row.is_refused => Unpaid::Refused,
            () => Unpaid::NoKey,
        })
    }
}
