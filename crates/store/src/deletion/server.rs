//! What one server, or one person's direct messages, have is deleted in one transaction: everything, or
//! a [`part`] (PRIV-68).
//!
//! People's own settings and memories of themselves stay: they are theirs, not the server's.

use chrono::{DateTime, Utc};
use proto::id::{ChannelId, GuildId, TenantId, UserId};
use sqlx::PgConnection;
use tokio::time::timeout;

use super::receipt::{self, ReceiptKind};
use super::{Deleted, Held, Tally, part};
use crate::outbox::{Errand, put};
use crate::pool::scope::Opened;
use crate::row::Place;
use crate::{Error, ServerId, Store};

/// A part of what a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPart {
    /// What it remembers, of all its personas.
    Memories,
    /// Its personas; it begins anew with the first one.
    Personas,
}

/// Somebody's wish to delete what a server has.
#[derive(Clone, Copy)]
pub struct ServerDeletion<'a> {
    /// The server, or somebody's direct messages.
    pub tenant: TenantId,
    /// What of it; `None` for everything.
    pub part: Option<ServerPart>,
    /// Who wants it, and gets the receipt.
    pub asked_by: UserId,
    /// Name of the persona that a server begins with.
    pub bot_name: &'a str,
    /// Its trigger words, at most 10.
    pub trigger_words: &'a [String],
}

impl Store {
    /// Counts what is stored about a server, by kind.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn server_holdings(&self, tenant: TenantId) -> Result<Tally, Error> {
        let mut opened = self.pool.system().open_to_read().await?;
        let deadline = opened.deadline();
        let counting = async { count(&mut *opened.begin().await?, tenant).await };
        let done = timeout(deadline, counting).await;
        opened.settle(done)
    }

    /// Deletes what a server has because somebody wants it, who gets the receipt. Open turns end; where
    /// everything goes, with their rows. Dropping it midway changes nothing or everything.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; after the latter nobody knows whether it was done. Repeating it is
    /// harmless.
    pub async fn delete_server(&self, deletion: ServerDeletion<'_>) -> Result<Deleted, Error> {
        let mut opened = self.pool.system().open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, delete(&mut opened, deletion)).await;
        opened.settle(done)
    }

    /// Returns servers that the bot left so long ago that their time was over before `now` (PRIV-69), the
    /// longest over first, 100 at most.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn left_long_ago(&self, now: DateTime<Utc>) -> Result<Vec<GuildId>, Error> {
        let guilds = sqlx::query_scalar!(
            r#"SELECT server_disc_id::text AS "guild!" FROM servers
               WHERE purge_after <= $1 AND NOT is_dm_channel
               ORDER BY purge_after LIMIT 100"#,
            now,
        )
        .fetch_all(self.pool.system())
        .await?;
        let place = Place {
            table: "servers",
            column: "server_disc_id",
            row: &"a server that the bot left",
        };
        let parse = |guild: &String| Ok(GuildId(place.parse(guild)?));
        guilds.iter().map(parse).collect()
    }

    /// Deletes everything of such a server; `None` where its time is not over, because the bot came
    /// back.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn purge_left(
        &self,
        guild: GuildId,
        now: DateTime<Utc>,
    ) -> Result<Option<Deleted>, Error> {
        let mut opened = self.pool.system().open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, purge(&mut opened, guild, now)).await;
        opened.settle(done)
    }
}

