//! What a persona does besides speaking: threads and reactions.

use proto::id::{ChannelId, MessageId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use twilight_http::request::channel::reaction::RequestReactionType;
use twilight_http::routing::Route;
use twilight_model::id::Id;
use twilight_model::id::marker::ChannelMarker;

use crate::call::{Call, Repeat};
use crate::client::Client;
use crate::error::Error;

/// Until when an act is wanted, and what is asked directly before each attempt; once it says no,
/// nothing more is sent.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// When the caller has no more use for it.
    pub until: Instant,
    /// Tells whether it may still be sent.
    pub may_send: &'a (dyn Fn() -> bool + Send + Sync),
}

/// A public thread to start beside the messages of a channel.
#[derive(Clone, Copy)]
pub struct NewThread<'a> {
    /// Its name, 1 to 100 characters.
    pub name: &'a str,
    /// Whether the channel is one of announcements, whose threads are of another type.
    pub is_announcement: bool,
}

/// Types of threads (Discord's channel page, 2026-11).
const ANNOUNCEMENT_THREAD: u8 = 10;
const PUBLIC_THREAD: u8 = 11;

impl Client {
    /// Starts a public thread and returns it. A second call would start a second one, so nothing is
    /// repeated after an attempt whose outcome is unknown: [`Error::InDoubt`].
    ///
    /// Cancel safe: no; dropped midway, the thread may or may not exist.
    pub async fn create_thread(
        &self,
        channel: ChannelId,
        thread: NewThread<'_>,
        wanted: Wanted<'_>,
    ) -> Result<ChannelId, Error> {
        let route = Route::CreateThread {
            channel_id: channel.0,
        };
        let call = Call::new("create_thread", &route, channel.0)
            .repeat(Repeat::Never)
            .until(wanted.until)
            .only_while(wanted.may_send)
            .json(&ThreadBody::from(thread))?;
        let answer = self.call(&call).await?;
        // It was accepted, so the thread exists although its id cannot be read.
        let made = answer.parse("thread").map_err(|cause| Error::InDoubt {
            cause: Some(cause.into()),
        });
        made.map(|Made { id }| ChannelId(id.get()))
    }

    /// Adds our reaction to a message; one that is there already is no error. `emoji` is a Unicode
    /// emoji.
    pub async fn add_reaction(
        &self,
        (channel, message): (ChannelId, MessageId),
        emoji: &str,
        wanted: Wanted<'_>,
    ) -> Result<(), Error> {
        let emoji = RequestReactionType::Unicode { name: emoji };
        let route = Route::CreateReaction {
            channel_id: channel.0,
            emoji: &emoji,
            message_id: message.0,
        };
        let call = Call::new("add_reaction", &route, channel.0)
            .until(wanted.until)
            .only_while(wanted.may_send);
        self.call(&call).await.map(drop)
    }
}

#[derive(Serialize)]
struct ThreadBody<'a> {
    name: &'a str,
    r#type: u8,
}

impl<'a> From<NewThread<'a>> for ThreadBody<'a> {
    fn from(thread: NewThread<'a>) -> Self {
        Self {
            name: thread.name,
            r#type: if thread.is_announcement {
                ANNOUNCEMENT_THREAD
            } else {
                PUBLIC_THREAD
            },
        }
    }
}

/// All that is looked at of a thread that was made.
#[derive(Deserialize)]
struct Made {
    id: Id<ChannelMarker>,
}
