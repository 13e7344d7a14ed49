//! What open pages are told the moment it happens.
//!
//! News goes to every page that listens; each page keeps what its user may see. Nothing is kept for
//! pages that come later or fall behind: they read the world again.

use std::sync::Arc;

use proto::id::{ChannelId, GuildId, UserId};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::broadcast;

use super::World;
use super::places::ChannelKind;
use super::rights::{MANAGE_THREADS, VIEW_CHANNEL};
use super::sessions::Event;
use super::threads::TYPE_PRIVATE_THREAD;

/// News that a slow page may fall behind before it reads the world again.
const UNREAD_NEWS: usize = 1_024;
/// Events that are between the bot and Discord alone: they carry tokens.
const PRIVATE: &str = "INTERACTION_CREATE";

/// Something that happened, as a page is told.
#[derive(Debug)]
pub(crate) struct News {
    name: &'static str,
    guild: Option<GuildId>,
    /// Only this person is told.
    only_for: Option<UserId>,
    body: String,
}

/// The part of an event that says where it happened.
#[derive(Deserialize)]
struct Whereabouts {
    channel_id: Option<String>,
}

impl News {
    /// Writes it as one frame.
    pub(crate) fn frame(&self) -> String {
        format!(r#"{{"type":"{}","body":{}}}"#, self.name, self.body)
    }

    fn channel(&self) -> Option<ChannelId> {
        let place: Whereabouts = serde_json::from_str(&self.body).ok()?;
        place.channel_id?.parse().ok()
    }
}

/// Where pages listen.
#[derive(Debug)]
pub(crate) struct Live(broadcast::Sender<Arc<News>>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::Sender::new(UNREAD_NEWS))
    }
}

impl Live {
    /// Listens from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<News>> {
        self.0.subscribe()
    }

    /// Tells the pages of those who may know of an event.
    pub(crate) fn tell(&self, event: &Event) {
        if event.name() != PRIVATE {
            self.send(|| News {
                name: event.name(),
                guild: event.guild(),
                only_for: None,
                body: event.body().to_owned(),
            });
        }
    }

    /// Tells the pages of one person.
    pub(crate) fn whisper(&self, person: UserId, name: &'static str, body: &Value) {
        self.send(|| News {
            name,
            guild: None,
            only_for: Some(person),
            body: body.to_string(),
        });
    }

    fn send(&self, news: impl FnOnce() -> News) {
        // Without a page nobody pays for writing it down.
        if self.0.receiver_count() > 0 {
            drop(self.0.send(Arc::new(news())));
        }
    }
}

impl World {
    /// Tells whether somebody may be told of this.
    pub(crate) fn may_hear(&self, user: UserId, news: &News) -> bool {
        match (news.only_for, news.guild) {
            (Some(person), _) => person == user,
            (None, Some(guild)) => {
                let channel = news
                    .channel()
                    .filter(|id| self.places.channels.contains_key(id));
                self.is_member(guild, user) && channel.is_none_or(|id| self.may_see(id, user))
            }
            (None, None) => news
                .channel()
                .is_some_and(|channel| self.may_see(channel, user)),
        }
    }

    /// Tells whether somebody sees a channel.
    pub(crate) fn may_see(&self, channel: ChannelId, user: UserId) -> bool {
        let Some(place) = self.places.channels.get(&channel) else {
            return false;
        };
        match (&place.kind, place.guild()) {
            (ChannelKind::Direct { user: person }, _) => *person == user,
            (_, Some(guild)) => {
                let rights = self.permissions(channel, user);
                let is_let_in = place.thread.as_ref().is_none_or(|thread| {
                    place.options.kind != TYPE_PRIVATE_THREAD
                        || thread.members.contains_key(&user)
                        || rights & MANAGE_THREADS != 0
                });
                is_let_in && self.is_member(guild, user) && rights & VIEW_CHANNEL != 0
            }
            (_, None) => false,
        }
    }

    fn is_member(&self, guild: GuildId, user: UserId) -> bool {
        let guild = self.places.guilds.get(&guild);
        guild.is_some_and(|guild| guild.members.contains_key(&user))
    }
}
