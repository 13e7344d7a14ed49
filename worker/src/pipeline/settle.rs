//! Step 7: the end of the turn is recorded, and people are told where something went wrong.

use store::TurnState;

use super::TurnEnd;
use super::claim::Claimed;
use crate::app::App;
use crate::error::{Disposition, TurnError};
use crate::journal::Journal;
use crate::metrics;
use crate::patience::with_patience;

/// Ends, releases or leaves the turn. Runs on every path.
pub(super) async fn settle(
    app: &App,
    claimed: Claimed,
    journal: &Journal<'_>,
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
            turn.id = %claimed.turn.id.0,
            reason,
            error = error as &dyn std::error::Error,
            "a turn did not end well"
        );
    }
    let lease = &claimed.lease;
    let recorded = match disposition {
        Disposition::Leave => return TurnEnd::Unsettled,
        Disposition::Release => with_patience(|| app.store.release_turn(lease))
            .await
            .map(|_| TurnEnd::Unsettled),
        Disposition::End(state) => {
            let reason_column = outcome.is_err().then_some(reason);
            let ended = with_patience(|| app.store.end_turn(lease, state, reason_column)).await;
            ended.map(|was_ours| after_end(was_ours, state, reason))
        }
    };
    let end = recorded.unwrap_or_else(|error| {
        tracing::error!(turn.id = %claimed.turn.id.0, %error, "a turn's end is not recorded");
        TurnEnd::Unsettled
    });
    if let (TurnEnd::Ended, Err(error)) = (end, &outcome)
        && let Some(notice) = error.reply(has_posted)
    {
        journal.tell(&notice).await;
    }
    end
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
