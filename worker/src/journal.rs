//! One reply, whatever dies: every post is a row before it is a message.
//!
//! The row carries a nonce and a hash of the text, never the text. A send needs the row, inserted
//! under the fence, and a heartbeat that was acknowledged a moment ago; what a dead worker left in
//! doubt is looked for in the channel before anything is sent in its place (DESIGN §4).

mod quiet;

use std::time::Duration;

use discord::{NewMessage, Page};
use proto::id::{ChannelId, MessageId, UserId};
use sha2::{Digest, Sha256};
use store::{Lease, Post, PostState, Turn, TurnId, TurnState};
use tokio::time::{Instant, sleep};
use xxhash_rust::xxh3::xxh3_64;

use crate::app::App;
use crate::channel::history::{History, Line};
use crate::error::TurnError;
use crate::metrics;
use crate::notice::Notice;
use crate::patience::{with_patience, with_rest_patience};
use crate::switches::Switches;

/// One call to Discord, retries included (DESIGN §4).
pub(crate) const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Before a post that is in doubt is sent again, unless Discord said how long to wait.
const RESEND_AFTER: Duration = Duration::from_millis(250);

/// Discord remembers a nonce for "a few minutes"; we count on less than a minute (DESIGN §4).
pub(crate) const NONCE_WINDOW: Duration = Duration::from_secs(45);

/// Between two looks at whether heartbeats are acknowledged again.
const FRESHNESS_EVERY: Duration = Duration::from_millis(100);

/// A reply whose last post is older than this is not continued (CHAT-47).
const CONTINUE_WITHIN: Duration = Duration::from_mins(5);

/// Messages looked through for a post in doubt: Discord's largest page, and so many of them as a
/// very busy channel fills in a minute or two.
const LOOK_BACK: u16 = 100;
const LOOK_BACK_PAGES: usize = 5;

/// Place of a turn's notice in the sequence of its nonces; no reply has that many posts.
const NOTICE_ORDINAL: i32 = i32::MAX;

