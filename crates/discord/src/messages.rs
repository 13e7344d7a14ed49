//! Messages: post, read, delete, and the typing sign.

use proto::id::{ChannelId, MessageId, UserId};
use tokio::time::Instant;
use twilight_model::channel::Message;
use twilight_model::channel::message::Component;

use crate::client::Client;
use crate::error::Error;

/// A message to post.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The text, at most 2000 characters.
    pub content: String,
    /// Makes posting idempotent: Discord returns the first message that carried the nonce.
    pub nonce: Option<u64>,
    /// The message that this one answers; it may be gone meanwhile.
    pub reply_to: Option<MessageId>,
    /// Who may be notified; nobody else is, whatever the text says.
    pub mention_users: Vec<UserId>,
    /// Buttons and menus.
    pub components: Vec<Component>,
    /// When the caller has no more use for the post.
    pub deadline: Instant,
}

/// A message that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its id.
    pub id: MessageId,
}

/// Which messages of a channel to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest.
    Latest,
    /// Those before this one.
    Before(MessageId),
    /// Those after this one.
    After(MessageId),
}

impl Client {
    /// Posts a message.
    ///
    /// Retries within the deadline where that cannot post twice: with a nonce after any trouble,
    /// without one only when nothing was sent.
    /// Cancel safe: no; dropped midway, the message may or may not exist.
    pub async fn create_message(
        &self,
        channel: ChannelId,
        message: &NewMessage,
    ) -> Result<Posted, Error> {
        self.create_message_while(channel, message, &|| true).await
    }

    /// Posts a message like [`Client::create_message`], asking `may_send` directly before each
    /// attempt; once it says no, nothing more is sent.
    pub async fn create_message_while(
        &self,
        channel: ChannelId,
        message: &NewMessage,
        may_send: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Posted, Error> {
        todo!("{channel} {message:?} {}", may_send())
    }

    /// Reads up to `limit` (1..=100) messages, newest first.
    ///
    /// Messages of a kind that cannot be read are left out.
    pub async fn messages(
        &self,
        channel: ChannelId,
        page: Page,
        limit: u16,
    ) -> Result<Vec<Message>, Error> {
        todo!("{channel} {page:?} {limit}")
    }

    /// Reads one message; `None` when it does not exist.
    pub async fn message(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Option<Message>, Error> {
        todo!("{channel} {message}")
    }

    /// Deletes a message; one that is already gone counts as deleted.
    pub async fn delete_message(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<(), Error> {
        todo!("{channel} {message}")
    }

    /// Shows the bot as typing for about ten seconds. Never retried: a late sign is a wrong one.
    pub async fn typing(&self, channel: ChannelId) -> Result<(), Error> {
        todo!("{channel}")
    }
}
