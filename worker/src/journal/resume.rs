//! What a successor does first: it reads back what people see of the reply, and settles the post
//! that its predecessor left in doubt.

use std::time::Duration;

use discord::Page;
use proto::id::MessageId;
use store::{Post, PostState};
use twilight_model::channel::Message;

use super::step::by_step;
use super::{Journal, PastStep, hash_of};
use crate::error::TurnError;
use crate::patience::{with_patience, with_rest_patience};

/// A reply whose last post is older than this is not continued (CHAT-47).
const CONTINUE_WITHIN: Duration = Duration::from_mins(5);

/// Messages looked through for a post in doubt: Discord's largest page, and so many of them as a
/// very busy channel fills in a minute or two.
const LOOK_BACK: u16 = 100;
const LOOK_BACK_PAGES: usize = 5;

/// What a predecessor left of a reply.
pub(crate) enum Left {
    /// All of it: its last post is there.
    Whole,
    /// Whatever there is of it, and the word about why it ends there.
    Told,
    /// A part of it, or nothing.
    Begun(Begun),
}

/// A part of a reply.
#[derive(Default)]
pub(crate) struct Begun {
    /// The steps that ended with the use of a tool.
    pub(crate) steps: Vec<PastStep>,
    /// The text that people see of what was said since, piece by piece; empty when nothing was
    /// posted or all of it was deleted.
    pub(crate) said: Vec<String>,
    /// The channel's last messages as they were then, newest first.
    pub(crate) recent: Vec<Message>,
}

impl Journal<'_> {
    /// Reads back what a predecessor posted and settles what it left in doubt. Posts that exist
    /// are continued after; a post that is not found is said anew by the model, for its text was
    /// never stored. Tools that were used are told, and never used again.
    pub(crate) async fn resume(&mut self, dead: Option<&str>) -> Result<Left, TurnError> {
        if self.switches().no_journal {
            return Ok(Left::Begun(Begun::default()));
        }
        if dead.is_some() {
            self.discord = self.app.discord.first();
        }
        let store = &self.app.store;
        let posts = with_patience(|| store.posts(self.lease.turn)).await?;
        let steps = with_patience(|| store.steps(self.lease.turn)).await?;
        self.acts.recall(&steps);
        let (mut is_whole, mut is_told) = (false, false);
        let mut places = Vec::new();
        for post in posts {
            let id = match (post.state, post.message) {
                (PostState::Sent, Some(id)) => Some(id),
                _ => self.settle_doubt(&post, dead).await?,
            };
            if let Some(id) = id {
                self.note_posted(post.ordinal, id);
                is_told |= post.is_notice();
                places.push((post.ordinal, id));
                is_whole |= post.is_last;
            }
        }
        self.quiet_at = None;
        if is_told {
            return Ok(Left::Told);
        }
        if is_whole {
            return Ok(Left::Whole);
        }
        self.refuse_if_long_ago()?;
        let recent = self.recent().await?;
        let mut texts = Vec::new();
        for (ordinal, id) in places {
            let text = self.read_back(id, &recent).await?;
            texts.extend(text.map(|text| (ordinal, text)));
        }
        let (steps, said) = by_step(texts, steps);
        Ok(Left::Begun(Begun {
            steps,
            said,
            recent,
        }))
    }

    /// Reads the channel's last messages: in most channels they hold the trigger, the posts of the
    /// reply and the history, for which Discord would be asked one by one otherwise, while a dead
    /// worker's other replies wait for the same limit. Empty where that may not be read.
    async fn recent(&self) -> Result<Vec<Message>, TurnError> {
        let reading = || self.discord.messages(self.channel, Page::Latest, LOOK_BACK);
        match with_rest_patience(reading).await {
            Err(discord::Error::Refused { .. }) => Ok(Vec::new()),
            read => Ok(read?),
        }
    }

    /// Returns the text of a post; `None` when somebody deleted it.
    async fn read_back(
        &self,
        id: MessageId,
        recent: &[Message],
    ) -> Result<Option<String>, TurnError> {
        if let Some(message) = recent.iter().find(|message| message.id.get() == id.0) {
            return Ok(Some(message.content.clone()));
        }
        let message = with_rest_patience(|| self.discord.message(self.channel, id)).await?;
        Ok(message.map(|message| message.content))
    }

    /// Looks for a post whose sender died before it could record the answer, once nothing of that
    /// sender can still arrive, or once the post was echoed.
    async fn settle_doubt(
        &self,
        post: &Post,
        dead: Option<&str>,
    ) -> Result<Option<MessageId>, TurnError> {
        let echoes = &self.app.echoes;
        let awaited = echoes
            .expect(self.channel, post.nonce, post.text_hash)
            .await;
        let silence = async {
            match dead {
                Some(worker) => self.until_silence_of(worker).await,
                None => {
                    self.until_quiet().await;
                    Ok(())
                }
            }
        };
        tokio::select! {
            silent = silence => silent?,
            () = awaited.heard() => {}
        }
        let found = match awaited.message() {
            Some(id) => Some(id),
            None => self.look_back(post.text_hash).await?,
        };
        let (store, lease) = (&self.app.store, &self.lease);
        if let Some(id) = found {
            let recorded = with_patience(|| store.confirm_post(lease, post.ordinal, id)).await?;
            return recorded.map(Some).ok_or(TurnError::FenceLost);
        }
        if with_patience(|| store.fail_post(lease, post.ordinal)).await? {
            return Ok(None);
        }
        // Its echo was recorded meanwhile, or the turn is somebody else's.
        let posts = with_patience(|| store.posts(lease.turn)).await?;
        let now = posts.iter().find(|now| now.ordinal == post.ordinal);
        match now.and_then(|now| now.message) {
            Some(id) => Ok(Some(id)),
            None => Err(TurnError::FenceLost),
        }
    }

    /// Looks for our own post with that text after the last one on record. Posts that are on
    /// record, of this turn or of another, are not it.
    pub(super) async fn look_back(&self, hash: [u8; 32]) -> Result<Option<MessageId>, TurnError> {
        let mut after = self.posted.last().copied().or(self.trigger);
        for _ in 0..LOOK_BACK_PAGES {
            let page = after.map_or(Page::Latest, Page::After);
            let reading = || self.discord.messages(self.channel, page, LOOK_BACK);
            let messages = with_rest_patience(reading).await?;
            let mut alike: Vec<MessageId> = messages
                .iter()
                .filter(|message| message.author.id.get() == self.app.bot.0)
                .filter(|message| hash_of(&message.content) == hash)
                .map(|message| MessageId(message.id.get()))
                .collect();
            alike.sort_unstable();
            let store = &self.app.store;
            let recorded =
                with_patience(|| store.recorded_posts(self.lease.turn.server, &alike)).await?;
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
