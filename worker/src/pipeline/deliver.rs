//! Step 6: split the answer as it comes, journal each piece, send it.

mod align;
mod clean;
mod split;

use futures_util::StreamExt;
use llm::{Completion, Delta, Prompt, ToolCall};
use store::TriggerKind;

use self::align::{Aligner, Anew};
pub(crate) use self::clean::neutralise;
use self::split::{Splitter, Style};
use super::claim::Claimed;
use super::unless_told;
use crate::app::App;
use crate::error::TurnError;
use crate::journal::{Journal, Piece};
use crate::metrics;

/// Most posts of the answer to a stop (CHAT-54).
const STOP_POSTS: usize = 2;

/// What a model said in one step of a reply, and which tools it asks for.
pub(crate) struct Said {
    pub(crate) text: String,
    /// Empty: the reply is whole.
    pub(crate) calls: Vec<ToolCall>,
}

/// Posts the answer piece by piece; returns when the model has ended and all of it is posted. A
/// model that does not end is cut off at the bound of posts (GUARD-48). What people have read of the
/// reply is never posted again, also where the model says it again. Calls of tools that may not be
/// used any more are dropped.
///
/// When the process is on its way out, or somebody stops the turn, it lets go between two posts,
/// never within one; what was not posted by then is dropped.
pub(super) async fn deliver(
    app: &App,
    claimed: &Claimed,
    journal: &mut Journal<'_>,
    prompt: &Prompt,
    mut stream: Completion,
) -> Result<Said, TurnError> {
    let voice = claimed.voice()?;
    let style = Style::of_degree(voice.profile.humanizer_degree);
    let mut splitter = Splitter::new(style);
    let mut outbox = Outbox {
        app,
        claimed,
        journal,
        aligner: Aligner::after(prompt.continue_from.as_deref()),
        held: None,
    };
    let mut said = Said {
        text: String::new(),
        calls: Vec::new(),
    };
    loop {
        match next(app, claimed, &mut stream).await {
            Ok(Some(Delta::Text(text))) => {
                let text = outbox.aligner.push(&text)?;
                said.text.push_str(&text);
                for piece in splitter.push(&text) {
                    outbox.put(&piece).await?;
                }
                if !splitter.is_drained() {
                    outbox.flush().await?;
                }
            }
            // What was said before the tools is not held until what is asked of them is written.
            Ok(Some(Delta::Calling)) if !prompt.tools.are_over => {
                let whole = std::mem::replace(&mut splitter, Splitter::new(style));
                outbox.put_rest(whole, &mut said.text).await?;
                outbox.flush().await?;
            }
            Ok(Some(Delta::Calling)) => {}
            Ok(Some(Delta::End { calls, .. })) => {
                said.calls = calls;
                break;
            }
            Ok(None) => break,
            Err(error) => {
                // What was said before the model broke off is said.
                if matches!(error, TurnError::Model(_)) {
                    outbox.flush().await?;
                }
                return Err(error);
            }
        }
    }
    outbox.put_rest(splitter, &mut said.text).await?;
    if prompt.tools.are_over {
        said.calls.clear();
    }
    if said.calls.is_empty() {
        outbox.close().await?;
    } else {
        outbox.flush().await?;
    }
    Ok(said)
}

async fn next(
    app: &App,
    claimed: &Claimed,
    stream: &mut Completion,
) -> Result<Option<Delta>, TurnError> {
    let piece = async { Ok(stream.next().await.transpose()?) };
    let piece = unless_told(app, &claimed.pace, piece).await?;
    claimed.pace.note();
    if let Some(Delta::End {
        usage: Some(usage), ..
    }) = &piece
    {
        claimed.keys.cost(*usage);
    }
    Ok(piece)
}

impl From<Anew> for TurnError {
    fn from(_anew: Anew) -> Self {
        Self::StartsAnew
    }
}

/// Holds a piece back while it may be the last one, for the row of the last post says so.
struct Outbox<'a, 'j> {
    app: &'a App,
    claimed: &'a Claimed,
    journal: &'a mut Journal<'j>,
    aligner: Aligner,
    held: Option<String>,
}

impl Outbox<'_, '_> {
    /// Takes the next piece, and posts the one before it.
    async fn put(&mut self, piece: &str) -> Result<(), TurnError> {
        let persona = &self.claimed.voice()?.persona.nickname;
        let text = neutralise(piece, persona);
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.aligner.repeats(&text) {
            return Err(Anew.into());
        }
        self.flush().await?;
        self.held = Some(text);
        Ok(())
    }

    /// Takes what is left of a text that is whole.
    async fn put_rest(
        &mut self,
        mut splitter: Splitter,
        said: &mut String,
    ) -> Result<(), TurnError> {
        let rest = self.aligner.finish()?;
        said.push_str(&rest);
        for piece in splitter.push(&rest).into_iter().chain(splitter.finish()) {
            self.put(&piece).await?;
        }
        Ok(())
    }

    /// Posts what is held: more follows.
    async fn flush(&mut self) -> Result<(), TurnError> {
        match self.held.take() {
            Some(text) => self.post(&text, false).await,
            None => Ok(()),
        }
    }

    /// Posts what is held: nothing follows.
    async fn close(mut self) -> Result<(), TurnError> {
        match self.held.take() {
            Some(text) => self.post(&text, true).await,
            None => Ok(()),
        }
    }

    async fn post(&mut self, text: &str, is_last: bool) -> Result<(), TurnError> {
        let most = match self.claimed.turn.trigger_kind {
            TriggerKind::Stop => STOP_POSTS,
            _ => self.app.settings.chat.max_flush_count,
        };
        if self.journal.posts() >= most {
            return Err(TurnError::FlushLimit);
        }
        let is_first = !self.journal.has_posted();
        self.journal.post(Piece { text, is_last }).await?;
        if let Some(seen) = self.claimed.seen.filter(|_| is_first) {
            metrics::first_post(seen.elapsed());
        }
        Ok(())
    }
}
