//! Changes of who is answered where in a server, of what rests, and of other limits (CMD-67 to
//! CMD-69). Each is one statement that repeating does not harm.

use proto::id::{ChannelId, TenantId};

use crate::{Error, PersonaId, Store};

/// Channels, roles, and channels of personas that one server lists at most, each.
pub const MOST_LISTED: i64 = 100;

/// What rests after messages, as it is typed: 0 for nothing, or the number of a
/// [`crate::CooldownKind`], and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypedCooldown {
    /// 0 to 4.
    pub kind: i16,
    /// 0 to 86,400.
    pub length_seconds: i32,
}

/// Limits of a server that are to be changed; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewLimits {
    /// Messages of history that a prompt sees, 20..=100.
    pub messages: Option<i16>,
    /// Most personas that answer one message, 1..=10.
    pub personas: Option<i16>,
    /// How human the posting looks, 0..=3.
    pub humanizer: Option<i16>,
}

/// A row of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedRow {
    /// A channel in which messages are answered.
    Channel(ChannelId),
    /// A role that is answered.
    Role(u64),
    /// A channel in which a persona answers.
    Persona(PersonaId, ChannelId),
}

impl Store {
    /// Sets what rests in a server after an answered message; `false`: nothing is set up there.
    ///
    /// # Errors
    /// `Conflict` outside of the ranges; `Unavailable`.
    pub async fn set_cooldown(
        &self,
        tenant: TenantId,
        cooldown: TypedCooldown,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO server_trigger_configs (server_id, cooldown_type, cooldown_length)
             SELECT server_id, $3, $4 FROM servers
             WHERE server_disc_id = $1 AND is_dm_channel = $2
             ON CONFLICT (server_id) DO UPDATE
             SET cooldown_type = excluded.cooldown_type,
                 cooldown_length = excluded.cooldown_length",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            cooldown.kind,
            cooldown.length_seconds,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Changes limits of a server; `false`: nothing is set up there.
    ///
    /// # Errors
    /// `Conflict` outside of the ranges; `Unavailable`.
    pub async fn set_limits(&self, tenant: TenantId, new: NewLimits) -> Result<bool, Error> {
        let done = sqlx::query!(
            "WITH server AS (
                 SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2
             ), chat AS (
                 INSERT INTO server_chat_configs AS c
                     (server_id, message_fetch_limit, humanizer_degree)
                 SELECT server_id, COALESCE($3::smallint, 80::smallint), COALESCE($4::smallint, 1::smallint) FROM server
                 WHERE $3::smallint IS NOT NULL OR $4::smallint IS NOT NULL
                 ON CONFLICT (server_id) DO UPDATE
                 SET message_fetch_limit = COALESCE($3::smallint, c.message_fetch_limit),
                     humanizer_degree = COALESCE($4::smallint, c.humanizer_degree)
             ), triggers AS (
                 INSERT INTO server_trigger_configs (server_id, match_limit)
                 SELECT server_id, $5 FROM server WHERE $5::smallint IS NOT NULL
                 ON CONFLICT (server_id) DO UPDATE SET match_limit = excluded.match_limit
             )
             SELECT server_id FROM server",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            new.messages,
            new.humanizer,
            new.personas,
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(done.is_some())
    }

    /// Returns how many messages of a server wait for their replies, as admission counts them
    /// (GUARD-31).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open_messages(&self, tenant: TenantId) -> Result<u64, Error> {
        let open = sqlx::query_scalar!(
            r#"SELECT count(*) AS "open!" FROM turns t JOIN servers s ON s.server_id = t.server_id
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND t.ended_at IS NULL
                 AND t.persona_ordinal = 0 AND t.trigger_kind <> 'stop'"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
        )
        .fetch_one(self.pool.tenant(tenant))
        .await?;
        Ok(open.unsigned_abs())
    }

