//! Messages: what is said, edited and deleted, and the nonces that keep a post from being doubled.

use std::collections::{HashMap, VecDeque};

use proto::id::{ChannelId, GuildId, InteractionId, MessageId, UserId};
use serde_json::{Value, json};

use super::World;
use super::places::ALL_PERMISSIONS;
use super::sessions::Event;
use crate::sandbox::{clock, shape};

/// Intent bits for messages and typing, in servers and in direct conversations.
const GUILD_MESSAGES: u64 = 1 << 9;
const GUILD_TYPING: u64 = 1 << 11;
const DIRECT_MESSAGES: u64 = 1 << 12;
const DIRECT_TYPING: u64 = 1 << 14;

/// Types of messages (Discord message page, 2026-11).
pub(crate) const KIND_DEFAULT: u8 = 0;
pub(crate) const KIND_REPLY: u8 = 19;
pub(crate) const KIND_COMMAND: u8 = 20;

/// Flags of messages.
pub(crate) const FLAG_EPHEMERAL: u64 = 1 << 6;
pub(crate) const FLAG_LOADING: u64 = 1 << 7;
pub(crate) const FLAG_COMPONENTS_V2: u64 = 1 << 15;

/// A file with a message.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) size: usize,
    pub(crate) url: String,
}

/// The use of a command, button or form that a message answers.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) id: InteractionId,
    pub(crate) kind: u8,
    pub(crate) user: UserId,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) channel: ChannelId,
    pub(crate) guild: Option<GuildId>,
    pub(crate) author: UserId,
    pub(crate) kind: u8,
    pub(crate) flags: u64,
    pub(crate) created_ms: u64,
    pub(crate) edited_ms: Option<u64>,
    pub(crate) text: Text,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) reference: Option<MessageId>,
    pub(crate) nonce: Option<Value>,
    pub(crate) cause: Option<Cause>,
}

/// The part of a message that its author writes and may edit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) content: String,
    pub(crate) embeds: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) mentions: Vec<UserId>,
    pub(crate) mention_everyone: bool,
}

/// A message that is about to be said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) kind: u8,
    pub(crate) flags: u64,
    pub(crate) text: Text,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) reference: Option<MessageId>,
    pub(crate) nonce: Option<Value>,
    pub(crate) cause: Option<Cause>,
}

impl Message {
    /// Tells whether only the person who caused it sees it.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.flags & FLAG_EPHEMERAL != 0
    }

    /// Returns the person whom an ephemeral message is shown to.
    pub(crate) fn only_reader(&self) -> Option<UserId> {
        let cause = self.cause.as_ref().filter(|_| self.is_ephemeral());
        cause.map(|cause| cause.user)
    }

    fn intent(&self) -> u64 {
        if self.guild.is_some() {
            GUILD_MESSAGES
        } else {
            DIRECT_MESSAGES
        }
    }
}

/// Remembers which message a nonce made.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    made: HashMap<(UserId, String), (ChannelId, MessageId, u64)>,
    order: VecDeque<(u64, (UserId, String))>,
}

impl Nonces {
    /// Returns the message that this author made with this nonce since `since_ms`.
    pub(crate) fn find(
        &self,
        author: UserId,
        nonce: &str,
        since_ms: u64,
    ) -> Option<(ChannelId, MessageId)> {
        let made = self.made.get(&(author, nonce.to_owned()));
        made.filter(|(_, _, at_ms)| *at_ms >= since_ms)
            .map(|&(channel, id, _)| (channel, id))
    }

    fn remember(&mut self, message: &Message, since_ms: u64) {
        let Some(nonce) = message.nonce.as_ref() else {
            return;
        };
        let key = (message.author, plain(nonce));
        let made = (message.channel, message.id, message.created_ms);
        self.made.insert(key.clone(), made);
        self.order.push_back((message.created_ms, key));
        while let Some((at_ms, key)) = self.order.pop_front_if(|(at_ms, _)| *at_ms < since_ms) {
            if self.made.get(&key).is_some_and(|made| made.2 <= at_ms) {
                self.made.remove(&key);
            }
        }
    }
}

/// Writes a nonce, a number or a text, as text.
pub(crate) fn plain(nonce: &Value) -> String {
    nonce
        .as_str()
        .map_or_else(|| nonce.to_string(), str::to_owned)
}

impl World {
    /// Returns a message.
    pub(crate) fn message(&self, channel: ChannelId, id: MessageId) -> Option<&Message> {
        self.places.channels.get(&channel)?.messages.get(&id)
    }

