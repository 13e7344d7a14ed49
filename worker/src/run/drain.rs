//! The orderly end (CHAT-49): partitions are given away at once, running turns end or let go.
//!
//! It takes [`AFTER_DRAIN`] longer than `DRAIN_TIMEOUT_MS` at most, whatever is away. What is left
//! undone by then is what a kill would leave: it goes on elsewhere once this worker is silent.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::app::App;

/// For turns that are told to let go: a post that is on its way is answered within moments, or it
/// is in doubt and its turn is left to whoever takes it over.
const LET_GO_WITHIN: Duration = Duration::from_secs(4);

/// For the last words to broker and database.
const PART_WITHIN: Duration = Duration::from_secs(2);

/// All that comes after the drain.
const AFTER_DRAIN: Duration = LET_GO_WITHIN.saturating_add(PART_WITHIN);

/// Gives the partitions away at once, lets running turns end, then makes the rest let go.
pub(super) async fn drain(app: &App, partitions: JoinHandle<()>) {
    let mut leaving = Box::pin(leave_all(app, partitions));
    let drained = timeout(app.settings.run.drain_timeout, &mut leaving)
        .await
        .is_ok();
    app.abandon.cancel();
    let let_go = drained || timeout(LET_GO_WITHIN, leaving).await.is_ok();
    tracing::info!(
        drained,
        let_go,
        "turns that did not end go on at other workers"
    );
    if timeout(PART_WITHIN, part(app, let_go)).await.is_err() {
        tracing::warn!(
            after_ms = u64::try_from(AFTER_DRAIN.as_millis()).unwrap_or(u64::MAX),
            "this worker ends without the last word: the others notice that it is silent"
        );
    }
}

/// Hands over to others, and waits until everything that runs here has ended or let go.
async fn leave_all(app: &App, partitions: JoinHandle<()>) {
    let handing_over = async {
        survive(
            "the others are not told that this worker drains",
            app.presence.drain().await,
        );
        if !partitions.is_finished() {
            survive("the task of the partitions panicked", partitions.await);
        }
    };
    app.interactions.close();
    // Whoever gets all places at once knows that no turn runs.
    let slots = u32::try_from(app.settings.chat.max_turns).unwrap_or(u32::MAX);
    let ending = async {
        let turns = app.turn_slots.acquire_many(slots).await;
        survive("the places of turns are gone", turns.map(drop));
        app.interactions.wait().await;
    };
    tokio::join!(handing_over, ending);
}

/// Says the last words.
async fn part(app: &App, let_go: bool) {
    let leaving = async {
        // Otherwise silence tells it, after the time in which a post may still arrive.
        if let_go {
            let left = app.presence.leave().await;
            survive("the others are not told that this worker has gone", left);
        }
    };
    tokio::join!(leaving, app.key_pools.write_counts());
    app.store.close().await;
}

/// A drain goes on whatever fails: what is left undone is what a kill would leave.
fn survive<E: std::fmt::Display>(what: &str, outcome: Result<(), E>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "{what}");
    }
}
