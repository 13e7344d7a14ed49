//! One worker an hour deletes for all what is over (PRIV-85). What that is, the store's rules say.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use proto::id::GuildId;
use store::Expiring;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::job::{self, Look};
use crate::{leaving, metrics};

/// Name of the job among those that have one leader.
const JOB: &str = "retention";

/// Between two runs.
const EVERY: Duration = Duration::from_hours(1);

/// Whether it is due is looked at this often: one statement. What failed is tried again as soon.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Deletes again and again, whenever this worker leads.
pub(crate) async fn keep(app: Arc<App>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Look::Worked(deleted) = job::lead(&app, JOB, EVERY, delete(&app)).await {
            metrics::retained(deleted.is_ok());
        }
    }
}

/// Deletes of every table what is over. One that fails holds up no other; the first error is
/// returned.
///
/// Cancel safe: yes; what is left is deleted the next time.
async fn delete(app: &App) -> Result<(), store::Error> {
    // What is over is over by the clock that wrote when it began.
    let now = app.store.now().await?;
    let mut failed = purge(app, now).await.err();
    for &what in Expiring::ALL {
        if let Err(error) = delete_from(app, what, now).await {
            tracing::warn!(%error, table = what.as_str(), "what is over is not deleted");
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Deletes the servers that the bot left long ago.
async fn purge(app: &App, now: DateTime<Utc>) -> Result<(), store::Error> {
    for guild in app.store.left_long_ago(now).await? {
        match app.discord.guild(guild).await {
            // Word of its coming back was lost.
            Ok(_there) => leaving::is_here(app, guild).await?,
            Err(error) if error.is_foreign_guild() => purge_one(app, guild, now).await?,
            Err(error) => not_asked(&error),
        }
    }
    Ok(())
}

fn not_asked(error: &discord::Error) {
    tracing::info!(%error, "a server that the bot left is not deleted before Discord was asked");
}

async fn purge_one(app: &App, guild: GuildId, now: DateTime<Utc>) -> Result<(), store::Error> {
    if app.store.purge_left(guild, now).await?.is_some() {
        metrics::purged();
        app.outbox.wake();
        tracing::info!("a server that the bot left long ago was deleted");
    }
    Ok(())
}

async fn delete_from(app: &App, what: Expiring, now: DateTime<Utc>) -> Result<(), store::Error> {
    let mut all = 0;
    loop {
        let rows = app.store.delete_expired(what, now).await?;
        metrics::deleted(what, rows);
        all += rows;
        if rows == 0 {
            break;
        }
    }
    if all > 0 {
        tracing::info!(
            rows = all,
            table = what.as_str(),
            "what is over was deleted"
        );
    }
    Ok(())
}
