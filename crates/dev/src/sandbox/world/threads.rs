//! Threads: conversations beside a channel.

use std::collections::BTreeMap;

use proto::id::{ChannelId, GuildId, MessageId, UserId};
use serde_json::{Value, json};

use super::World;
use super::messages::{Draft, FLAG_HAS_THREAD, KIND_THREAD_CREATED, KIND_THREAD_STARTER, Text};
use super::places::{Channel, ChannelKind, Options, TYPE_ANNOUNCEMENT, TYPE_FORUM};
use super::sessions::Event;
use crate::sandbox::{clock, shape};

/// Types of threads (Discord channel page, 2026-11).
pub(crate) const TYPE_NEWS_THREAD: u8 = 10;
pub(crate) const TYPE_PUBLIC_THREAD: u8 = 11;
pub(crate) const TYPE_PRIVATE_THREAD: u8 = 12;
/// Intent bit for servers and their threads.
const GUILDS: u64 = 1;

/// What makes a channel a thread.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) owner: UserId,
    /// Since when each member takes part.
    pub(crate) members: BTreeMap<UserId, u64>,
    pub(crate) is_archived: bool,
    pub(crate) is_locked: bool,
    pub(crate) is_invitable: bool,
    /// Minutes without a message after which it is archived.
    pub(crate) archive_after: u64,
    /// When its archive status last changed.
    pub(crate) changed_ms: u64,
    pub(crate) created_ms: u64,
    pub(crate) message_count: u64,
}

/// A thread that is about to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewThread {
    pub(crate) channel: ChannelId,
    pub(crate) owner: UserId,
    pub(crate) name: String,
    /// The message it starts from.
    pub(crate) message: Option<MessageId>,
    pub(crate) is_private: bool,
    pub(crate) is_invitable: bool,
    pub(crate) archive_after: u64,
    pub(crate) slow_seconds: u64,
}

impl World {
    /// Makes a thread and tells the sessions; its id is that of the message it starts from.
    pub(crate) fn start_thread(&mut self, new: NewThread) -> Option<ChannelId> {
        let parent = self.places.channels.get(&new.channel)?;
        let (guild, parent_kind) = (parent.guild()?, parent.options.kind);
        let id = ChannelId(
            new.message
                .map_or_else(|| self.next_id(), |message| message.0),
        );
        let kind = match (parent_kind, new.is_private) {
            (_, true) => TYPE_PRIVATE_THREAD,
            (TYPE_ANNOUNCEMENT, _) => TYPE_NEWS_THREAD,
            _ => TYPE_PUBLIC_THREAD,
        };
        let options = Options {
            kind,
            slow_seconds: new.slow_seconds,
            parent: Some(new.channel),
            ..Options::default()
        };
        let now_ms = clock::now_ms();
        let thread = Thread {
            owner: new.owner,
            members: [(new.owner, now_ms)].into(),
            is_archived: false,
            is_locked: false,
            is_invitable: new.is_invitable,
            archive_after: new.archive_after,
            changed_ms: now_ms,
            created_ms: now_ms,
            message_count: 0,
        };
        let place = ChannelKind::Text {
            guild,
            name: new.name.clone(),
        };
        let channel = Channel {
            options,
            thread: Some(thread),
            ..Channel::new(id, place)
        };
        self.places.channels.insert(id, channel);
        self.announce_thread(id, guild, new.owner);
        self.open_thread(&new, id, parent_kind);
        Some(id)
    }

    fn announce_thread(&mut self, id: ChannelId, guild: GuildId, owner: UserId) {
        let Some(mut body) = shape::channel(self, id) else {
            return;
        };
        shape::set(&mut body, "newly_created", true.into());
        if owner == self.bot() {
            shape::set(&mut body, "member", shape::thread_member(self, id, owner));
        }
        self.dispatch_in(id, &Event::of_guild("THREAD_CREATE", guild, body));
    }

