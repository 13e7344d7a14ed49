//! Everything about one person is deleted, in every server, in one transaction (PRIV-64 to PRIV-67);
//! and everything of one server ([`server`]).
//!
//! What is left to do outside of this database goes into the outbox in the same transaction. A
//! receipt stays that says how much it was, and not whose.

mod columns;
mod part;
mod receipt;
mod server;

use proto::id::{ChannelId, TenantId, UserId};
use sqlx::PgConnection;
use tokio::time::timeout;

pub use self::columns::{Fate, PERSONAL_COLUMNS, PersonalColumn};
pub use self::receipt::{Deleted, Held, Kept, Receipt, ReceiptId, ReceiptKind, Tally};
pub use self::server::{ServerDeletion, ServerPart};
use crate::operation_quota::Counter;
use crate::outbox::{Errand, put};
use crate::pool::scope::Opened;
use crate::row::Place;
use crate::{Error, Store};

/// What a person wants of the level that was chosen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOut {
    /// It is deleted with everything else.
    Ends,
    /// The id stays, and that the person must not be heard (PRIV-66).
    Stays,
}

impl Store {
    /// Counts what is stored about a person, whose uses are counted as `counted`, by kind.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn holdings(&self, user: UserId, counted: Counter) -> Result<Tally, Error> {
        let row = sqlx::query!(
            r#"SELECT
                   (SELECT count(*) FROM users WHERE user_disc_id = $1) AS "settings!",
                   (SELECT count(*) FROM personal_memories m JOIN users u ON u.user_id = m.user_id
                    WHERE u.user_disc_id = $1) AS "memories!",
                   (SELECT count(*) FROM server_memories
                    WHERE subject_user_disc_id = $1) AS "about!",
                   (SELECT count(*) FROM user_provider_keys k JOIN users u ON u.user_id = k.user_id
                    WHERE u.user_disc_id = $1) AS "keys!",
                   (SELECT count(*) FROM custom_endpoints e JOIN users u ON u.user_id = e.user_id
                    WHERE u.user_disc_id = $1) AS "endpoints!",
                   (SELECT count(*) FROM fallback_models f JOIN users u ON u.user_id = f.user_id
                    WHERE u.user_disc_id = $1) AS "models!",
                   (SELECT count(*) FROM servers
                    WHERE server_disc_id = $1 AND is_dm_channel) AS "direct!",
                   (SELECT count(*) FROM turns WHERE responsible_disc_id = $1) AS "turns!",
                   (SELECT count(*) FROM turn_decisions
                    WHERE user_disc_id = $1 OR guild_disc_id = $1) AS "decisions!",
                   (SELECT count(*) FROM operation_quotas
                    WHERE scope_kind = 'user' AND scope_disc_id = $2) AS "uses!",
                   (SELECT count(*) FROM personalization_blacklist
                    WHERE user_disc_id = $1) AS "blacklists!",
                   (SELECT count(*) FROM persona_user_blocks
                    WHERE user_disc_id = $1 AND expires_at > now()) AS "blocks!",
                   (SELECT count(*) FROM server_memories m
                    JOIN users u ON u.user_id = m.created_by
                    JOIN servers s ON s.server_id = m.server_id
                    WHERE u.user_disc_id = $1 AND s.server_disc_id <> $1
                      AND m.subject_user_disc_id IS DISTINCT FROM $1) AS "taught!""#,
            user.to_string(),
            counted.to_string(),
        )
        .fetch_one(self.pool.system())
        .await?;
        Ok(Tally::new(
            [
                (Held::Settings, row.settings),
                (Held::PersonalMemories, row.memories),
                (Held::MemoriesAbout, row.about),
                (Held::Keys, row.keys),
                (Held::Endpoints, row.endpoints),
                (Held::Models, row.models),
                (Held::Direct, row.direct),
                (Held::Turns, row.turns),
                (Held::Decisions, row.decisions),
                (Held::Blacklists, row.blacklists),
            ],
            [
                (Kept::Taught, row.taught),
                (Kept::Blocks, row.blocks),
                (Kept::Uses, row.uses),
            ],
        ))
    }

    /// Deletes everything about a person, whose uses are counted as `counted`: those stay. Turns end with their rows: who runs one finds it gone,
    /// and what waits never begins. The youngest records of decisions stay for their day without an
    /// id, because their events may be delivered once more and must not be decided anew. Dropping it
    /// midway changes nothing or everything.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; after the latter nobody knows whether it was done. Repeating it is
    /// harmless.
    pub async fn delete_person(
        &self,
        user: UserId,
        counted: Counter,
        opt_out: OptOut,
    ) -> Result<Deleted, Error> {
        let mut opened = self.pool.system().open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, delete(&mut opened, user, counted, opt_out)).await;
        opened.settle(done)
    }
}