    /// Says something, tells the sessions, and returns the message's id.
    pub(crate) fn say(&mut self, channel: ChannelId, author: UserId, draft: Draft) -> MessageId {
        let message = Message {
            id: MessageId(self.next_id()),
            channel,
            guild: self
                .places
                .channels
                .get(&channel)
                .and_then(super::places::Channel::guild),
            author,
            kind: draft.kind,
            flags: draft.flags,
            created_ms: clock::now_ms(),
            edited_ms: None,
            text: draft.text,
            attachments: draft.attachments,
            reference: draft.reference,
            nonce: draft.nonce,
            cause: draft.cause,
        };
        let id = message.id;
        let forgotten_ms = clock::now_ms().saturating_sub(self.settings.nonce_window_ms);
        self.nonces.remember(&message, forgotten_ms);
        let before = self.sessions.dispatched();
        self.tell_message("MESSAGE_CREATE", &message);
        let sessions = self.sessions.dispatched() - before;
        self.journal.dispatched(id, clock::now_ms(), sessions);
        if let Some(channel) = self.places.channels.get_mut(&channel) {
            channel.keep(message);
        }
        id
    }

    /// Replaces a message's text; `false` when there is no such message.
    pub(crate) fn edit(&mut self, channel: ChannelId, id: MessageId, text: Text) -> bool {
        self.rewrite(channel, id, |message| {
            message.text = text;
            message.edited_ms = Some(clock::now_ms());
        })
    }

    /// Changes a message and tells the sessions; `false` when there is no such message.
    pub(crate) fn rewrite(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        change: impl FnOnce(&mut Message),
    ) -> bool {
        let channel = self.places.channels.get_mut(&channel);
        let Some(message) = channel.and_then(|channel| channel.messages.get_mut(&id)) else {
            return false;
        };
        change(message);
        let message = message.clone();
        self.tell_message("MESSAGE_UPDATE", &message);
        true
    }

    /// Deletes a message; `false` when there is no such message.
    pub(crate) fn delete(&mut self, channel: ChannelId, id: MessageId) -> bool {
        let place = self.places.channels.get_mut(&channel);
        let Some(message) = place.and_then(|channel| channel.messages.remove(&id)) else {
            return false;
        };
        let mut body = json!({"id": id.to_string(), "channel_id": channel.to_string()});
        shape::set_guild(&mut body, message.guild);
        if let Some(person) = message.only_reader() {
            self.live.whisper(person, "MESSAGE_DELETE", &body);
        } else {
            self.dispatch(&Event::new(
                "MESSAGE_DELETE",
                message.guild,
                message.intent(),
                &body,
            ));
        }
        true
    }

    /// Shows somebody as typing.
    pub(crate) fn type_in(&mut self, channel: ChannelId, user: UserId) {
        let guild = self
            .places
            .channels
            .get(&channel)
            .and_then(super::places::Channel::guild);
        let mut body = json!({
            "channel_id": channel.to_string(),
            "user_id": user.to_string(),
            "timestamp": clock::now_ms() / 1_000,
        });
        shape::set_guild(&mut body, guild);
        if let Some(member) = guild.and_then(|guild| shape::member(self, guild, user)) {
            shape::set(&mut body, "member", member);
        }
        let intent = if guild.is_some() {
            GUILD_TYPING
        } else {
            DIRECT_TYPING
        };
        self.dispatch(&Event::new("TYPING_START", guild, intent, &body));
    }

    /// Returns what somebody may do in a channel.
    pub(crate) fn permissions(&self, channel: ChannelId, user: UserId) -> u64 {
        let channel = self.places.channels.get(&channel);
        let guild = channel.and_then(super::places::Channel::guild);
        let guild = guild.and_then(|guild| self.places.guilds.get(&guild));
        guild.map_or(ALL_PERMISSIONS, |guild| guild.permissions(user, self.bot()))
    }

    fn tell_message(&mut self, name: &'static str, message: &Message) {
        let body = shape::message_event(self, message);
        if let Some(person) = message.only_reader() {
            self.live.whisper(person, name, &body);
        }
        if message.is_ephemeral() {
            return;
        }
        let is_always_whole = message.guild.is_none()
            || message.author == self.bot()
            || message.text.mentions.contains(&self.bot());
        let stripped = (!is_always_whole).then(|| shape::without_content(body.clone()));
        let event = Event::new(name, message.guild, message.intent(), &body);
        self.dispatch(&event.or_without_content(stripped));
    }
}
