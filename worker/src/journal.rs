//! One reply, whatever dies: every post is a row before it is a message.
//!
//! The row carries a nonce and a hash of the text, never the text. A send needs the row, inserted
//! under the fence, and a heartbeat that was acknowledged a moment ago; what a dead worker left in
//! doubt is looked for in the channel before anything is sent in its place (DESIGN §4).

pub(crate) mod echo;
mod held;
mod quiet;
mod remark;
mod resume;
mod step;

use std::time::Duration;

use discord::{NewMessage, Slot};
use proto::id::{ChannelId, MessageId, UserId};
use sha2::{Digest, Sha256};
use store::{Lease, NOTICE, NewPost, Turn, TurnId};
use tokio::time::{Instant, sleep};
use twilight_model::channel::message::Component;
use xxhash_rust::xxh3::xxh3_64;

use crate::app::App;
use crate::channel::history::{History, Line};
use crate::error::TurnError;
use crate::metrics;
use crate::notice::Notice;
use crate::pace::Pace;
use crate::patience::with_patience;
use crate::switches::Switches;

use self::echo::Awaited;
pub(crate) use self::echo::Echoes;
pub(crate) use self::resume::{Begun, Left};
use self::step::Acts;
pub(crate) use self::step::{PastStep, Use};

/// One call to Discord, retries included (DESIGN §4).
pub(crate) const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Before a post that is in doubt is sent again, unless Discord said how long to wait.
const RESEND_AFTER: Duration = Duration::from_millis(250);

/// Discord remembers a nonce for "a few minutes"; we count on less than a minute (DESIGN §4).
pub(crate) const NONCE_WINDOW: Duration = Duration::from_secs(45);

/// The echo of a post often comes before the answer to its request, which tells the limits as
/// well; after this the echo is answer enough.
const ECHO_GRACE: Duration = Duration::from_secs(1);

/// A piece of a reply that is to be posted.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// What it says.
    pub(crate) text: &'a str,
    /// Nothing of the reply comes after it.
    pub(crate) is_last: bool,
}

