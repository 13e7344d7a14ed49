//! A deferred answer that some worker owes. The token stays in our memory until it is there; when
//! the worker falls silent, we end "thinking…" ourselves.

use std::time::Duration;

use proto::event::{Interaction, InteractionOutcome};
use proto::id::{ApplicationId, InteractionId};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::inbox::{Inbox, Word};
use super::notice;
use crate::link::Link;
use crate::metrics;

/// A worker says that it is busy every two seconds; this long without a word, it is gone.
const SILENCE: Duration = Duration::from_secs(10);

/// The token lives for 15 min, and our own answer takes a moment.
const LONGEST: Duration = Duration::from_mins(14);

/// Attempts to end the answer, and the time between them: while Discord is in trouble, a minute.
const ATTEMPTS: u32 = 6;
const RETRY_EVERY: Duration = Duration::from_secs(10);

/// What is kept of an interaction: not what was typed.
pub(super) struct Promise {
    id: InteractionId,
    application: ApplicationId,
    token: String,
    locale: String,
    began: Instant,
    /// Where the worker tells; `None` when NATS was away, and nobody can have been asked since.
    inbox: Option<Inbox>,
}

impl Promise {
    /// Keeps what is needed to answer.
    pub(super) fn new(interaction: Interaction, inbox: Option<Inbox>, began: Instant) -> Self {
        Self {
            id: InteractionId(interaction.interaction_id),
            application: ApplicationId(interaction.application_id),
            token: interaction.token,
            locale: interaction.locale,
            began,
            inbox,
        }
    }

    /// Waits until the worker has kept the promise; when it is gone, ends the answer.
    pub(super) async fn watch(mut self, link: &Link, discord: &discord::Client) {
        if !self.is_kept(link).await {
            self.end(discord).await;
        }
    }

    /// Waits for the worker's last word; false when none will come.
    async fn is_kept(&mut self, link: &Link) -> bool {
        let end = self.began + LONGEST;
        let mut heard = Instant::now();
        while Instant::now() < end {
            let silent_at = (heard + SILENCE).min(end);
            match timeout_at(silent_at, self.next()).await {
                Ok(Word::Of(InteractionOutcome::Claimed | InteractionOutcome::Done)) => {
                    return true;
                }
                Ok(Word::Of(InteractionOutcome::Working)) => heard = Instant::now(),
                Ok(_) => {}
                Err(_elapsed) if link.is_connected() => return false,
                // Nobody can be heard while NATS is away; then the worker gets its time again.
                Err(_elapsed) => {
                    tokio::select! {
                        _connection = link.connected() => heard = Instant::now(),
                        () = sleep_until(end) => {}
                    }
                }
            }
        }
        false
    }

    async fn next(&mut self) -> Word {
        match &mut self.inbox {
            Some(inbox) => inbox.next().await,
            None => std::future::pending().await,
        }
    }

    /// Ends the answer unless the worker has done so without being heard, or there is none.
    async fn end(&self, discord: &discord::Client) {
        let interaction = runtime::ids::Shown(self.id);
        match self.end_in_some_attempt(discord).await {
            Ok(true) => {
                metrics::promise_mended();
                tracing::warn!(interaction.id = %interaction, "ended the answer of a lost worker");
            }
            Ok(false) => {}
            Err(error) => {
                let reason = error.label();
                tracing::warn!(interaction.id = %interaction, reason, "the answer of a lost worker stays open");
            }
        }
    }

    async fn end_in_some_attempt(&self, discord: &discord::Client) -> Result<bool, discord::Error> {
        let mut attempt = 1;
        loop {
            match self.try_end(discord).await {
                Err(discord::Error::Refused { .. }) => return Ok(false),
                Err(_) if attempt < ATTEMPTS => {}
                last => return last,
            }
            attempt += 1;
            sleep(RETRY_EVERY).await;
        }
    }

    /// Returns whether there was something to end.
    async fn try_end(&self, discord: &discord::Client) -> Result<bool, discord::Error> {
        if !discord
            .is_response_pending(self.application, &self.token)
            .await?
        {
            return Ok(false);
        }
        let lost = notice::lost(&self.locale);
        discord
            .edit_response(self.application, &self.token, &lost)
            .await?;
        Ok(true)
    }
}