    /// Puts something on its list of a server; a channel with what rests there, `None`: as in the
    /// server. What is listed already stays, with what rests there now. `false`: nothing is set up
    /// there, there is no such persona, or the list is full.
    ///
    /// # Errors
    /// `Conflict` outside of the ranges; `Unavailable`.
    pub async fn list(
        &self,
        tenant: TenantId,
        row: ListedRow,
        rests: Option<TypedCooldown>,
    ) -> Result<bool, Error> {
        let (disc_id, is_direct) = (tenant.disc_id().to_string(), tenant.is_direct());
        let pool = self.pool.tenant(tenant);
        let done = match row {
            ListedRow::Channel(channel) => sqlx::query!(
                "INSERT INTO channel_whitelist
                     (server_id, channel_disc_id, cooldown_type, cooldown_length)
                 SELECT s.server_id, $3::text, $4, $5 FROM servers s
                 WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND $6 > (
                     SELECT count(*) FROM channel_whitelist l
                     WHERE l.server_id = s.server_id AND l.channel_disc_id <> $3::text)
                 ON CONFLICT (server_id, channel_disc_id) DO UPDATE
                 SET cooldown_type = excluded.cooldown_type,
                     cooldown_length = excluded.cooldown_length",
                disc_id,
                is_direct,
                channel.to_string(),
                rests.map(|rests| rests.kind),
                rests.map(|rests| rests.length_seconds),
                MOST_LISTED,
            )
            .execute(pool),
            ListedRow::Role(role) => sqlx::query!(
                "INSERT INTO role_whitelist (server_id, role_disc_id)
                 SELECT s.server_id, $3::text FROM servers s
                 WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND $4 > (
                     SELECT count(*) FROM role_whitelist l
                     WHERE l.server_id = s.server_id AND l.role_disc_id <> $3::text)
                 ON CONFLICT (server_id, role_disc_id) DO UPDATE SET role_disc_id = $3::text",
                disc_id,
                is_direct,
                role.to_string(),
                MOST_LISTED,
            )
            .execute(pool),
            ListedRow::Persona(persona, channel) => sqlx::query!(
                "INSERT INTO channel_persona_whitelist (server_id, persona_id, channel_disc_id)
                 SELECT s.server_id, p.persona_id, $4::text
                 FROM servers s JOIN personas p ON p.server_id = s.server_id
                 WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND p.persona_id = $3
                   AND $5 > (
                     SELECT count(*) FROM channel_persona_whitelist l
                     WHERE l.server_id = s.server_id
                       AND (l.persona_id, l.channel_disc_id) <> ($3, $4::text))
                 ON CONFLICT (server_id, persona_id, channel_disc_id)
                 DO UPDATE SET channel_disc_id = $4::text",
                disc_id,
                is_direct,
                persona.0,
                channel.to_string(),
                MOST_LISTED,
            )
            .execute(pool),
        };
        Ok(done.await?.rows_affected() == 1)
    }

    /// Takes something off its list of a server; `false`: it is not there any more.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unlist(&self, tenant: TenantId, row: ListedRow) -> Result<bool, Error> {
        let disc_id = tenant.disc_id().to_string();
        let pool = self.pool.tenant(tenant);
        let done = match row {
            ListedRow::Channel(channel) => sqlx::query!(
                "DELETE FROM channel_whitelist l USING servers s
                 WHERE l.server_id = s.server_id AND s.server_disc_id = $1
                   AND l.channel_disc_id = $2",
                disc_id,
                channel.to_string(),
            )
            .execute(pool),
            ListedRow::Role(role) => sqlx::query!(
                "DELETE FROM role_whitelist l USING servers s
                 WHERE l.server_id = s.server_id AND s.server_disc_id = $1 AND l.role_disc_id = $2",
                disc_id,
                role.to_string(),
            )
            .execute(pool),
            ListedRow::Persona(persona, channel) => sqlx::query!(
                "DELETE FROM channel_persona_whitelist l USING servers s
                 WHERE l.server_id = s.server_id AND s.server_disc_id = $1
                   AND l.persona_id = $2 AND l.channel_disc_id = $3",
                disc_id,
                persona.0,
                channel.to_string(),
            )
            .execute(pool),
        };
        Ok(done.await?.rows_affected() == 1)
    }
}