async fn delete(
    opened: &mut Opened,
    user: UserId,
    counted: Counter,
    opt_out: OptOut,
) -> Result<Deleted, Error> {
    let mut transaction = opened.begin().await?;
    let (mut tally, stopped_in) = delete_rows(&mut transaction, user, counted).await?;
    let disc_id = user.to_string();
    let direct = sqlx::query!(
        "DELETE FROM servers WHERE server_disc_id = $1 AND is_dm_channel",
        disc_id,
    )
    .execute(&mut *transaction)
    .await?;
    let person = sqlx::query!("DELETE FROM users WHERE user_disc_id = $1", disc_id)
        .execute(&mut *transaction)
        .await?;
    tally.add(Held::Direct, direct.rows_affected());
    tally.add(Held::Settings, person.rows_affected());
    if opt_out == OptOut::Stays {
        sqlx::query!(
            "INSERT INTO users (user_disc_id, privacy_level) VALUES ($1::text, 2)",
            disc_id,
        )
        .execute(&mut *transaction)
        .await?;
        tally.keep(Kept::OptOut, 1);
    }
    let receipt = receipt::write(&mut transaction, ReceiptKind::Person, tally).await?;
    let told = Errand::Receipt {
        to: user,
        receipt: receipt.id,
        of: None,
    };
    for errand in [
        Errand::Level(user),
        Errand::Forget(TenantId::Direct(user)),
        told,
    ] {
        put(&mut transaction, errand).await?;
    }
    transaction.commit().await?;
    Ok(Deleted {
        receipt,
        stopped_in,
    })
}

