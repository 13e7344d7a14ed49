//! Stopping turns: conditional writes on their rows, so that each holds wherever the turn runs and
//! never reaches the turn after it (CHAT-53).

use proto::id::{ChannelId, EventId, GuildId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{Admitted, Error, Store, TurnId};

/// A message that asks the author's own running turn to stop.
#[derive(Clone, Debug)]
pub struct StopWord {
    /// The event; decided once for ever.
    pub event_id: EventId,
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// Who wrote it.
    pub author: UserId,
    /// The channel's partition.
    pub partition: Partition,
}

/// An order to end turns of a channel at once.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
    /// Whose turns.
    pub whose: Whose,
}

/// Whose turns are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of one user.
    Of(UserId),
    /// All of them, those included whose admission is on its way.
    Everybodys,
}

/// What a kill reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Killed {
    /// Running turns that will end; 0 or 1.
    pub running: i64,
    /// Queued turns that are over.
    pub queued: i64,
}

impl Store {
    /// Takes a stop word: the author's running turn is asked to stop, that author's waiting
    /// persona jobs are over, and the turn of one short answer is queued first. Decided once per
    /// event, like an admission. `None`: no turn of the author runs there, and nothing was
    /// recorded. Without turns in the answer somebody had asked it to stop before.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn stop_by_word(&self, word: &StopWord) -> Result<Option<Admitted>, Error> {
        let is_new = self.record_stop(word).await?;
        match self.decided_before(word.tenant, &word.event_id).await? {
            Admitted::Before { turns, .. } if is_new => Ok(Some(Admitted::Accepted(turns))),
            Admitted::SettingsChanged => Ok(None),
            before => Ok(Some(before)),
        }
    }

    /// `false`: nothing runs, or the event was decided before.
    async fn record_stop(&self, word: &StopWord) -> Result<bool, Error> {
        let decided = sqlx::query_scalar!(
            r#"WITH running AS (
                   SELECT t.turn_id FROM turns t
                   WHERE t.channel_disc_id = $3::text AND t.responsible_disc_id = $4::text
                     AND t.state IN ('preparing', 'streaming', 'tool', 'finishing')
                     AND COALESCE(privacy_level_of($4::text), 0) IN (0, 1)
               ), decision AS (
                   INSERT INTO turn_decisions
                       (event_id, guild_disc_id, user_disc_id, channel_disc_id, message_id, code)
                   SELECT $1, $2::text, $4::text, $3::text, $5::text, 'stop_word' FROM running
                   ON CONFLICT (event_id) DO NOTHING
                   RETURNING decision_id
               ), flagged AS (
                   UPDATE turns t SET stop_requested = true, stop_reason = 'stop_word'
                   FROM running r, decision d
                   WHERE t.turn_id = r.turn_id AND t.ended_at IS NULL AND NOT t.stop_requested
                   RETURNING t.server_id, t.persona_id, t.trigger_kind, t.paid_by
               ), dropped AS (
                   UPDATE turns t
                   SET state = 'stopped', stop_requested = true, stop_reason = 'stop_word',
                       ended_at = now()
                   FROM decision d
                   WHERE t.channel_disc_id = $3::text AND t.responsible_disc_id = $4::text
                     AND t.ended_at IS NULL AND t.state = 'queued' AND t.persona_ordinal > 0
               ), answer AS (
                   INSERT INTO turns
                       (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                        trigger_message_id, trigger_kind, responsible_disc_id, persona_id, priority,
                        paid_by)
                   SELECT f.server_id, $3::text, $6, $1, 0, $5::text, 'stop', $4::text,
                          f.persona_id, 0, f.paid_by
                   FROM flagged f WHERE f.trigger_kind <> 'stop'
               )
               SELECT decision_id FROM decision"#,
            word.event_id.as_str(),
            word.tenant.disc_id().to_string(),
            word.channel.to_string(),
            word.author.to_string(),
            word.message.to_string(),
            i32::from(word.partition.0),
        )
        .fetch_optional(self.pool.tenant(word.tenant))
        .await?;
        Ok(decided.is_some())
    }

    /// Ends turns of a channel: queued ones are over at once, the running one gets the flag, at
    /// which its next post fails. Safe to repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn kill(&self, kill: &Kill) -> Result<Killed, Error> {
        let only = match kill.whose {
            Whose::Of(user) => Some(user.to_string()),
            Whose::Everybodys => None,
        };
        let row = sqlx::query!(
            r#"WITH cleared AS (
                   INSERT INTO channel_state AS c (server_id, channel_disc_id, cleared_before)
                   SELECT s.server_id, $1::text, now() FROM servers s
                   WHERE s.server_disc_id = $2::text AND s.is_dm_channel = $3 AND $4::text IS NULL
                   ON CONFLICT (server_id, channel_disc_id) DO UPDATE
                   SET cleared_before = GREATEST(c.cleared_before, excluded.cleared_before)
               ), stopped AS (
                   UPDATE turns t
                   SET stop_requested = true, stop_reason = 'kill',
                       state = CASE WHEN t.state = 'queued' THEN 'stopped' ELSE t.state END,
                       ended_at = CASE WHEN t.state = 'queued' THEN now() END
                   WHERE t.channel_disc_id = $1::text AND t.ended_at IS NULL
                     AND ($4::text IS NULL OR t.responsible_disc_id = $4::text)
                   RETURNING t.state
               )
               SELECT count(*) FILTER (WHERE state = 'stopped') AS "queued!",
                      count(*) FILTER (WHERE state <> 'stopped') AS "running!"
               FROM stopped"#,
            kill.channel.to_string(),
            kill.tenant.disc_id().to_string(),
            kill.tenant.is_direct(),
            only,
        )
        .fetch_one(self.pool.tenant(kill.tenant))
        .await?;
        Ok(Killed {
            running: row.running,
            queued: row.queued,
        })
    }

    /// Ends the turns whose trigger was deleted: queued ones are over at once, a running one of
    /// which nobody saw anything gets the flag. What people saw a part of goes on (CHAT-56).
    /// Returns how many there were; safe to repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn trigger_deleted(
        &self,
        guild: Option<GuildId>,
        channel: ChannelId,
        messages: &[MessageId],
    ) -> Result<u64, Error> {
        match guild.map(TenantId::Guild) {
            Some(tenant) => trigger_deleted(self.pool.tenant(tenant), channel, messages).await,
            None => trigger_deleted(self.pool.system(), channel, messages).await,
        }
    }

    /// Returns those of the turns that somebody asked to stop, or whose rows were deleted with what
    /// they were about, in no order.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn stops_requested(&self, turns: &[TurnId]) -> Result<Vec<TurnId>, Error> {
        let rows: Vec<Uuid> = turns.iter().map(|turn| turn.row).collect();
        let stopped = sqlx::query_scalar!(
            r#"SELECT asked.turn_id AS "turn_id!" FROM unnest($1::uuid[]) AS asked (turn_id)
               WHERE NOT EXISTS (
                   SELECT FROM turns t WHERE t.turn_id = asked.turn_id AND NOT t.stop_requested)"#,
            &rows,
        )
        .fetch_all(self.pool.system())
        .await?;
        let is_stopped = |turn: &&TurnId| stopped.contains(&turn.row);
        Ok(turns.iter().filter(is_stopped).copied().collect())
    }
}

async fn trigger_deleted(
    executor: impl PgExecutor<'_>,
    channel: ChannelId,
    messages: &[MessageId],
) -> Result<u64, Error> {
    let messages: Vec<String> = messages.iter().map(ToString::to_string).collect();
    // `preparing` lasts until the first post is journaled.
    let done = sqlx::query!(
        "UPDATE turns
         SET stop_requested = true, stop_reason = 'deleted',
             state = CASE WHEN state = 'queued' THEN 'stopped' ELSE state END,
             ended_at = CASE WHEN state = 'queued' THEN now() END
         WHERE channel_disc_id = $1 AND ended_at IS NULL AND trigger_message_id = ANY($2::text[])
           AND state IN ('queued', 'preparing') AND NOT stop_requested",
        channel.to_string(),
        &messages,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}
