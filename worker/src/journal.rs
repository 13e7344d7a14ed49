//! One reply, whatever dies: every post is a row before it is a message.
//!
//! The row carries a nonce and a hash of the text, never the text. A send needs the row, inserted
//! under the fence, and a heartbeat that was acknowledged a moment ago; what a dead worker left in
//! doubt is looked for in the channel before anything is sent in its place (DESIGN §4).

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
use crate::notice::Notice;
use crate::patience::with_patience;
use crate::{clock, metrics};

/// One call to Discord, retries included (DESIGN §4).
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Before a post that is in doubt is sent again, unless Discord said how long to wait.
const RESEND_AFTER: Duration = Duration::from_millis(250);

/// Discord remembers a nonce for "a few minutes"; we count on less than a minute (DESIGN §4).
const NONCE_WINDOW: Duration = Duration::from_secs(45);

/// Between two looks at whether heartbeats are acknowledged again.
const FRESHNESS_EVERY: Duration = Duration::from_millis(100);

/// How long a successor waits until nothing of a dead worker can still arrive. It takes 15 s
/// when the worker has just died; more means that this worker cannot judge, and lets go.
const IN_FLIGHT_MAX: Duration = Duration::from_secs(40);
const IN_FLIGHT_EVERY: Duration = Duration::from_millis(200);

/// A reply whose last post is older than this is not continued (CHAT-47).
const CONTINUE_WITHIN: Duration = Duration::from_mins(5);