/// Deletes what does not go with the rows of the person and of the direct messages, and what does,
/// so that it is counted; in one statement, which sees everything as it was before.
#[expect(
    clippy::too_many_lines,
    reason = "one statement, so that what is counted is what is deleted"
)]
async fn delete_rows(
    connection: &mut PgConnection,
    user: UserId,
    counted: Counter,
) -> Result<(Tally, Vec<ChannelId>), Error> {
    let row = sqlx::query!(
        r#"WITH me AS (
               SELECT user_id FROM users WHERE user_disc_id = $1 FOR UPDATE
           ), memories AS (
               DELETE FROM personal_memories WHERE user_id = (SELECT user_id FROM me) RETURNING 1
           ), about AS (
               DELETE FROM server_memories WHERE subject_user_disc_id = $1 RETURNING 1
           ), keys AS (
               DELETE FROM user_provider_keys WHERE user_id = (SELECT user_id FROM me) RETURNING 1
           ), endpoints AS (
               DELETE FROM custom_endpoints WHERE user_id = (SELECT user_id FROM me) RETURNING 1
           ), models AS (
               DELETE FROM fallback_models WHERE user_id = (SELECT user_id FROM me) RETURNING 1
           ), ended AS (
               DELETE FROM turns WHERE responsible_disc_id = $1
               RETURNING channel_disc_id, ended_at
           ), forgotten AS (
               DELETE FROM turn_decisions
               WHERE (user_disc_id = $1 OR guild_disc_id = $1)
                 AND created_at < now() - interval '15 minutes'
               RETURNING 1
           ), emptied AS (
               UPDATE turn_decisions
               SET user_disc_id = NULL, channel_disc_id = NULL, message_id = NULL,
                   guild_disc_id = NULLIF(guild_disc_id, $1)
               WHERE (user_disc_id = $1 OR guild_disc_id = $1)
                 AND created_at >= now() - interval '15 minutes'
               RETURNING 1
           ), named AS (
               -- Uses are counted under a number that names nobody; ids are not written any more.
               DELETE FROM operation_quotas WHERE scope_disc_id = $1
           ), rests AS (
               -- These three are not counted: they are numbers of a day, and none of theirs says more.
               DELETE FROM cooldowns WHERE user_disc_id = $1
           ), answers AS (
               DELETE FROM generation_quotas WHERE user_disc_id = $1
           ), reservations AS (
               DELETE FROM quota_reservations WHERE user_disc_id = $1
           ), blacklists AS (
               DELETE FROM personalization_blacklist WHERE user_disc_id = $1 RETURNING 1
           ), blacklisted AS (
               UPDATE personalization_blacklist SET added_by = NULL
               WHERE added_by = $1 AND user_disc_id <> $1
           ), over AS (
               DELETE FROM persona_user_blocks WHERE user_disc_id = $1 AND expires_at <= now()
           ), blocks AS (
               UPDATE persona_user_blocks SET reason = '-'
               WHERE user_disc_id = $1 AND expires_at > now()
               RETURNING 1
           )
           SELECT (SELECT count(*) FROM memories) AS "memories!",
                  (SELECT count(*) FROM about) AS "about!",
                  (SELECT count(*) FROM keys) AS "keys!",
                  (SELECT count(*) FROM endpoints) AS "endpoints!",
                  (SELECT count(*) FROM models) AS "models!",
                  (SELECT count(*) FROM ended) AS "turns!",
                  (SELECT count(*) FROM forgotten) + (SELECT count(*) FROM emptied)
                      AS "decisions!",
                  (SELECT count(*) FROM operation_quotas
                   WHERE scope_kind = 'user' AND scope_disc_id = $2) AS "uses!",
                  (SELECT count(*) FROM blacklists) AS "blacklists!",
                  (SELECT count(*) FROM blocks) AS "blocks!",
                  (SELECT count(*) FROM server_memories m
                   JOIN servers s ON s.server_id = m.server_id
                   WHERE m.created_by = (SELECT user_id FROM me) AND s.server_disc_id <> $1
                     AND m.subject_user_disc_id IS DISTINCT FROM $1) AS "taught!",
                  (SELECT COALESCE(array_agg(DISTINCT channel_disc_id::text)
                       FILTER (WHERE ended_at IS NULL), '{}') FROM ended) AS "stopped_in!""#,
        user.to_string() as _,
        counted.to_string(),
    )
    .fetch_one(connection)
    .await?;
    let tally = Tally::new(
        [
            (Held::PersonalMemories, row.memories),
            (Held::MemoriesAbout, row.about),
            (Held::Keys, row.keys),
            (Held::Endpoints, row.endpoints),
            (Held::Models, row.models),
            (Held::Turns, row.turns),
            (Held::Decisions, row.decisions),
            (Held::Blacklists, row.blacklists),
        ],
        [
            (Kept::Taught, row.taught),
            (Kept::Blocks, row.blocks),
            (Kept::Uses, row.uses),
        ],
    );
    let place = Place {
        table: "turns",
        column: "channel_disc_id",
        row: &"a turn that was just deleted",
    };
    let stopped_in = row.stopped_in.iter().map(|channel| place.parse(channel));
    Ok((tally, stopped_in.collect::<Result<_, _>>()?))
}
