//! Where the bot is, and where it no longer is (PRIV-69).

use chrono::DateTime;
use proto::event::{Envelope, GuildList};
use proto::id::{ChannelId, GuildId};
use store::ShardServers;
use tokio::time::sleep;

use super::{DATABASE_RETRY, Intake};
use crate::partition::trial::TRIES;
use crate::{control, leaving};

impl Intake {
    /// Notes that the bot left a server; false when it can never be.
    pub(super) async fn left(&self, guild: GuildId) -> bool {
        let days = self.app.settings.data.guild_purge_days;
        let Some(left) = noted(|| self.app.store.guild_left(guild, days)).await else {
            return false;
        };
        if let Some(channels) = left {
            self.has_left(guild, channels).await;
        }
        true
    }

    async fn has_left(&self, guild: GuildId, stopped_in: Vec<ChannelId>) {
        leaving::announce(&self.app, guild).await;
        for channel in stopped_in {
            control::nudge(&self.app, channel).await;
        }
        tracing::info!("the bot was removed from a server that it was set up in");
    }

    /// Notes in which servers of a shard the bot is: it may have left others, or come back, while
    /// nobody was told. False when that can never be.
    pub(super) async fn listed(&self, envelope: &Envelope, list: &GuildList) -> bool {
        let Some(told_at) = DateTime::from_timestamp_millis(envelope.received_at_ms) else {
            return false;
        };
        let guilds: Vec<GuildId> = list.guild_ids.iter().copied().map(GuildId).collect();
        let list = ShardServers {
            shard: envelope.shard_id,
            shards: list.shard_count,
            guilds: &guilds,
            told_at,
        };
        let days = self.app.settings.data.guild_purge_days;
        let Some(moved) = noted(|| self.app.store.servers_listed(list, days)).await else {
            return false;
        };
        for server in moved {
            if server.is_here {
                leaving::is_back(&self.app, server.guild).await;
            } else {
                self.has_left(server.guild, server.stopped_in).await;
            }
        }
        true
    }

    /// Notes that the bot is in a server; false when it can never be.
    pub(super) async fn here(&self, guild: GuildId) -> bool {
        noted(|| leaving::is_here(&self.app, guild)).await.is_some()
    }
}

/// Asks until the database has noted it; `None` when its answer is an error of its own again and again.
async fn noted<T, F>(note: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, store::Error>>,
{
    let mut tries = 0;
    loop {
        let error = match note().await {
            Ok(done) => return Some(done),
            Err(error) => error,
        };
        if !error.is_unavailable() {
            tries += 1;
        }
        tracing::warn!(%error, "it is not noted yet in which servers the bot is");
        if tries == TRIES {
            return None;
        }
        sleep(DATABASE_RETRY).await;
    }
}