async fn purge(
    opened: &mut Opened,
    guild: GuildId,
    now: DateTime<Utc>,
) -> Result<Option<Deleted>, Error> {
    let mut transaction = opened.begin().await?;
    // Locked, so that a bot that comes back at this moment finds everything or nothing.
    let due = sqlx::query_scalar!(
        "SELECT server_id FROM servers
         WHERE server_disc_id = $1 AND purge_after <= $2 AND NOT is_dm_channel
         FOR UPDATE",
        guild.to_string(),
        now,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if due.is_none() {
        return Ok(None);
    }
    let tenant = TenantId::Guild(guild);
    let deleted = delete_locked(&mut transaction, tenant, ReceiptKind::Left).await?;
    transaction.commit().await?;
    Ok(Some(deleted))
}

async fn delete(opened: &mut Opened, deletion: ServerDeletion<'_>) -> Result<Deleted, Error> {
    let tenant = deletion.tenant;
    let mut transaction = opened.begin().await?;
    // Whoever adds a row of the server waits for this, so that what is counted is what goes.
    let server = sqlx::query_scalar!(
        "SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2 FOR UPDATE",
        tenant.disc_id().to_string(),
        tenant.is_direct(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let deleted = match deletion.part {
        None => delete_locked(&mut transaction, tenant, ReceiptKind::Server).await?,
        Some(part) => {
            let first = (deletion.bot_name, deletion.trigger_words);
            part::delete(&mut transaction, server.map(ServerId), (part, first)).await?
        }
    };
    let receipt = Errand::Receipt {
        to: deletion.asked_by,
        receipt: deleted.receipt.id,
        of: Some(tenant),
    };
    put(&mut transaction, receipt).await?;
    transaction.commit().await?;
    Ok(deleted)
}

async fn delete_locked(
    connection: &mut PgConnection,
    tenant: TenantId,
    kind: ReceiptKind,
) -> Result<Deleted, Error> {
    let disc_id = tenant.disc_id().to_string();
    let tally = count(connection, tenant).await?;
    let stopped_in = open_channels(connection, tenant).await?;
    sqlx::query!(
        "DELETE FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2",
        disc_id,
        tenant.is_direct(),
    )
    .execute(&mut *connection)
    .await?;
    forget_decisions(connection, tenant).await?;
    sqlx::query!(
        "DELETE FROM operation_quotas WHERE scope_kind = 'server' AND scope_disc_id = $1",
        disc_id,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM cooldowns WHERE server_disc_id = $1", disc_id)
        .execute(&mut *connection)
        .await?;
    let receipt = receipt::write(connection, kind, tally).await?;
    put(connection, Errand::Forget(tenant)).await?;
    Ok(Deleted {
        receipt,
        stopped_in,
    })
}

/// Direct messages can come once more, and their replies are paid by their person: the youngest
/// decisions about them stay for their day, without an id, so that nothing is answered twice. What
/// comes once more from a server that is deleted finds no settings.
async fn forget_decisions(connection: &mut PgConnection, tenant: TenantId) -> Result<(), Error> {
    sqlx::query!(
        "WITH emptied AS (
             UPDATE turn_decisions
             SET user_disc_id = NULL, channel_disc_id = NULL, message_id = NULL,
                 guild_disc_id = NULL
             WHERE guild_disc_id = $1::text AND $2
               AND created_at >= now() - interval '15 minutes'
         )
         DELETE FROM turn_decisions
         WHERE guild_disc_id = $1::text
           AND NOT ($2 AND created_at >= now() - interval '15 minutes')",
        tenant.disc_id().to_string() as _,
        tenant.is_direct(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The channels in which turns are open.
async fn open_channels(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<ChannelId>, Error> {
    let channels = sqlx::query_scalar!(
        r#"SELECT DISTINCT t.channel_disc_id::text AS "channel!"
           FROM turns t JOIN servers s ON s.server_id = t.server_id
           WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND t.ended_at IS NULL"#,
        tenant.disc_id().to_string(),
        tenant.is_direct(),
    )
    .fetch_all(connection)
    .await?;
    let place = Place {
        table: "turns",
        column: "channel_disc_id",
        row: &"a turn that is about to be deleted",
    };
    channels
        .iter()
        .map(|channel| place.parse(channel))
        .collect()
}

async fn count(connection: &mut PgConnection, tenant: TenantId) -> Result<Tally, Error> {
    let row = sqlx::query!(
        r#"SELECT
               (SELECT count(*) FROM servers WHERE server_id = here.id) AS "settings!",
               (SELECT count(*) FROM personas WHERE server_id = here.id) AS "personas!",
               (SELECT count(*) FROM server_memories WHERE server_id = here.id) AS "memories!",
               (SELECT count(*) FROM server_model_configs
                WHERE server_id = here.id AND api_key IS NOT NULL)
               + (SELECT count(*) FROM api_key_rotation
                  WHERE server_id = here.id AND api_key IS NOT NULL)
               + (SELECT count(*) FROM opt_api_keys WHERE server_id = here.id) AS "keys!",
               (SELECT count(*) FROM custom_endpoints WHERE server_id = here.id)
               + (SELECT count(*) FROM guild_mcp_servers WHERE server_id = here.id)
                   AS "endpoints!",
               (SELECT count(*) FROM channel_model_overrides WHERE server_id = here.id)
               + (SELECT count(*) FROM fallback_models WHERE server_id = here.id) AS "models!",
               (SELECT count(*) FROM personalization_blacklist WHERE server_id = here.id)
               + (SELECT count(*) FROM persona_user_blocks WHERE server_id = here.id)
                   AS "restrictions!",
               (SELECT count(*) FROM turns WHERE server_id = here.id) AS "turns!",
               (SELECT count(*) FROM turn_decisions
                WHERE guild_disc_id = $1::text) AS "decisions!"
           FROM (SELECT (SELECT server_id FROM servers
                         WHERE server_disc_id = $1::text AND is_dm_channel = $2) AS id) here"#,
        tenant.disc_id().to_string() as _,
        tenant.is_direct(),
    )
    .fetch_one(connection)
    .await?;
    Ok(Tally::new(
        [
            (Held::Settings, row.settings),
            (Held::Personas, row.personas),
            (Held::ServerMemories, row.memories),
            (Held::Keys, row.keys),
            (Held::Endpoints, row.endpoints),
            (Held::Models, row.models),
            (Held::Restrictions, row.restrictions),
            (Held::Turns, row.turns),
            (Held::Decisions, row.decisions),
        ],
        [],
    ))
}