/// The posts of one running turn.
#[derive(Debug)]
pub(crate) struct Journal<'a> {
    app: &'a App,
    /// Its calls go first from the moment that a dead worker's reply was taken over until it goes
    /// on visibly.
    discord: discord::Client,
    history: &'a History,
    lease: Lease,
    pace: Pace,
    channel: ChannelId,
    trigger: Option<MessageId>,
    responsible: UserId,
    next_ordinal: i32,
    /// The posts of this turn that are on record, in order.
    posted: Vec<MessageId>,
    has_posted: bool,
    /// What it did besides.
    acts: Acts,
    /// The run of heartbeats in which the turn was last found to be ours.
    held_in: Option<u64>,
    /// When nothing of this turn can arrive any more, where something may be on its way.
    quiet_at: Option<Instant>,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(
        app: &'a App,
        history: &'a History,
        lease: Lease,
        pace: Pace,
        turn: &Turn,
    ) -> Self {
        Self {
            app,
            discord: app.discord.clone(),
            history,
            lease,
            pace,
            channel: turn.channel,
            trigger: turn.trigger_message,
            responsible: turn.responsible,
            next_ordinal: 0,
            posted: Vec::new(),
            has_posted: false,
            acts: Acts::default(),
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

    /// Tells whether people saw anything of this turn: a part of its reply, or what a tool did.
    pub(crate) const fn has_shown(&self) -> bool {
        self.has_posted || self.acts.are_seen
    }

    /// Returns the client for what this turn asks Discord besides.
    pub(crate) const fn discord(&self) -> &discord::Client {
        &self.discord
    }

    /// Returns what a test takes away; nothing, otherwise.
    fn switches(&self) -> &Switches {
        &self.app.settings.switches
    }

    /// Returns how many posts of this reply are on record, those of tools included.
    pub(crate) const fn posts(&self) -> usize {
        self.posted.len() + self.acts.posts
    }

    /// Posts the next piece of the reply; returns when Discord has it and the row says so.
    ///
    /// Cancel safe: the piece may be posted and its row in doubt, as after a kill.
    pub(crate) async fn post(&mut self, piece: Piece<'_>) -> Result<(), TurnError> {
        let ordinal = self.next_ordinal;
        let post = NewPost {
            ordinal,
            nonce: nonce_of(self.lease.turn, ordinal),
            text_hash: hash_of(piece.text),
            is_last: piece.is_last,
            reason: None,
        };
        let reply_to = self
            .trigger
            .filter(|trigger| ordinal == 0 && self.history.has_moved_past(*trigger));
        let id = self.put(&post, piece.text, reply_to, Vec::new()).await?;
        self.remember(id, piece.text);
        self.discord = self.app.discord.clone();
        self.pace.note();
        metrics::post("sent");
        Ok(())
    }

    /// Says in the bot's own voice why the turn ends, before it does: on record like a post, so
    /// that it is said once, whoever dies.
    ///
    /// Cancel safe: like [`Journal::post`].
    pub(crate) async fn tell(
        &mut self,
        notice: &Notice,
        reason: &'static str,
        controls: Vec<Component>,
    ) -> Result<(), TurnError> {
        let text = self.signed(notice);
        let post = NewPost {
            ordinal: NOTICE,
            nonce: nonce_of(self.lease.turn, NOTICE),
            text_hash: hash_of(&text),
            is_last: true,
            reason: Some(reason),
        };
        self.put(&post, &text, self.trigger, controls).await?;
        metrics::post("notice");
        Ok(())
    }

    /// Puts a text on record and sends it; returns its message when the row says so.
    async fn put(
        &mut self,
        post: &NewPost,
        text: &str,
        reply_to: Option<MessageId>,
        controls: Vec<Component>,
    ) -> Result<MessageId, TurnError> {
        let echoes = &self.app.echoes;
        let awaited = echoes
            .expect(self.channel, post.nonce, post.text_hash)
            .await;
        let slot = self.slot().await;
        let run = self.app.presence.run();
        if !self.record(post).await? {
            return Err(self.why_refused().await);
        }
        self.held_in = run;
        let message = NewMessage {
            components: controls,
            ..self.message(text, post.nonce, reply_to)
        };
        let sent = self.send(message, post, &awaited, slot).await?;
        self.confirm(post.ordinal, awaited.settle(sent)).await
    }

    /// Makes the row of a post that is about to be sent; false when the turn may not post.
    async fn record(&self, post: &NewPost) -> Result<bool, TurnError> {
        if self.switches().no_journal {
            return Ok(true);
        }
        let (store, lease) = (&self.app.store, &self.lease);
        let may = with_patience(|| store.insert_post(lease, post)).await?;
        Ok(may || self.switches().no_fence)
    }

    fn message(&self, text: &str, nonce: u64, reply_to: Option<MessageId>) -> NewMessage {
        NewMessage {
            content: text.to_owned(),
            nonce: (!self.switches().no_nonce).then_some(nonce),
            reply_to,
            mention_users: vec![self.responsible],
            components: Vec::new(),
            files: Vec::new(),
            deadline: Instant::now() + SEND_WITHIN,
        }
    }

    /// Sends until Discord has answered, or until the post is echoed, always under the same nonce.
    /// Once an attempt has been in doubt for as long as the nonce may be forgotten, the channel is
    /// looked through first.
    async fn send(
        &mut self,
        mut message: NewMessage,
        post: &NewPost,
        awaited: &Awaited,
        mut slot: Option<Slot>,
    ) -> Result<MessageId, TurnError> {
        let mut in_doubt_since: Option<Instant> = None;
        loop {
            self.wait_until_held().await?;
            if self.pace.is_stopped() && in_doubt_since.is_none() {
                let (store, lease) = (&self.app.store, &self.lease);
                with_patience(|| store.fail_post(lease, post.ordinal)).await?;
                return Err(TurnError::StopRequested);
            }
            if in_doubt_since.is_some_and(|since| since.elapsed() > NONCE_WINDOW) {
                if let Some(id) = self.look_back(post.text_hash).await? {
                    return Ok(id);
                }
                in_doubt_since = None;
            }
            let started = Instant::now();
            message.deadline = started + SEND_WITHIN;
            self.quiet_at = Some(message.deadline);
            let error = match self.attempt(&message, awaited, slot.take()).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            metrics::post(error.label());
            if is_final(&error) {
                self.quiet_at = in_doubt_since.map(|_| message.deadline);
                let (store, lease) = (&self.app.store, &self.lease);
                with_patience(|| store.fail_post(lease, post.ordinal)).await?;
                return Err(error.into());
            }
            if matches!(error, discord::Error::InDoubt { .. }) {
                in_doubt_since.get_or_insert(started);
            }
            tracing::warn!(
                turn.id = %self.lease.turn,
                ordinal = post.ordinal,
                %error,
                "a post has to be sent again"
            );
            tokio::select! {
                () = sleep(error.retry_after().unwrap_or(RESEND_AFTER)) => {}
                () = awaited.heard() => {}
            }
        }
    }

    /// Asks Discord to post, unless the post was echoed already.
    async fn attempt(
        &self,
        message: &NewMessage,
        awaited: &Awaited,
        slot: Option<Slot>,
    ) -> Result<MessageId, discord::Error> {
        if let Some(id) = awaited.message() {
            return Ok(id);
        }
        // After its echo another attempt could only post it twice.
        let may_send = || self.app.presence.run() == self.held_in && awaited.message().is_none();
        let discord = &self.discord;
        let echoed = async {
            awaited.heard().await;
            sleep(ECHO_GRACE).await;
        };
        tokio::select! {
            biased;
            sent = discord.create_message_while(self.channel, message, slot, &may_send) => {
                sent.map(|posted| posted.id)
            }
            () = echoed => awaited.message().ok_or(discord::Error::InDoubt { cause: None }),
        }
    }

    /// Records the message of a post and returns the one that is on record now.
    async fn confirm(&mut self, ordinal: i32, id: MessageId) -> Result<MessageId, TurnError> {
        self.quiet_at = None;
        if self.switches().no_journal {
            self.note_posted(ordinal, id);
            return Ok(id);
        }
        let (store, lease) = (&self.app.store, &self.lease);
        let recorded = with_patience(|| store.confirm_post(lease, ordinal, id)).await;
        // People see the post from here on, whoever may record it.
        let known = recorded.as_ref().ok().copied().flatten().unwrap_or(id);
        self.note_posted(ordinal, known);
        let or_else = self.switches().no_fence.then_some(id);
        recorded?.or(or_else).ok_or(TurnError::FenceLost)
    }

    fn note_posted(&mut self, ordinal: i32, id: MessageId) {
        // A notice is no part of the reply.
        if ordinal == NOTICE {
            return;
        }
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
            mentions: Vec::new(),
            pictures: Vec::new(),
            is_own: true,
            forwarded: None,
        });
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
    let mut bytes = turn.row.as_bytes().to_vec();
    bytes.extend_from_slice(&ordinal.to_le_bytes());
    xxh3_64(&bytes)
}

fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use store::ServerId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn nonces_differ_between_posts_and_turns_and_never_change() {
        let [one, two] = [1, 2].map(|row| TurnId {
            server: ServerId(1),
            row: Uuid::from_u128(row),
        });
        assert_ne!(nonce_of(one, 0), nonce_of(one, 1));
        assert_ne!(nonce_of(one, 0), nonce_of(two, 0));
        // A running reply may be continued by a newer release.
        assert_eq!(nonce_of(one, 0), GOLDEN_NONCE);
    }

    const GOLDEN_NONCE: u64 = 9_312_942_327_275_588_066;
}