/// Messages looked through for a post in doubt: Discord's largest page.
const LOOK_BACK: u16 = 100;

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
    has_posted: bool,
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
            has_posted: false,
        }
    }

    /// Tells whether people saw a part of this reply.
    pub(crate) const fn has_posted(&self) -> bool {
        self.has_posted
    }

    /// Posts the next piece of the reply; returns when Discord has it and the row says so.
    ///
    /// Cancel safe: the piece may be posted and its row in doubt, as after a kill.
    pub(crate) async fn post(&mut self, text: &str) -> Result<(), TurnError> {
        let ordinal = self.next_ordinal;
        let nonce = nonce_of(self.lease.turn, ordinal);
        let (store, lease) = (&self.app.store, &self.lease);
        let hash = hash_of(text);
        if !with_patience(|| store.insert_post(lease, ordinal, nonce, hash)).await? {
            return Err(self.why_refused().await);
        }
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

    /// Reads back what a predecessor posted and settles what it left in doubt. Returns the text
    /// that people see, piece by piece; empty when nothing was posted or all of it was deleted.
    pub(crate) async fn resume(&mut self, dead: Option<&str>) -> Result<Vec<String>, TurnError> {
        let posts = with_patience(|| self.app.store.posts(self.lease.turn)).await?;
        let mut last_confirmed = self.trigger;
        let mut texts = Vec::new();
        for post in posts {
            let found = match (post.state, post.message) {
                (PostState::Sent, Some(id)) => self.read_back(id).await?.map(|text| (id, text)),
                _ => self.settle_doubt(&post, last_confirmed, dead).await?,
            };
            let is_posted = post.state == PostState::Sent || found.is_some();
            if is_posted {
                self.next_ordinal = post.ordinal + 1;
                self.has_posted = true;
            }
            last_confirmed = found
                .as_ref()
                .map(|(id, _)| *id)
                .or(post.message)
                .or(last_confirmed);
            texts.extend(found.map(|(_, text)| text));
        }
        self.refuse_if_long_ago(last_confirmed)?;
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
            nonce: Some(nonce),
            reply_to,
            mention_users: vec![self.responsible],
            components: Vec::new(),
            deadline: Instant::now() + SEND_WITHIN,
        }
    }

    /// Sends until Discord has answered, always under the same nonce.
    async fn send(&self, mut message: NewMessage, ordinal: i32) -> Result<MessageId, TurnError> {
        let first_attempt = Instant::now();
        loop {
            self.wait_until_fresh().await?;
            message.deadline = Instant::now() + SEND_WITHIN;
            let may_send = || self.app.presence.is_fresh();
            let discord = &self.app.discord;
            match discord
                .create_message_while(self.channel, &message, &may_send)
                .await
            {
                Ok(posted) => return Ok(posted.id),
                Err(error) if is_final(&error) => {
                    let (store, lease) = (&self.app.store, &self.lease);
                    with_patience(|| store.fail_post(lease, ordinal)).await?;
                    metrics::post(error.label());
                    return Err(error.into());
                }
                Err(error) => {
                    metrics::post(error.label());
                    tracing::warn!(turn.id = %self.lease.turn.0, ordinal, %error, "a post is in doubt");
                    sleep(error.retry_after().unwrap_or(RESEND_AFTER)).await;
                    if first_attempt.elapsed() > NONCE_WINDOW
                        && let Some(id) = self
                            .look_back(hash_of(&message.content), self.trigger)
                            .await?
                    {
                        return Ok(id);
                    }
                }
            }
        }
    }

    /// Returns at once while heartbeats are acknowledged. After a break the fence is asked again,
    /// for somebody may have taken the turn over meanwhile.
    async fn wait_until_fresh(&self) -> Result<(), TurnError> {
        if self.app.presence.is_fresh() {
            return Ok(());
        }
        while !self.app.presence.is_fresh() {
            sleep(FRESHNESS_EVERY).await;
        }
        let (store, lease) = (&self.app.store, &self.lease);
        let is_ours = with_patience(|| store.advance_turn(lease, TurnState::Streaming)).await?;
        if is_ours {
            Ok(())
        } else {
            Err(TurnError::FenceLost)
        }
    }

    async fn confirm(&mut self, ordinal: i32, id: MessageId) -> Result<(), TurnError> {
        // People see the post from here on, whoever may record it.
        self.next_ordinal = ordinal + 1;
        self.has_posted = true;
        let (store, lease) = (&self.app.store, &self.lease);
        if with_patience(|| store.confirm_post(lease, ordinal, id)).await? {
            Ok(())
        } else {
            Err(TurnError::FenceLost)
        }
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
        Ok(self
            .app
            .discord
            .message(self.channel, id)
            .await?
            .map(|message| message.content))
    }

    /// Looks for a post whose sender died before it could record the answer.
    async fn settle_doubt(
        &self,
        post: &Post,
        after: Option<MessageId>,
        dead: Option<&str>,
    ) -> Result<Option<(MessageId, String)>, TurnError> {
        if let Some(worker) = dead {
            self.wait_for_silence_of(worker).await?;
        }
        let (store, lease) = (&self.app.store, &self.lease);
        let Some(id) = self.look_back(post.text_hash, after).await? else {
            with_patience(|| store.fail_post(lease, post.ordinal)).await?;
            return Ok(None);
        };
        with_patience(|| store.confirm_post(lease, post.ordinal, id)).await?;
        Ok(self.read_back(id).await?.map(|text| (id, text)))
    }

    async fn wait_for_silence_of(&self, worker: &str) -> Result<(), TurnError> {
        let give_up = Instant::now() + IN_FLIGHT_MAX;
        while !self.app.presence.is_past_in_flight(worker) {
            if Instant::now() > give_up {
                return Err(TurnError::Abandoned);
            }
            sleep(IN_FLIGHT_EVERY).await;
        }
        Ok(())
    }

    async fn look_back(
        &self,
        hash: [u8; 32],
        after: Option<MessageId>,
    ) -> Result<Option<MessageId>, TurnError> {
        let page = after.map_or(Page::Latest, Page::After);
        let messages = self
            .app
            .discord
            .messages(self.channel, page, LOOK_BACK)
            .await?;
        let ours = messages
            .iter()
            .filter(|message| message.author.id.get() == self.app.bot.0);
        let found = ours
            .filter(|message| hash_of(&message.content) == hash)
            .min_by_key(|m| m.id);
        Ok(found.map(|message| MessageId(message.id.get())))
    }

    fn refuse_if_long_ago(&self, last: Option<MessageId>) -> Result<(), TurnError> {
        let Some(last) = last.filter(|_| self.has_posted) else {
            return Ok(());
        };
        let age_ms = clock::unix_now_ms().saturating_sub(last.created_at_ms());
        if Duration::from_millis(age_ms) > CONTINUE_WITHIN {
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
