//! Step 7: the end of the turn is recorded, and people are told where something went wrong.

mod words;

use std::time::Duration;

use store::{Lease, TurnState};
use tokio::time::timeout;

use super::TurnEnd;
use super::claim::Claimed;
use crate::app::App;
use crate::error::{Disposition, TurnError};
use crate::journal::Journal;
use crate::metrics;
use crate::notice::Notice;
use crate::patience::with_patience;

/// How long Discord is asked to take the word about an end; the channel waits meanwhile. A minute
/// is what the database is given, too.
const TELL_WITHIN: Duration = Duration::from_mins(1);

/// Ends, releases or leaves the turn. Runs on every path.
pub(super) async fn settle(
    app: &App,
    claimed: Claimed,
    journal: &mut Journal<'_>,
    outcome: Result<TurnState, TurnError>,
) -> TurnEnd {
    let has_posted = journal.has_posted();
    claimed.keys.ended(told_by(&outcome)).await;
    let (disposition, reason) = match &outcome {
        Ok(state) => (Disposition::End(*state), "none"),
        Err(error) => (error.disposition(has_posted), error.label()),
    };
    if let Err(error) = &outcome {
        tracing::warn!(
            turn.id = %claimed.turn.id,
            reason,
            error = error as &dyn std::error::Error,
            "a turn did not end well"
        );
    }
    let lease = &claimed.lease;
    let disposition = match disposition {
        Disposition::End(_) if !end_well(app, &claimed, journal, (&outcome, reason)).await => {
            Disposition::Release
        }
        other => other,
    };
    let recorded = match disposition {
        Disposition::Leave => return TurnEnd::Unsettled,
        Disposition::Release => with_patience(|| app.store.release_turn(lease))
            .await
            .map(|_| TurnEnd::Unsettled),
        Disposition::End(state) => {
            let reason_column = outcome.as_ref().err().and_then(TurnError::reason);
            let ended = with_patience(|| app.store.end_turn(lease, state, reason_column)).await;
            ended.map(|was_ours| after_end(was_ours, state, reason))
        }
    };
    let end = recorded.unwrap_or_else(|error| {
        tracing::error!(turn.id = %claimed.turn.id, %error, "a turn's end is not recorded");
        TurnEnd::Unsettled
    });
    give_back(app, lease, (end, journal)).await;
    if (end, disposition) == (TurnEnd::Ended, Disposition::End(TurnState::Done)) {
        words::of_stand_in(app, &claimed, journal).await;
    }
    end
}

/// Gives back what the message used, and ends what it made rest, where nobody saw anything of an
/// answer (GUARD-21, GUARD-44).
async fn give_back(app: &App, lease: &Lease, (end, journal): (TurnEnd, &Journal<'_>)) {
    if end != TurnEnd::Ended || journal.has_shown() {
        return;
    }
    if let Err(error) = app.store.refund_quota(lease).await {
        tracing::warn!(%error, "an answer that nobody saw stays counted");
    }
    if !app.settings.guards.releases_cooldowns {
        return;
    }
    if let Err(error) = app.store.release_cooldown(lease).await {
        tracing::info!(%error, "a cooldown is not given back, and ends by itself");
    }
}

/// Waits until nothing of the turn is on its way, and tells people why it ends where they are to
/// know. False when the turn must not end here.
async fn end_well(
    app: &App,
    claimed: &Claimed,
    journal: &mut Journal<'_>,
    (outcome, reason): (&Result<TurnState, TurnError>, &'static str),
) -> bool {
    // Neither the last word nor the channel's next turn comes before what is on its way.
    journal.until_quiet().await;
    let has_posted = journal.has_posted();
    let error = outcome.as_ref().err();
    if let Some(notice) = error.and_then(|error| error.reply(has_posted, claimed.around())) {
        let may_end = tell(app, claimed, journal, (&notice, reason)).await;
        journal.until_quiet().await;
        return may_end;
    }
    true
}

/// Tells people why the turn ends. A word that cannot be said is counted and survived; false when
/// the process is on its way out, and whoever takes the turn over has to find out what was said.
async fn tell(
    app: &App,
    claimed: &Claimed,
    journal: &mut Journal<'_>,
    (notice, reason): (&Notice, &'static str),
) -> bool {
    let controls = words::controls(app, claimed, notice);
    let telling = timeout(TELL_WITHIN, journal.tell(notice, reason, controls));
    let Some(told) = app.abandon.run_until_cancelled(telling).await else {
        return false;
    };
    let error = match told {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    metrics::post("notice_failed");
    tracing::warn!(error, "a notice was not posted");
    true
}

/// What the turn's end tells about the key of its last call, if anything.
fn told_by(outcome: &Result<TurnState, TurnError>) -> Option<Result<(), &llm::Error>> {
    match outcome {
        Ok(TurnState::Done) => Some(Ok(())),
        Err(TurnError::Model(error)) => Some(Err(error)),
        Ok(_) | Err(_) => None,
    }
}

fn after_end(was_ours: bool, state: TurnState, reason: &'static str) -> TurnEnd {
    if !was_ours {
        return TurnEnd::Unsettled;
    }
    metrics::turn_ended(state, reason);
    TurnEnd::Ended
}
