//! In which servers the bot no longer is (PRIV-69). What is stored about one of them has no effect from
//! that moment, and goes after some time unless the bot comes back.

use proto::id::{ChannelId, GuildId, TenantId};

use crate::row::Place;
use crate::{Error, Store};

impl Store {
    /// Notes that the bot left a server: its open turns end, its settings are as if there were none, and
    /// after `purge_days` it is deleted. Returns the channels in which turns ended, in no order; `None`
    /// where nothing is stored about it or this was noted before. Safe to repeat.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn guild_left(
        &self,
        guild: GuildId,
        purge_days: u16,
    ) -> Result<Option<Vec<ChannelId>>, Error> {
        let channels = sqlx::query_scalar!(
            r#"WITH gone AS (
                   UPDATE servers
                   SET left_at = now(), purge_after = now() + make_interval(days => $2),
                       settings_version = settings_version + 1
                   WHERE server_disc_id = $1::text AND NOT is_dm_channel AND left_at IS NULL
                   RETURNING server_id
               ), ended AS (
                   UPDATE turns t
                   SET stop_requested = true, stop_reason = 'left',
                       state = CASE WHEN t.state = 'queued' THEN 'stopped' ELSE t.state END,
                       ended_at = CASE WHEN t.state = 'queued' THEN now() END
                   FROM gone
                   WHERE t.server_id = gone.server_id AND t.ended_at IS NULL
                   RETURNING t.channel_disc_id
               )
               SELECT (SELECT COALESCE(array_agg(DISTINCT channel_disc_id::text), '{}') FROM ended)
                   AS "channels!"
               FROM gone"#,
            guild.to_string() as _,
            i32::from(purge_days),
        )
        .fetch_optional(self.pool.tenant(TenantId::Guild(guild)))
        .await?;
        let place = Place {
            table: "turns",
            column: "channel_disc_id",
            row: &"a turn of a server that the bot left",
        };
        let parse = |channels: Vec<String>| {
            let channels = channels.iter().map(|channel| place.parse(channel));
            channels.collect::<Result<_, _>>()
        };
        channels.map(parse).transpose()
    }

    /// Notes that the bot is in a server: what is stored about it holds again, and stays. Tells whether
    /// it was away. Safe to repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn guild_here(&self, guild: GuildId) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE servers
             SET left_at = NULL, purge_after = NULL, settings_version = settings_version + 1
             WHERE server_disc_id = $1 AND left_at IS NOT NULL",
            guild.to_string(),
        )
        .execute(self.pool.tenant(TenantId::Guild(guild)))
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
