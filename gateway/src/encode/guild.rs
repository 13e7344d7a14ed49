//! In which servers the bot is. Of a server nothing is read but its id: there is no cache of them.

use proto::event;
use serde::Deserialize;

use super::Skip;
use super::wire::Id;

/// As much of a server as we look at (Discord's page "Gateway Events", 2026-11).
#[derive(Deserialize)]
pub(super) struct Guild {
    id: Id,
    /// Discord has an outage there; the bot neither came nor left.
    #[serde(default)]
    unavailable: Option<bool>,
}

/// Returns the server, unless all that is told is an outage.
pub(super) fn reachable(guild: Guild) -> Result<event::Guild, Skip> {
    if guild.unavailable == Some(true) {
        return Err(Skip::Outage);
    }
    Ok(event::Guild {
        guild_id: guild.id.0,
    })
}

/// As much as we look at of what begins a session (the same page).
#[derive(Deserialize)]
pub(super) struct Ready {
    /// All servers of the shard; whether there is an outage does not matter.
    guilds: Vec<Listed>,
    /// The shard, and how many there are.
    #[serde(default)]
    shard: Option<(u32, u32)>,
}

#[derive(Deserialize)]
struct Listed {
    id: Id,
}

/// Returns the servers of a shard. Without the number of shards nobody could tell which servers are
/// missing from it.
pub(super) fn list(ready: Ready) -> Result<event::GuildList, Skip> {
    let (_, shard_count) = ready.shard.ok_or(Skip::Malformed)?;
    Ok(event::GuildList {
        shard_count,
        guild_ids: ready.guilds.iter().map(|listed| listed.id.0).collect(),
    })
}
