//! Servers and channels, which exist as soon as they are named; direct conversations with the bot.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use proto::id::{ChannelId, GuildId, MessageId, UserId};

use super::World;
use super::messages::Message;
use super::sessions::Event;
use crate::sandbox::{clock, shape, snowflake};

/// The server that is meant when none is named.
pub(crate) const DEFAULT_SERVER: &str = "Sandbox";
/// The channel that is meant when none is named.
pub(crate) const DEFAULT_CHANNEL: &str = "general";
/// Messages kept per channel; older ones are forgotten, because everything is in memory.
const KEPT_MESSAGES: usize = 5_000;

/// View, send, embed, attach, history, react, threads, external emojis, nickname, app commands.
pub(crate) const MEMBER_PERMISSIONS: u64 = 1 << 6
    | 1 << 10
    | 1 << 11
    | 1 << 14
    | 1 << 15
    | 1 << 16
    | 1 << 18
    | 1 << 26
    | 1 << 31
    | 1 << 35
    | 1 << 38;
/// What a member may, and manage messages and webhooks, and ping everyone: the bot could, so a
/// reply that must not is seen.
pub(crate) const BOT_PERMISSIONS: u64 = MEMBER_PERMISSIONS | 1 << 13 | 1 << 17 | 1 << 29;
/// Every permission.
pub(crate) const ALL_PERMISSIONS: u64 = (1 << 53) - 1;

/// A member of a server.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) joined_ms: u64,
    pub(crate) is_admin: bool,
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Guild {
    pub(crate) id: GuildId,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    pub(crate) channels: Vec<ChannelId>,
    pub(crate) members: BTreeMap<UserId, Member>,
    /// The role "Admin".
    pub(crate) admin_role: u64,
    /// The role that came with the bot.
    pub(crate) bot_role: u64,
}

impl Guild {
    /// Returns the permissions of a member in all channels.
    pub(crate) fn permissions(&self, user: UserId, bot: UserId) -> u64 {
        let is_admin = self
            .members
            .get(&user)
            .is_some_and(|member| member.is_admin);
        match () {
            () if user == bot => BOT_PERMISSIONS,
            () if is_admin || user == self.owner => ALL_PERMISSIONS,
            () => MEMBER_PERMISSIONS,
        }
    }
}

/// What kind of channel it is.
#[derive(Clone, Debug)]
pub(crate) enum ChannelKind {
    /// A text channel of a server.
    Text { guild: GuildId, name: String },
    /// The bot's conversation with one person.
    Direct { user: UserId },
}

/// A channel with what was said in it, oldest first.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) kind: ChannelKind,
    pub(crate) messages: BTreeMap<MessageId, Message>,
}

impl Channel {
    /// Returns the server it belongs to.
    pub(crate) fn guild(&self) -> Option<GuildId> {
        match &self.kind {
            ChannelKind::Text { guild, .. } => Some(*guild),
            ChannelKind::Direct { .. } => None,
        }
    }

    /// Keeps a message and forgets the oldest above the bound.
    pub(crate) fn keep(&mut self, message: Message) {
        self.messages.insert(message.id, message);
        if self.messages.len() > KEPT_MESSAGES {
            self.messages.pop_first();
        }
    }
}

/// All servers and channels.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) guilds: BTreeMap<GuildId, Guild>,
    pub(crate) channels: BTreeMap<ChannelId, Channel>,
    guild_names: HashMap<String, GuildId>,
}

impl World {
    /// Returns the server of that name; a new one belongs to `owner`.
    pub(crate) fn guild(&mut self, name: &str, owner: UserId) -> GuildId {
        if let Some(&id) = self.places.guild_names.get(name) {
            return id;
        }
        let id = GuildId(snowflake::named(self.seed, "guild", name));
        let guild = Guild {
            id,
            name: name.to_owned(),
            owner,
            channels: Vec::new(),
            members: BTreeMap::new(),
            admin_role: snowflake::named(self.seed, "admin role", name),
            bot_role: snowflake::named(self.seed, "bot role", name),
        };
        self.places.guilds.insert(id, guild);
        self.places.guild_names.insert(name.to_owned(), id);
        self.join(id, owner);
        self.join(id, self.bot());
        self.announce_guild(id);
        id
    }

    /// Makes somebody a member; those who are one already stay what they are.
    pub(crate) fn join(&mut self, guild: GuildId, user: UserId) {
        if let Some(guild) = self.places.guilds.get_mut(&guild) {
            let is_admin = user == guild.owner;
            let newcomer = Member {
                joined_ms: clock::now_ms(),
                is_admin,
            };
            guild.members.entry(user).or_insert(newcomer);
        }
    }

    /// Makes a member an administrator, or no longer one.
    pub(crate) fn set_admin(&mut self, guild: GuildId, user: UserId, is_admin: bool) {
        self.join(guild, user);
        let guild = self.places.guilds.get_mut(&guild);
        if let Some(member) = guild.and_then(|guild| guild.members.get_mut(&user)) {
            member.is_admin = is_admin;
        }
    }

    /// Returns the text channel of that name and makes `user` a member of its server.
    pub(crate) fn text_channel(&mut self, server: &str, name: &str, user: UserId) -> ChannelId {
        let guild = self.guild(server, user);
        self.join(guild, user);
        let id = ChannelId(snowflake::named(
            self.seed,
            "channel",
            &format!("{server}/{name}"),
        ));
        if let Entry::Vacant(place) = self.places.channels.entry(id) {
            let kind = ChannelKind::Text {
                guild,
                name: name.to_owned(),
            };
            place.insert(Channel {
                id,
                kind,
                messages: BTreeMap::new(),
            });
            if let Some(guild) = self.places.guilds.get_mut(&guild) {
                guild.channels.push(id);
            }
            self.announce_channel(id, guild);
        }
        id
    }

    /// Returns the direct conversation of a person with the bot.
    pub(crate) fn direct_channel(&mut self, user: UserId) -> ChannelId {
        let id = ChannelId(snowflake::named(self.seed, "direct", &user.to_string()));
        let kind = ChannelKind::Direct { user };
        self.places.channels.entry(id).or_insert(Channel {
            id,
            kind,
            messages: BTreeMap::new(),
        });
        id
    }

    fn announce_guild(&mut self, guild: GuildId) {
        if let Some(body) = shape::guild(self, guild) {
            self.dispatch(&Event::of_guild("GUILD_CREATE", guild, body));
        }
    }

    fn announce_channel(&mut self, channel: ChannelId, guild: GuildId) {
        if let Some(body) = shape::channel(self, channel) {
            self.dispatch(&Event::of_guild("CHANNEL_CREATE", guild, body));
        }
    }
}
