//! A part of what a server has: its memories, or its personas (PRIV-68). The rest of it goes on.

use proto::id::ChannelId;
use sqlx::PgConnection;

use super::receipt::{self, ReceiptKind};
use super::server::ServerPart;
use super::{Deleted, Held, Tally};
use crate::row::Place;
use crate::setup::insert_missing;
use crate::{Error, ServerId};

/// Deletes a part of a server, and ends its turns. Of one about which nothing is stored (`None`) the
/// receipt says just that. `first` is the persona with which a server begins.
pub(super) async fn delete(
    connection: &mut PgConnection,
    server: Option<ServerId>,
    (part, first): (ServerPart, (&str, &[String])),
) -> Result<Deleted, Error> {
    let kind = match part {
        ServerPart::Memories => ReceiptKind::ServerMemories,
        ServerPart::Personas => ReceiptKind::ServerPersonas,
    };
    let (tally, stopped_in) = match (server, part) {
        (None, _) => (Tally::default(), Vec::new()),
        (Some(server), ServerPart::Memories) => (
            memories(connection, server).await?,
            end_turns(connection, server).await?,
        ),
        (Some(server), ServerPart::Personas) => (
            personas(connection, server, first).await?,
            end_turns(connection, server).await?,
        ),
    };
    Ok(Deleted {
        receipt: receipt::write(connection, kind, tally).await?,
        stopped_in,
    })
}

async fn memories(connection: &mut PgConnection, server: ServerId) -> Result<Tally, Error> {
    let gone = sqlx::query!("DELETE FROM server_memories WHERE server_id = $1", server.0)
        .execute(connection)
        .await?;
    let mut tally = Tally::default();
    tally.add(Held::ServerMemories, gone.rows_affected());
    Ok(tally)
}

/// Removes all personas, and makes the first one anew. What the main persona remembered is
/// remembered by the new one, since memories stay.
async fn personas(
    connection: &mut PgConnection,
    server: ServerId,
    first: (&str, &[String]),
) -> Result<Tally, Error> {
    let gone = sqlx::query!(
        r#"WITH gone AS (
               DELETE FROM personas WHERE server_id = $1 RETURNING is_alter, persona_lineage_id
           )
           SELECT (SELECT count(*) FROM gone) AS "personas!",
                  (SELECT count(*) FROM persona_user_blocks WHERE server_id = $1) AS "blocks!",
                  (SELECT persona_lineage_id FROM gone WHERE NOT is_alter) AS main_lineage"#,
        server.0,
    )
    .fetch_one(&mut *connection)
    .await?;
    insert_missing(connection, server, first).await?;
    sqlx::query!(
        "UPDATE personas SET persona_lineage_id = COALESCE($2, persona_lineage_id)
         WHERE server_id = $1",
        server.0,
        gone.main_lineage,
    )
    .execute(connection)
    .await?;
    Ok(Tally::new(
        [
            (Held::Personas, gone.personas),
            (Held::Restrictions, gone.blocks),
        ],
        [],
    ))
}

/// Ends the open turns of a server. Returns their channels, in no order, without repetition.
async fn end_turns(
    connection: &mut PgConnection,
    server: ServerId,
) -> Result<Vec<ChannelId>, Error> {
    let channels = sqlx::query_scalar!(
        r#"WITH ended AS (
               UPDATE turns
               SET stop_requested = true, stop_reason = 'data',
                   state = CASE WHEN state = 'queued' THEN 'stopped' ELSE state END,
                   ended_at = CASE WHEN state = 'queued' THEN now() END
               WHERE server_id = $1 AND ended_at IS NULL
               RETURNING channel_disc_id
           )
           SELECT DISTINCT channel_disc_id::text AS "channel!" FROM ended"#,
        server.0,
    )
    .fetch_all(connection)
    .await?;
    let place = Place {
        table: "turns",
        column: "channel_disc_id",
        row: &"a turn that was just ended",
    };
    let parse = |channel: &String| place.parse(channel);
    channels.iter().map(parse).collect()
}
