//! Where the bot is, and where it no longer is (PRIV-69).

use proto::id::GuildId;
use tokio::time::sleep;

use super::{DATABASE_RETRY, Intake};
use crate::{control, leaving};

impl Intake {
    /// Notes that the bot left a server; false when the database answers with an error of its own.
    pub(super) async fn left(&self, guild: GuildId) -> bool {
        let days = self.app.settings.data.guild_purge_days;
        let Some(left) = noted(|| self.app.store.guild_left(guild, days)).await else {
            return false;
        };
        if let Some(channels) = left {
            leaving::announce(&self.app, guild).await;
            for channel in channels {
                control::nudge(&self.app, channel).await;
            }
            tracing::info!("the bot was removed from a server that it was set up in");
        }
        true
    }

    /// Notes that the bot is in a server; false when the database answers with an error of its own.
    pub(super) async fn here(&self, guild: GuildId) -> bool {
        noted(|| leaving::is_here(&self.app, guild)).await.is_some()
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
