//! In which servers the bot no longer is (PRIV-69). What is stored about one of them has no effect from
//! that moment, and goes after some time unless the bot comes back.

use chrono::{DateTime, Utc};
use proto::id::{ChannelId, GuildId, TenantId};

use crate::row::Place;
use crate::{Error, Store};

/// The servers of a shard, all of them.
#[derive(Clone, Copy, Debug)]
pub struct ShardServers<'a> {
    /// The number of the shard.
    pub shard: u32,
    /// How many there are, at least 1.
    pub shards: u32,
    /// Its servers, in any order.
    pub guilds: &'a [GuildId],
    /// When this was so.
    pub told_at: DateTime<Utc>,
}

/// A server of which something else was noted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The server.
    pub guild: GuildId,
    /// Whether the bot is there.
    pub is_here: bool,
    /// The channels in which turns ended, in no order, without repetition.
    pub stopped_in: Vec<ChannelId>,
}

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
        channels.as_deref().map(parse_channels).transpose()
    }

    /// Notes in which servers of a shard the bot is, and which it left; returns those of which
    /// something else was noted before, as by [`Store::guild_left`] and [`Store::guild_here`]. One that was changed since
    /// the list was made is left as it is: what is known of it is newer. Safe to repeat.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn servers_listed(
        &self,
        list: ShardServers<'_>,
        purge_days: u16,
    ) -> Result<Vec<Moved>, Error> {
        let guilds: Vec<String> = list.guilds.iter().map(ToString::to_string).collect();
        // Discord's page "Gateway", 2026-11: a server's shard is its id without 22 bits, modulo them all.
        let rows = sqlx::query!(
            r#"WITH listed AS (
                   SELECT server_id, server_disc_id::text = ANY ($3::text[]) AS is_here
                   FROM servers
                   WHERE NOT is_dm_channel
                     AND div(server_disc_id::numeric, 4194304) % $2::bigint = $1::bigint
               ), moved AS (
                   UPDATE servers s
                   SET left_at = CASE WHEN l.is_here THEN NULL ELSE now() END,
                       purge_after = CASE WHEN l.is_here THEN NULL
                                          ELSE now() + make_interval(days => $5) END,
                       settings_version = settings_version + 1
                   FROM listed l
                   WHERE s.server_id = l.server_id AND (s.left_at IS NULL) <> l.is_here
                     AND s.updated_at < $4
                   RETURNING s.server_id, s.server_disc_id, l.is_here
               ), ended AS (
                   UPDATE turns t
                   SET stop_requested = true, stop_reason = 'left',
                       state = CASE WHEN t.state = 'queued' THEN 'stopped' ELSE t.state END,
                       ended_at = CASE WHEN t.state = 'queued' THEN now() END
                   FROM moved
                   WHERE t.server_id = moved.server_id AND NOT moved.is_here
                     AND t.ended_at IS NULL
                   RETURNING t.server_id, t.channel_disc_id
               )
               SELECT m.server_disc_id::text AS "guild!", m.is_here AS "is_here!",
                      ARRAY(SELECT DISTINCT e.channel_disc_id::text FROM ended e
                            WHERE e.server_id = m.server_id) AS "channels!"
               FROM moved m"#,
            i64::from(list.shard),
            i64::from(list.shards),
            &guilds,
            list.told_at,
            i32::from(purge_days),
        )
        .fetch_all(self.pool.system())
        .await?;
        let place = Place {
            table: "servers",
            column: "server_disc_id",
            row: &"a server of a shard",
        };
        rows.iter()
            .map(|row| {
                Ok(Moved {
                    guild: GuildId(place.parse(&row.guild)?),
                    is_here: row.is_here,
                    stopped_in: parse_channels(&row.channels)?,
                })
            })
            .collect()
    }

    /// Notes that the bot is in a server: what is stored about it holds again, and stays. Tells whether
    /// it was away. Safe to repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn guild_here(&self, guild: GuildId) -> Result<bool, Error> {
        // Also where it was never away: from now on no older list says otherwise.
        let was_away = sqlx::query_scalar!(
            r#"WITH before AS (
                   SELECT server_id, left_at IS NOT NULL AS was_away FROM servers
                   WHERE server_disc_id = $1
                   FOR UPDATE
               )
               UPDATE servers s
               SET left_at = NULL, purge_after = NULL,
                   settings_version = settings_version + before.was_away::int
               FROM before
               WHERE s.server_id = before.server_id
               RETURNING before.was_away AS "was_away!""#,
            guild.to_string(),
        )
        .fetch_optional(self.pool.tenant(TenantId::Guild(guild)))
        .await?;
        Ok(was_away == Some(true))
    }
}

fn parse_channels(channels: &[String]) -> Result<Vec<ChannelId>, Error> {
    let place = Place {
        table: "turns",
        column: "channel_disc_id",
        row: &"a turn of a server that the bot left",
    };
    let channels = channels.iter().map(|channel| place.parse(channel));
    channels.collect()
}
