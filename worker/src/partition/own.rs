//! The life of one owner: take the partition, take its events in, give it away.

use std::sync::Arc;
use std::time::Duration;

use proto::subject::Partition;
use tokio_util::sync::CancellationToken;

use super::consumer::{self, Attempt, Owned};
use super::intake::{Ending, Intake};
use crate::app::App;
use crate::metrics;

/// Between two attempts while somebody else has the partition, or the broker does not answer.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Owns a partition again and again until it is to be given away.
pub(super) async fn own(app: Arc<App>, partition: Partition, give_away: CancellationToken) {
    while !give_away.is_cancelled() {
        match attempt(&app, partition).await {
            Ok(Some(owned)) => hold(&app, partition, owned, &give_away).await,
            Ok(None) => {
                give_away
                    .run_until_cancelled(tokio::time::sleep(RETRY_EVERY))
                    .await;
            }
            Err(error) => {
                tracing::warn!(%partition, %error, "a partition cannot be taken");
                give_away
                    .run_until_cancelled(tokio::time::sleep(RETRY_EVERY))
                    .await;
            }
        }
    }
    leave_nothing(&app, partition).await;
}

/// Deletes what unanswered requests of ours may have left: nobody else may while we live, and the
/// partition would stand still. Of a process on its way out, others may soon.
async fn leave_nothing(app: &App, partition: Partition) {
    while !app.stop.is_cancelled() {
        match consumer::evict_own(app, partition).await {
            Ok(_) => return,
            Err(error) => tracing::warn!(%partition, %error, "a partition is not given away yet"),
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

async fn attempt(app: &App, partition: Partition) -> anyhow::Result<Option<Box<Owned>>> {
    let first = consumer::take(app, partition).await?;
    if let Attempt::Won(owned) = first {
        return Ok(Some(owned));
    }
    let is_free =
        consumer::evict_dead(app, partition).await? || consumer::evict_own(app, partition).await?;
    if !is_free {
        return Ok(None);
    }
    let second = consumer::take(app, partition).await?;
    Ok(match second {
        Attempt::Won(owned) => Some(owned),
        Attempt::Taken => None,
    })
}

async fn hold(
    app: &Arc<App>,
    partition: Partition,
    owned: Box<Owned>,
    give_away: &CancellationToken,
) {
    metrics::partition_won();
    tracing::debug!(%partition, "owns a partition");
    let name = owned.name.clone();
    let watched = app.pulse.watch(partition);
    let ending = Intake::new(Arc::clone(app), partition, *owned)
        .run(give_away)
        .await;
    drop(watched);
    consumer::give_up(app, &name).await;
    metrics::partition_left(ending.as_str());
    if ending == Ending::Broken {
        tracing::info!(%partition, "a partition's consumer is made anew");
    }
}
