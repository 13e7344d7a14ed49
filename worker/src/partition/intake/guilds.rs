//! Where the bot is, and where it no longer is (PRIV-69).

use proto::id::{GuildId, TenantId};
use tokio::time::sleep;

use super::{DATABASE_RETRY, Intake};
use crate::control;

impl Intake {
    /// Notes that the bot left a server; false when the database answers with an error of its own.
    pub(super) async fn left(&self, guild: GuildId) -> bool {
        let days = self.app.settings.data.guild_purge_days;
        let Some(left) = noted(|| self.app.store.guild_left(guild, days)).await else {
            return false;
        };
        if let Some(channels) = left {
            self.announce(guild).await;
            for channel in channels {
                control::nudge(&self.app, channel).await;
            }
            tracing::info!("the bot was removed from a server that it was set up in");
        }
        true
    }

    /// Notes that the bot is in a server; false when the database answers with an error of its own.
    pub(super) async fn here(&self, guild: GuildId) -> bool {
        let Some(was_away) = noted(|| self.app.store.guild_here(guild)).await else {
            return false;
        };
        if was_away {
            self.announce(guild).await;
            tracing::info!("the bot is back in a server that it had left");
        }
        true
    }

    async fn announce(&self, guild: GuildId) {
        let (app, tenant) = (&self.app, TenantId::Guild(guild));
        app.profiles.announce(&app.nats, &app.names, tenant).await;
    }
}

/// Waits for the database; `None` when its answer is an error of its own.
async fn noted<T, F>(note: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, store::Error>>,
{
    loop {
        match note().await {
            Ok(done) => return Some(done),
            Err(error) if error.is_unavailable() => sleep(DATABASE_RETRY).await,
            Err(error) => {
                tracing::warn!(%error, "it is not noted in which servers the bot is");
                return None;
            }
        }
    }
}
