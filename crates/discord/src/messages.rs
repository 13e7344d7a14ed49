//! Messages: post, read, remove, and the typing sign.

use std::time::Duration;

use proto::id::{ChannelId, MessageId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use twilight_http::routing::Route;
use twilight_model::channel::Message;
use twilight_model::channel::message::Component;
use twilight_model::id::Id;
use twilight_model::id::marker::MessageMarker;

use crate::call::{Call, Repeat, to_json};
use crate::client::Client;
use crate::error::Error;
use crate::files::{self, File, Named};
use crate::limit::Slot;

/// Discord's bounds for one page.
const PAGE_LIMIT: std::ops::RangeInclusive<u16> = 1..=100;
/// Discord takes so many people to notify.
const MOST_MENTIONS: usize = 100;
/// A typing sign that comes later than this is a wrong one.
const TYPING_DEADLINE: Duration = Duration::from_secs(2);
/// A typing sign takes a place under the limits only when one is free: two steps of the global pace
/// of 45 a second. Posts would wait behind it otherwise.
const TYPING_PATIENCE: Duration = Duration::from_millis(50);

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
    /// At most ten files, each of at most [`LARGEST_FILE`](crate::LARGEST_FILE) bytes.
    pub files: Vec<File>,
    /// When the caller has no more use for the post.
    pub deadline: Instant,
}

impl NewMessage {
    /// Returns a message of text alone that notifies nobody by a mention.
    #[must_use]
    pub const fn plain(content: String, nonce: u64, deadline: Instant) -> Self {
        Self {
            content,
            nonce: Some(nonce),
            reply_to: None,
            mention_users: Vec::new(),
            components: Vec::new(),
            files: Vec::new(),
            deadline,
        }
    }
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
    /// without one only when nothing was sent. [`Error::Malformed`] when its files are too many or
    /// too large.
    /// Cancel safe: no; dropped midway, the message may or may not exist.
    pub async fn create_message(
        &self,
        channel: ChannelId,
        message: &NewMessage,
    ) -> Result<Posted, Error> {
        self.create_message_while(channel, message, None, &|| true)
            .await
    }

    /// Posts a message like [`Client::create_message`], from a slot that was taken for it where
    /// there is one, asking `may_send` directly before each attempt; once it says no, nothing more
    /// is sent.
    pub async fn create_message_while(
        &self,
        channel: ChannelId,
        message: &NewMessage,
        slot: Option<Slot>,
        may_send: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Posted, Error> {
        let route = Route::CreateMessage {
            channel_id: channel.0,
        };
        let repeat = if message.nonce.is_some() {
            Repeat::ByNonce
        } else {
            Repeat::Never
        };
        let call = Call::new("create_message", &route, channel.0)
            .repeat(repeat)
            .until(message.deadline)
            .only_while(may_send);
        let body = Body::from(message);
        let call = if message.files.is_empty() {
            call.json(&body)?
        } else {
            call.carrying(files::form(&to_json(&body)?, &message.files)?)
        };
        let answer = self.call_at(&call, slot).await?;
        // It was accepted, so the message exists although its id cannot be read.
        let created = answer.parse("message").map_err(|cause| Error::InDoubt {
            cause: Some(cause.into()),
        });
        created.map(|Created { id }| Posted {
            id: MessageId(id.get()),
        })
    }

    /// Waits for a slot under the limits in which a message can be posted at once, for no longer
    /// than to the deadline. Whoever notes down what is about to be sent does so behind this, so that
    /// little time passes in which nobody can say whether it was sent. `None` when there is none
    /// by then, as far as the limits are known.
    ///
    /// Cancel safe: yes.
    pub async fn slot_to_post(&self, channel: ChannelId, deadline: Instant) -> Option<Slot> {
        let route = Route::CreateMessage {
            channel_id: channel.0,
        };
        let call = Call::new("create_message", &route, channel.0).until(deadline);
        self.slot(&call).await
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
        let (before, after) = match page {
            Page::Latest => (None, None),
            Page::Before(id) => (Some(id.0), None),
            Page::After(id) => (None, Some(id.0)),
        };
        let route = Route::GetMessages {
            after,
            around: None,
            before,
            channel_id: channel.0,
            limit: Some(limit.clamp(*PAGE_LIMIT.start(), *PAGE_LIMIT.end())),
        };
        let answer = self
            .call(&Call::new("get_messages", &route, channel.0))
            .await?;
        let messages: Vec<Value> = answer.parse("list of messages")?;
        Ok(messages.into_iter().filter_map(readable).collect())
    }

    /// Reads one message; `None` when it does not exist.
    pub async fn message(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Option<Message>, Error> {
        let route = Route::GetMessage {
            channel_id: channel.0,
            message_id: message.0,
        };
        match self
            .call(&Call::new("get_message", &route, channel.0))
            .await
        {
            Ok(answer) => answer.parse("message").map(Some),
            Err(error) if error.is_unknown_message() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes one message of ours; one that is gone already is no error.
    pub async fn delete_message(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<(), Error> {
        let route = Route::DeleteMessage {
            channel_id: channel.0,
            message_id: message.0,
        };
        let call = Call::new("delete_message", &route, channel.0);
        match self.call(&call).await {
            Err(error) if !error.is_unknown_message() => Err(error),
            _ => Ok(()),
        }
    }

    /// Shows the bot as typing for about ten seconds; gives up when no place is free under the
    /// limits, and soon: a late sign is a wrong one, and posts matter more.
    pub async fn typing(&self, channel: ChannelId) -> Result<(), Error> {
        let route = Route::CreateTypingTrigger {
            channel_id: channel.0,
        };
        let call = Call::new("typing", &route, channel.0)
            .within(TYPING_DEADLINE)
            .impatient(TYPING_PATIENCE);
        self.call(&call).await.map(drop)
    }
}

/// What goes over the wire.
#[derive(Serialize)]
struct Body<'a> {
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforce_nonce: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<Reference>,
    allowed_mentions: Mentions,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    components: &'a [Component],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Reference {
    message_id: String,
    fail_if_not_exists: bool,
}

/// Who may be notified by a message: only these people, never a role, everyone, or implicitly the
/// one who is answered.
#[derive(Serialize)]
pub(crate) struct Mentions {
    parse: [&'static str; 0],
    users: Vec<String>,
    replied_user: bool,
}

/// All that is looked at of a message that was made or changed.
#[derive(Deserialize)]
pub(crate) struct Created {
    pub(crate) id: Id<MessageMarker>,
}

impl Mentions {
    pub(crate) fn of(users: &[UserId]) -> Self {
        let mut users = users.to_vec();
        users.sort_unstable();
        users.dedup();
        users.truncate(MOST_MENTIONS);
        let users = users.iter().map(ToString::to_string).collect();
        Self {
            parse: [],
            users,
            replied_user: false,
        }
    }
}

impl<'a> From<&'a NewMessage> for Body<'a> {
    fn from(message: &'a NewMessage) -> Self {
        Self {
            content: &message.content,
            nonce: message.nonce.map(|nonce| nonce.to_string()),
            enforce_nonce: message.nonce.map(|_| true),
            message_reference: message.reply_to.map(|replied| Reference {
                message_id: replied.to_string(),
                fail_if_not_exists: false,
            }),
            allowed_mentions: Mentions::of(&message.mention_users),
            components: &message.components,
            attachments: files::named(&message.files),
        }
    }
}

fn readable(message: Value) -> Option<Message> {
    let message = serde_json::from_value(message);
    if message.is_err() {
        tracing::debug!("a message of an unknown form was left out");
    }
    message.ok()
}
