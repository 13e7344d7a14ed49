//! Messages: what is said, edited and deleted, and the nonces that keep a post from being doubled.

use std::collections::{HashMap, VecDeque};

use proto::id::{ChannelId, GuildId, InteractionId, MessageId, UserId};
use serde_json::{Value, json};

use super::World;
use super::places::Channel;
use super::reactions::Reaction;
use super::sessions::Event;
use super::webhooks::Persona;
use crate::sandbox::{clock, shape};

/// Intent bits for pins, messages and typing, in servers and in direct conversations.
const GUILDS: u64 = 1;
const GUILD_MESSAGES: u64 = 1 << 9;
const GUILD_TYPING: u64 = 1 << 11;
const DIRECT_MESSAGES: u64 = 1 << 12;
const DIRECT_TYPING: u64 = 1 << 14;

/// Types of messages (Discord message page, 2026-11).
pub(crate) const KIND_DEFAULT: u8 = 0;
pub(crate) const KIND_PINNED: u8 = 6;
pub(crate) const KIND_THREAD_CREATED: u8 = 18;
pub(crate) const KIND_REPLY: u8 = 19;
pub(crate) const KIND_COMMAND: u8 = 20;
pub(crate) const KIND_THREAD_STARTER: u8 = 21;

/// Flags of messages.
pub(crate) const FLAG_HAS_THREAD: u64 = 1 << 5;
pub(crate) const FLAG_EPHEMERAL: u64 = 1 << 6;
pub(crate) const FLAG_LOADING: u64 = 1 << 7;
pub(crate) const FLAG_FORWARD: u64 = 1 << 14;
pub(crate) const FLAG_COMPONENTS_V2: u64 = 1 << 15;

/// A file with a message.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) size: usize,
    /// Its address without a signature.
    pub(crate) url: String,
    /// Width and height of a picture.
    pub(crate) dimensions: Option<(u32, u32)>,
    pub(crate) description: Option<String>,
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
    /// The channel of the reference, where it is another one.
    pub(crate) from: Option<ChannelId>,
    pub(crate) nonce: Option<Value>,
    pub(crate) cause: Option<Cause>,
    pub(crate) persona: Option<Persona>,
    pub(crate) extras: Extras,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) pinned_ms: Option<u64>,
}

/// What a message may have beside its text, in its form on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) poll: Option<Value>,
    pub(crate) stickers: Vec<Value>,
    /// The forwarded message.
    pub(crate) snapshots: Vec<Value>,
}

/// The part of a message that its author writes and may edit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) content: String,
    pub(crate) embeds: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) mentions: Vec<UserId>,
    pub(crate) mention_roles: Vec<u64>,
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
    /// The channel of the reference, where it is another one.
    pub(crate) from: Option<ChannelId>,
    pub(crate) nonce: Option<Value>,
    pub(crate) cause: Option<Cause>,
    pub(crate) persona: Option<Persona>,
    pub(crate) extras: Extras,
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
            guild: self.places.channels.get(&channel).and_then(Channel::guild),
            author,
            kind: draft.kind,
            flags: draft.flags,
            created_ms: clock::now_ms(),
            edited_ms: None,
            text: draft.text,
            attachments: draft.attachments,
            reference: draft.reference,
            from: draft.from,
            nonce: draft.nonce,
            cause: draft.cause,
            persona: draft.persona,
            extras: draft.extras,
            reactions: Vec::new(),
            pinned_ms: None,
        };
        let id = message.id;
        let forgotten_ms = clock::now_ms().saturating_sub(self.settings.nonce_window_ms);
        self.nonces.remember(&message, forgotten_ms);
        let before = self.sessions.dispatched();
        self.tell_message("MESSAGE_CREATE", &message);
        let sessions = self.sessions.dispatched() - before;
        self.journal.dispatched(id, clock::now_ms(), sessions);
        let speaker = message.persona.is_none().then_some(author);
        let place = self.places.channels.get_mut(&channel);
        if let Some(forgotten) = place.and_then(|channel| channel.keep(message)) {
            self.files.forget_those_of(&forgotten);
        }
        if let Some(speaker) = speaker {
            self.count_speech(channel, speaker);
        }
        self.count_in_thread(channel, speaker);
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
        let before = message.clone();
        change(message);
        let message = message.clone();
        self.files.forget_all_but(&message, &before);
        self.tell_message("MESSAGE_UPDATE", &message);
        true
    }

    /// Deletes a message; `false` when there is no such message.
    pub(crate) fn delete(&mut self, channel: ChannelId, id: MessageId) -> bool {
        let place = self.places.channels.get_mut(&channel);
        let Some(message) = place.and_then(|channel| channel.messages.remove(&id)) else {
            return false;
        };
        self.files.forget_those_of(&message);
        let mut body = json!({"id": id.to_string(), "channel_id": channel.to_string()});
        shape::set_guild(&mut body, message.guild);
        if let Some(person) = message.only_reader() {
            self.live.whisper(person, "MESSAGE_DELETE", &body);
        } else {
            let event = Event::new("MESSAGE_DELETE", message.guild, message.intent(), &body);
            self.dispatch_in(channel, &event);
        }
        true
    }

    /// Deletes several messages of a server's channel at once.
    pub(crate) fn delete_many(&mut self, channel: ChannelId, ids: &[MessageId]) {
        let Some(place) = self.places.channels.get_mut(&channel) else {
            return;
        };
        let gone = ids.iter().filter_map(|id| place.messages.remove(id));
        let gone: Vec<_> = gone.collect();
        let guild = place.guild();
        for message in &gone {
            self.files.forget_those_of(message);
        }
        let ids: Vec<_> = gone.iter().map(|message| message.id.to_string()).collect();
        let mut body = json!({"ids": ids, "channel_id": channel.to_string()});
        shape::set_guild(&mut body, guild);
        if !gone.is_empty() {
            let event = Event::new("MESSAGE_DELETE_BULK", guild, GUILD_MESSAGES, &body);
            self.dispatch_in(channel, &event);
        }
    }

    /// Pins a message or no longer, and tells the sessions.
    pub(crate) fn pin(&mut self, channel: ChannelId, id: MessageId, is_pinned: bool) {
        let now_ms = clock::now_ms();
        self.rewrite(channel, id, |message| {
            message.pinned_ms = is_pinned.then_some(now_ms);
        });
        let guild = self.places.channels.get(&channel).and_then(Channel::guild);
        let last = is_pinned.then(|| clock::timestamp(now_ms));
        let mut body = json!({"channel_id": channel.to_string(), "last_pin_timestamp": last});
        shape::set_guild(&mut body, guild);
        let intent = if guild.is_some() {
            GUILDS
        } else {
            DIRECT_MESSAGES
        };
        let event = Event::new("CHANNEL_PINS_UPDATE", guild, intent, &body);
        self.dispatch_in(channel, &event);
    }

    /// Shows somebody as typing.
    pub(crate) fn type_in(&mut self, channel: ChannelId, user: UserId) {
        let guild = self.places.channels.get(&channel).and_then(Channel::guild);
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
        self.dispatch_in(channel, &Event::new("TYPING_START", guild, intent, &body));
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
        let mut event = Event::new(name, message.guild, message.intent(), &body);
        if !is_always_whole && self.sessions.misses_content(&event) {
            event = event.or_without_content(&shape::without_content(body));
        }
        self.dispatch_in(message.channel, &event);
    }
}
