//! Everything of one server, or of one person's direct messages, is deleted in one transaction (PRIV-68).
//!
//! People's own settings and memories of themselves stay: they are theirs, not the server's.

use proto::id::{ChannelId, TenantId, UserId};
use sqlx::PgConnection;
use tokio::time::timeout;

use super::receipt::{self, ReceiptKind};
use super::{Deleted, Held, Tally};
use crate::outbox::{Errand, put};
use crate::pool::scope::Opened;
use crate::row::Place;
use crate::{Error, Store};

/// Why a server is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This person wants it, and gets the receipt.
    Asked(UserId),
    /// The bot left it long ago (PRIV-69).
    Left,
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

    /// Deletes everything of a server. Turns end with their rows. Dropping it midway changes nothing
    /// or everything.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; after the latter nobody knows whether it was done. Repeating it is
    /// harmless.
    pub async fn delete_server(&self, tenant: TenantId, cause: Cause) -> Result<Deleted, Error> {
        let mut opened = self.pool.system().open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, delete(&mut opened, tenant, cause)).await;
        opened.settle(done)
    }
}

async fn delete(opened: &mut Opened, tenant: TenantId, cause: Cause) -> Result<Deleted, Error> {
    let mut transaction = opened.begin().await?;
    let disc_id = tenant.disc_id().to_string();
    // Whoever adds a row of the server waits for this, so that what is counted is what goes.
    sqlx::query!(
        "SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2 FOR UPDATE",
        disc_id,
        tenant.is_direct(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let tally = count(&mut transaction, tenant).await?;
    let stopped_in = open_channels(&mut transaction, tenant).await?;
    sqlx::query!(
        "DELETE FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2",
        disc_id,
        tenant.is_direct(),
    )
    .execute(&mut *transaction)
    .await?;
    forget_decisions(&mut transaction, tenant).await?;
    sqlx::query!(
        "DELETE FROM operation_quotas WHERE scope_kind = 'server' AND scope_disc_id = $1",
        disc_id,
    )
    .execute(&mut *transaction)
    .await?;
    let kind = match cause {
        Cause::Asked(_) => ReceiptKind::Server,
        Cause::Left => ReceiptKind::Left,
    };
    let receipt = receipt::write(&mut transaction, kind, tally).await?;
    put(&mut transaction, Errand::Forget(tenant)).await?;
    if let Cause::Asked(person) = cause {
        put(&mut transaction, Errand::Receipt(person, receipt.id)).await?;
    }
    transaction.commit().await?;
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
    channels.iter().map(|channel| place.parse(channel)).collect()
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