/// The posts of one running turn.
#[derive(Debug)]
pub(crate) struct Journal<'a> {
    app: &'a App,
    history: &'a History,
    lease: Lease,
    channel: ChannelId,
    trigger: Option<MessageId>,
    responsible: UserId,
    next_ordinal: i32,
    /// The posts of this turn that are on record, in order.
    posted: Vec<MessageId>,
    has_posted: bool,
    /// The run of heartbeats in which the turn was last found to be ours.
    held_in: Option<u64>,
    /// When nothing of this turn can arrive any more, where something may be on its way.
    quiet_at: Option<Instant>,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(app: &'a App, history: &'a History, lease: Lease, turn: &Turn) -> Self {
        Self {
            app,
            history,
            lease,
            channel: turn.channel,
            trigger: turn.trigger_message,
            responsible: turn.responsible,
            next_ordinal: 0,
            posted: Vec::new(),
            has_posted: false,
            held_in: None,
            // Whoever had it before us sent its last request before we claimed.
            quiet_at: turn
                .state
                .is_running()
                .then(|| Instant::now() + SEND_WITHIN),
        }
    }

    /// Tells whether people saw a part of this reply.
    pub(crate) const fn has_posted(&self) -> bool {
        self.has_posted
    }

    fn switches(&self) -> &Switches {
        &self.app.settings.switches
    }

    /// Returns how many posts of this reply are on record.
    pub(crate) const fn posts(&self) -> usize {
        self.posted.len()
    }

    /// Posts the next piece of the reply; returns when Discord has it and the row says so.
    ///
    /// Cancel safe: the piece may be posted and its row in doubt, as after a kill.
    pub(crate) async fn post(&mut self, text: &str) -> Result<(), TurnError> {
        let ordinal = self.next_ordinal;
        let nonce = nonce_of(self.lease.turn, ordinal);
        let run = self.app.presence.run();
        if !self.record(ordinal, nonce, text).await? {
            return Err(self.why_refused().await);
        }
        self.held_in = run;
        let reply_to = self
            .trigger
            .filter(|trigger| ordinal == 0 && self.history.has_moved_past(*trigger));
        let message = self.message(text, nonce, reply_to);
        let id = self.send(message, ordinal).await?;
        self.confirm(ordinal, id).await?;
        self.remember(id, text);
        metrics::post("sent");
        Ok(())
    }

    /// Makes the row of a post that is about to be sent; false when the turn may not post.
    async fn record(&self, ordinal: i32, nonce: u64, text: &str) -> Result<bool, TurnError> {
        if self.switches().no_journal {
            return Ok(true);
        }
        let (store, lease, hash) = (&self.app.store, &self.lease, hash_of(text));
        let may = with_patience(|| store.insert_post(lease, ordinal, nonce, hash)).await?;
        Ok(may || self.switches().no_fence)
    }

    /// Reads back what a predecessor posted and settles what it left in doubt. Returns the text
    /// that people see, piece by piece; empty when nothing was posted or all of it was deleted.
    pub(crate) async fn resume(&mut self, dead: Option<&str>) -> Result<Vec<String>, TurnError> {
        if self.switches().no_journal {
            return Ok(Vec::new());
        }
        let posts = with_patience(|| self.app.store.posts(self.lease.turn)).await?;
        let mut texts = Vec::new();
        for post in posts {
            let id = match (post.state, post.message) {
                (PostState::Sent, Some(id)) => Some(id),
                _ => self.settle_doubt(&post, dead).await?,
            };
            let Some(id) = id else { continue };
            self.note_posted(post.ordinal, id);
            texts.extend(self.read_back(id).await?);
        }
        self.quiet_at = None;
        self.refuse_if_long_ago()?;
        Ok(texts)
    }

    /// Says something in the bot's own voice, once; a failure is counted and survived.
    pub(crate) async fn tell(&self, notice: &Notice) {
        let nonce = nonce_of(self.lease.turn, NOTICE_ORDINAL);
        let message = self.message(&notice.text(), nonce, self.trigger);
        let outcome = match self
            .app
            .discord
            .create_message(self.channel, &message)
            .await
        {
            Ok(_) => "notice",
            Err(error) => {
                tracing::warn!(turn.id = %self.lease.turn.0, %error, "a notice was not posted");
                "notice_failed"
            }
        };
        metrics::post(outcome);
    }

    fn message(&self, text: &str, nonce: u64, reply_to: Option<MessageId>) -> NewMessage {
        NewMessage {
            content: text.to_owned(),
            nonce: (!self.switches().no_nonce).then_some(nonce),
            reply_to,
            mention_users: vec![self.responsible],
            components: Vec::new(),
            deadline: Instant::now() + SEND_WITHIN,
        }
    }

    /// Sends until Discord has answered, always under the same nonce. Once an attempt has been in
    /// doubt for as long as the nonce may be forgotten, the channel is looked through first.
    async fn send(
        &mut self,
        mut message: NewMessage,
        ordinal: i32,
    ) -> Result<MessageId, TurnError> {
        let hash = hash_of(&message.content);
        let mut in_doubt_since: Option<Instant> = None;
        loop {
            self.wait_until_held().await?;
            if in_doubt_since.is_some_and(|since| since.elapsed() > NONCE_WINDOW) {
                if let Some(id) = self.look_back(hash).await? {
                    return Ok(id);
                }
                in_doubt_since = None;
            }
            let started = Instant::now();
            message.deadline = started + SEND_WITHIN;
            self.quiet_at = Some(message.deadline);
            let may_send = || self.app.presence.run() == self.held_in;
            let discord = &self.app.discord;
            let sent = discord
                .create_message_while(self.channel, &message, &may_send)
                .await;
            let error = match sent {
                Ok(posted) => return Ok(posted.id),
                Err(error) => error,
            };
            metrics::post(error.label());
            if is_final(&error) {
                self.quiet_at = in_doubt_since.map(|_| message.deadline);
                let (store, lease) = (&self.app.store, &self.lease);
                with_patience(|| store.fail_post(lease, ordinal)).await?;
                return Err(error.into());
            }
            if matches!(error, discord::Error::InDoubt { .. }) {
                in_doubt_since.get_or_insert(started);
            }
            tracing::warn!(turn.id = %self.lease.turn.0, ordinal, %error, "a post has to be sent again");
            sleep(error.retry_after().unwrap_or(RESEND_AFTER)).await;
        }
    }

    /// Returns at once while heartbeats are acknowledged without a break. After a break, noticed or
    /// not, the fence is asked again, for somebody may have taken the turn over meanwhile.
    async fn wait_until_held(&mut self) -> Result<(), TurnError> {
        loop {
            let Some(run) = self.app.presence.run() else {
                sleep(FRESHNESS_EVERY).await;
                continue;
            };
            if self.held_in == Some(run) {
                return Ok(());
            }
            let (store, lease) = (&self.app.store, &self.lease);
            let is_ours = with_patience(|| store.advance_turn(lease, TurnState::Streaming)).await?;
            if !is_ours && !self.switches().no_fence {
                return Err(TurnError::FenceLost);
            }
            self.held_in = Some(run);
        }
    }

    async fn confirm(&mut self, ordinal: i32, id: MessageId) -> Result<(), TurnError> {
        // People see the post from here on, whoever may record it.
        self.note_posted(ordinal, id);
        self.quiet_at = None;
        if self.switches().no_journal {
            return Ok(());
        }
        let (store, lease) = (&self.app.store, &self.lease);
        let is_ours = with_patience(|| store.confirm_post(lease, ordinal, id)).await?;
        if is_ours || self.switches().no_fence {
            Ok(())
        } else {
            Err(TurnError::FenceLost)
        }
    }

    fn note_posted(&mut self, ordinal: i32, id: MessageId) {
        self.next_ordinal = ordinal + 1;
        self.posted.push(id);
        self.has_posted = true;
    }

    fn remember(&self, id: MessageId, text: &str) {
        self.history.say(Line {
            id,
            author: self.app.bot,
            name: String::new(),
            text: text.to_owned(),
            is_own: true,
        });
    }

    async fn why_refused(&self) -> TurnError {
        match with_patience(|| self.app.store.turn_owner(self.lease.turn)).await {
            Ok(Some((state, Some(worker), fence)))
                if !state.is_final()
                    && worker == self.lease.worker
                    && fence == self.lease.fence =>
            {
                TurnError::StopRequested
            }
            Ok(_) => TurnError::FenceLost,
            Err(error) => error.into(),
        }
    }

    async fn read_back(&self, id: MessageId) -> Result<Option<String>, TurnError> {
        let message = with_rest_patience(|| self.app.discord.message(self.channel, id)).await?;
        Ok(message.map(|message| message.content))
    }

    /// Looks for a post whose sender died before it could record the answer.
    async fn settle_doubt(
        &self,
        post: &Post,
        dead: Option<&str>,
    ) -> Result<Option<MessageId>, TurnError> {
        match dead {
            Some(worker) => self.until_silence_of(worker).await?,
            None => self.until_quiet().await,
        }
        let (store, lease) = (&self.app.store, &self.lease);
        let Some(id) = self.look_back(post.text_hash).await? else {
            with_patience(|| store.fail_post(lease, post.ordinal)).await?;
            return Ok(None);
        };
        with_patience(|| store.confirm_post(lease, post.ordinal, id)).await?;
        Ok(Some(id))
    }

    /// Looks for our own post with that text after the last one on record. Posts that are on
    /// record, of this turn or of another, are not it.
    async fn look_back(&self, hash: [u8; 32]) -> Result<Option<MessageId>, TurnError> {
        let mut after = self.posted.last().copied().or(self.trigger);
        for _ in 0..LOOK_BACK_PAGES {
            let page = after.map_or(Page::Latest, Page::After);
            let reading = || self.app.discord.messages(self.channel, page, LOOK_BACK);
            let messages = with_rest_patience(reading).await?;
            let mut alike: Vec<MessageId> = messages
                .iter()
                .filter(|message| message.author.id.get() == self.app.bot.0)
                .filter(|message| hash_of(&message.content) == hash)
                .map(|message| MessageId(message.id.get()))
                .collect();
            alike.sort_unstable();
            let store = &self.app.store;
            let recorded = with_patience(|| store.recorded_posts(&alike)).await?;
            if let Some(id) = alike.into_iter().find(|id| !recorded.contains(id)) {
                return Ok(Some(id));
            }
            // Newest first: the first one is where the next page begins.
            let newest = messages.first().map(|message| MessageId(message.id.get()));
            if messages.len() < usize::from(LOOK_BACK) || after.is_none() {
                return Ok(None);
            }
            after = newest;
        }
        Ok(None)
    }

    fn refuse_if_long_ago(&self) -> Result<(), TurnError> {
        let Some(last) = self.posted.last() else {
            return Ok(());
        };
        if self.switches().age_of(last.created_at_ms()) > CONTINUE_WITHIN {
            return Err(TurnError::TooLateToContinue);
        }
        Ok(())
    }
}

/// Tells whether Discord's answer is its last word about a post.
fn is_final(error: &discord::Error) -> bool {
    match error {
        discord::Error::Refused { .. }
        | discord::Error::Unauthorized
        | discord::Error::Malformed { .. } => true,
        discord::Error::InDoubt { .. }
        | discord::Error::NotSent { .. }
        | discord::Error::Unavailable { .. } => false,
    }
}

/// Returns the nonce of a post: the same for every attempt of every worker.
fn nonce_of(turn: TurnId, ordinal: i32) -> u64 {
    let mut bytes = turn.0.as_bytes().to_vec();
    bytes.extend_from_slice(&ordinal.to_le_bytes());
    xxh3_64(&bytes)
}

fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn nonces_differ_between_posts_and_turns_and_never_change() {
        let (one, two) = (TurnId(Uuid::from_u128(1)), TurnId(Uuid::from_u128(2)));
        assert_ne!(nonce_of(one, 0), nonce_of(one, 1));
        assert_ne!(nonce_of(one, 0), nonce_of(two, 0));
        // A running reply may be continued by a newer release.
        assert_eq!(nonce_of(one, 0), GOLDEN_NONCE);
    }

    const GOLDEN_NONCE: u64 = 9_312_942_327_275_588_066;
}
