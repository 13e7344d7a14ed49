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
