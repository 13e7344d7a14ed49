//! Step 6: split the answer as it comes, journal each piece, send it.

mod clean;
mod split;

use futures_util::StreamExt;
use llm::{Completion, Delta};

use self::clean::neutralise;
use self::split::{Splitter, Style};
use super::claim::Claimed;
use crate::app::App;
use crate::error::TurnError;
use crate::journal::Journal;
use crate::metrics;

/// Posts the answer piece by piece; returns when the model has ended and all of it is posted. A
/// model that does not end is cut off at the bound of posts (GUARD-48).
///
/// When the process is on its way out it lets go between two posts, never within one.
pub(super) async fn deliver(
    app: &App,
    claimed: &Claimed,
    journal: &mut Journal<'_>,
    mut stream: Completion,
) -> Result<(), TurnError> {
    let voice = claimed.voice()?;
    let mut splitter = Splitter::new(Style::of_degree(voice.profile.humanizer_degree));
    while let Some(delta) = next(app, &mut stream).await? {
        match delta {
            Delta::Text(text) => {
                for piece in splitter.push(&text) {
                    post(app, claimed, journal, &piece).await?;
                }
            }
            Delta::End { .. } => break,
        }
    }
    for piece in splitter.finish() {
        post(app, claimed, journal, &piece).await?;
    }
    Ok(())
}

async fn next(app: &App, stream: &mut Completion) -> Result<Option<Delta>, TurnError> {
    let Some(delta) = app.abandon.run_until_cancelled(stream.next()).await else {
        return Err(TurnError::Abandoned);
    };
    Ok(delta.transpose()?)
}

async fn post(
    app: &App,
    claimed: &Claimed,
    journal: &mut Journal<'_>,
    piece: &str,
) -> Result<(), TurnError> {
    let is_first = !journal.has_posted();
    let persona = &claimed.voice()?.persona.nickname;
    let text = neutralise(piece, persona);
    if text.trim().is_empty() {
        return Ok(());
    }
    if journal.posts() >= app.settings.chat.max_flush_count {
        return Err(TurnError::FlushLimit);
    }
    journal.post(&text).await?;
    if let Some(seen) = claimed.seen.filter(|_| is_first) {
        metrics::first_post(seen.elapsed());
    }
    Ok(())
}