    /// Says the messages that come with a thread.
    fn open_thread(&mut self, new: &NewThread, id: ChannelId, parent_kind: u8) {
        if let Some(message) = new.message {
            let kind = KIND_THREAD_STARTER;
            let (reference, from) = (Some(message), Some(new.channel));
            let starter = Draft {
                kind,
                reference,
                from,
                ..Draft::default()
            };
            self.say(id, new.owner, starter);
            self.rewrite(new.channel, message, |said| said.flags |= FLAG_HAS_THREAD);
        } else if parent_kind != TYPE_FORUM && !new.is_private {
            let text = Text {
                content: new.name.clone(),
                ..Text::default()
            };
            let (kind, from) = (KIND_THREAD_CREATED, Some(id));
            let note = Draft {
                kind,
                text,
                from,
                ..Draft::default()
            };
            self.say(new.channel, new.owner, note);
        }
    }

    /// Adds somebody to a thread or takes them out, and tells the sessions.
    pub(crate) fn set_thread_member(&mut self, id: ChannelId, user: UserId, takes_part: bool) {
        let channel = self.places.channels.get_mut(&id);
        let guild = channel.as_ref().and_then(|channel| channel.guild());
        let Some(thread) = channel.and_then(|channel| channel.thread.as_mut()) else {
            return;
        };
        let was = thread.members.contains_key(&user);
        if takes_part {
            thread.members.entry(user).or_insert_with(clock::now_ms);
        } else {
            thread.members.remove(&user);
        }
        let count = thread.members.len();
        if was == takes_part {
            return;
        }
        let mut body = json!({"id": id.to_string(), "member_count": count});
        shape::set_guild(&mut body, guild);
        if takes_part {
            let member = shape::thread_member(self, id, user);
            shape::set(&mut body, "added_members", json!([member]));
        } else {
            shape::set(&mut body, "removed_member_ids", json!([user.to_string()]));
        }
        self.dispatch(&Event::new("THREAD_MEMBERS_UPDATE", guild, GUILDS, &body));
    }

    /// Counts a message of a thread, whose author takes part from now on, and opens it again.
    pub(super) fn count_in_thread(&mut self, id: ChannelId, author: Option<UserId>) {
        let channel = self.places.channels.get_mut(&id);
        let Some(thread) = channel.and_then(|channel| channel.thread.as_mut()) else {
            return;
        };
        thread.message_count += 1;
        if thread.is_archived {
            self.set_archived(id, false);
        }
        if let Some(author) = author {
            self.set_thread_member(id, author, true);
        }
    }

    fn set_archived(&mut self, id: ChannelId, is_archived: bool) {
        let channel = self.places.channels.get_mut(&id);
        if let Some(thread) = channel.and_then(|channel| channel.thread.as_mut()) {
            thread.is_archived = is_archived;
            thread.changed_ms = clock::now_ms();
        }
        self.tell_channel("THREAD_UPDATE", id);
    }

    /// Archives the threads that were quiet for too long; tells whether there were any.
    pub(crate) fn archive_quiet_threads(&mut self) -> bool {
        let (now_ms, minute_ms) = (clock::now_ms(), self.settings.thread_minute_ms);
        let is_quiet = |channel: &Channel, thread: &Thread| {
            let newest = channel.messages.last_key_value();
            let said_ms = newest.map_or(0, |(_, newest)| newest.created_ms);
            let since_ms = thread.changed_ms.max(said_ms);
            !thread.is_archived && now_ms >= since_ms + thread.archive_after * minute_ms
        };
        let quiet = self.threads(|_| true, is_quiet);
        for &id in &quiet {
            self.set_archived(id, true);
        }
        !quiet.is_empty()
    }

    /// Returns the threads of a channel or of a whole server that `keep` keeps.
    pub(crate) fn threads(
        &self,
        is_wanted: impl Fn(&Channel) -> bool,
        keep: impl Fn(&Channel, &Thread) -> bool,
    ) -> Vec<ChannelId> {
        let channels = self
            .places
            .channels
            .values()
            .rev()
            .filter(|channel| is_wanted(channel));
        let threads = channels.filter(|channel| {
            channel
                .thread
                .as_ref()
                .is_some_and(|thread| keep(channel, thread))
        });
        threads.map(|channel| channel.id).collect()
    }

    /// Returns a server's open threads that the bot sees.
    pub(crate) fn open_threads(&self, guild: GuildId) -> Vec<Value> {
        let open = self.threads(
            |channel| channel.guild() == Some(guild),
            |_, thread| !thread.is_archived,
        );
        let shown = open.into_iter().filter(|&id| self.is_seen(id));
        shown.filter_map(|id| shape::channel(self, id)).collect()
    }
}
