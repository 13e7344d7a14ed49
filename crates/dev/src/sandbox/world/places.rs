//! Servers and channels, which exist as soon as they are named; direct conversations with the bot.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use proto::id::{ChannelId, GuildId, MessageId, UserId};
use serde_json::{Value, json};

use super::World;
use super::messages::Message;
pub(crate) use super::rights::{ALL_PERMISSIONS, BOT_PERMISSIONS, MEMBER_PERMISSIONS};
use super::rights::{Overwrite, Role};
use super::sessions::Event;
use super::threads::Thread;
use crate::sandbox::{clock, shape, snowflake};

/// The server that is meant when none is named.
pub(crate) const DEFAULT_SERVER: &str = "Sandbox";
/// The channel that is meant when none is named.
pub(crate) const DEFAULT_CHANNEL: &str = "general";
/// Messages kept per channel; older ones are forgotten, because everything is in memory.
const KEPT_MESSAGES: usize = 5_000;
/// Intent bits for members and for webhooks.
const GUILD_MEMBERS: u64 = 1 << 1;
/// Custom emojis of a new server.
const EMOJIS: [&str; 2] = ["tomori_happy", "tomori_think"];
/// Stickers of a new server.
const STICKERS: [&str; 1] = ["tomori_wave"];

/// Types of channels (Discord channel page, 2026-11).
pub(crate) const TYPE_TEXT: u8 = 0;
pub(crate) const TYPE_CATEGORY: u8 = 4;
pub(crate) const TYPE_ANNOUNCEMENT: u8 = 5;
pub(crate) const TYPE_FORUM: u8 = 15;

/// A member of a server.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) joined_ms: u64,
    pub(crate) roles: BTreeSet<u64>,
    pub(crate) nick: Option<String>,
    /// When a time-out ends.
    pub(crate) silent_until_ms: Option<u64>,
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Guild {
    pub(crate) id: GuildId,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    pub(crate) channels: Vec<ChannelId>,
    pub(crate) members: BTreeMap<UserId, Member>,
    pub(crate) bans: BTreeSet<UserId>,
    pub(crate) roles: BTreeMap<u64, Role>,
    /// The role "Admin".
    pub(crate) admin_role: u64,
    /// The role that came with the bot.
    pub(crate) bot_role: u64,
    /// Discord has an outage here: nobody hears anything of it.
    pub(crate) is_unavailable: bool,
    /// Custom emojis and stickers: names by id.
    pub(crate) emojis: BTreeMap<u64, String>,
    pub(crate) stickers: BTreeMap<u64, String>,
}

/// What kind of channel it is.
#[derive(Clone, Debug)]
pub(crate) enum ChannelKind {
    /// A channel or thread of a server.
    Text { guild: GuildId, name: String },
    /// The bot's conversation with one person.
    Direct { user: UserId },
}

/// What those who manage a channel may set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Discord's type; a plain text channel is 0.
    pub(crate) kind: u8,
    pub(crate) topic: Option<String>,
    pub(crate) is_nsfw: bool,
    /// Seconds between two messages of one person.
    pub(crate) slow_seconds: u64,
    /// The category, or the channel of a thread.
    pub(crate) parent: Option<ChannelId>,
    pub(crate) position: Option<u64>,
    pub(crate) overwrites: BTreeMap<u64, Overwrite>,
}

/// A channel with what was said in it, oldest first.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) kind: ChannelKind,
    pub(crate) options: Options,
    /// What makes it a thread.
    pub(crate) thread: Option<Thread>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    /// When each person last spoke, where the channel is slow.
    pub(crate) spoke_ms: HashMap<UserId, u64>,
}

impl Channel {
    /// An empty channel.
    pub(crate) fn new(id: ChannelId, kind: ChannelKind) -> Self {
        Self {
            id,
            kind,
            options: Options::default(),
            thread: None,
            messages: BTreeMap::new(),
            spoke_ms: HashMap::new(),
        }
    }

    /// Returns the server it belongs to.
    pub(crate) fn guild(&self) -> Option<GuildId> {
        match &self.kind {
            ChannelKind::Text { guild, .. } => Some(*guild),
            ChannelKind::Direct { .. } => None,
        }
    }

    fn is_named(&self, wanted: &str) -> bool {
        matches!(&self.kind, ChannelKind::Text { name, .. } if name == wanted)
    }

    /// Keeps a message and returns the oldest above the bound, which is forgotten.
    pub(crate) fn keep(&mut self, message: Message) -> Option<Message> {
        self.messages.insert(message.id, message);
        let is_full = self.messages.len() > KEPT_MESSAGES;
        let oldest = is_full.then(|| self.messages.pop_first()).flatten();
        oldest.map(|(_, message)| message)
    }
}

/// All servers and channels.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) guilds: BTreeMap<GuildId, Guild>,
    pub(crate) channels: BTreeMap<ChannelId, Channel>,
    guild_names: HashMap<String, GuildId>,
}

impl Places {
    /// Returns the server of that name.
    pub(crate) fn guild_named(&self, name: &str) -> Option<GuildId> {
        self.guild_names.get(name).copied()
    }

    fn channel_named(&self, guild: GuildId, name: &str) -> Option<ChannelId> {
        let ids = self.guilds.get(&guild)?.channels.iter();
        let mut channels = ids.filter_map(|id| self.channels.get(id));
        let found = channels.find(|channel| channel.is_named(name));
        found.map(|channel| channel.id)
    }
}

fn roles(id: GuildId, bot_role: u64, admin_role: u64) -> BTreeMap<u64, Role> {
    let everyone = Role::new(id.0, "@everyone", MEMBER_PERMISSIONS, 0);
    let bot = Role::new(bot_role, "Tomori", BOT_PERMISSIONS, 1);
    let bot = Role {
        managed: true,
        ..bot
    };
    let admin = Role::new(admin_role, "Admin", ALL_PERMISSIONS, 2);
    [everyone, bot, admin]
        .into_iter()
        .map(|role| (role.id, role))
        .collect()
}

impl World {
    /// Returns the server of that name; a new one belongs to `owner`.
    pub(crate) fn guild(&mut self, name: &str, owner: UserId) -> GuildId {
        if let Some(id) = self.places.guild_named(name) {
            return id;
        }
        let named = |kind: &str, name: &str| snowflake::named(self.seed, kind, name);
        let of_guild = |kind: &str, names: &[&str]| {
            let ids = names
                .iter()
                .map(|one| (named(kind, &format!("{name}/{one}")), (*one).into()));
            ids.collect()
        };
        let id = GuildId(named("guild", name));
        let (admin_role, bot_role) = (named("admin role", name), named("bot role", name));
        let guild = Guild {
            id,
            name: name.to_owned(),
            owner,
            channels: Vec::new(),
            members: BTreeMap::new(),
            bans: BTreeSet::new(),
            roles: roles(id, bot_role, admin_role),
            admin_role,
            bot_role,
            is_unavailable: false,
            emojis: of_guild("emoji", &EMOJIS),
            stickers: of_guild("sticker", &STICKERS),
        };
        self.places.guilds.insert(id, guild);
        self.places.guild_names.insert(name.to_owned(), id);
        self.join(id, self.bot());
        self.join(id, owner);
        self.tell_guild(id);
        id
    }

    /// Makes somebody a member; those who are one already stay what they are, those who are banned stay out.
    pub(crate) fn join(&mut self, id: GuildId, user: UserId) {
        let bot = self.bot();
        let Some(guild) = self.places.guilds.get_mut(&id) else {
            return;
        };
        let Entry::Vacant(place) = guild.members.entry(user) else {
            return;
        };
        if guild.bans.contains(&user) {
            return;
        }
        let role = match () {
            () if user == bot => Some(guild.bot_role),
            () if user == guild.owner => Some(guild.admin_role),
            () => None,
        };
        place.insert(Member {
            joined_ms: clock::now_ms(),
            roles: role.into_iter().collect(),
            nick: None,
            silent_until_ms: None,
        });
        // The bot's own joining is the creation of the server, and the owner was there before.
        if user != bot && user != guild.owner {
            self.tell_member("GUILD_MEMBER_ADD", id, user);
        }
    }

    /// Changes a member and tells the sessions; `false` when there is no such member.
    pub(crate) fn change_member(
        &mut self,
        id: GuildId,
        user: UserId,
        change: impl FnOnce(&mut Member),
    ) -> bool {
        let guild = self.places.guilds.get_mut(&id);
        let Some(member) = guild.and_then(|guild| guild.members.get_mut(&user)) else {
            return false;
        };
        change(member);
        self.tell_member("GUILD_MEMBER_UPDATE", id, user);
        true
    }

    /// Takes somebody out of a server; `false` when they are not in it.
    pub(crate) fn remove_member(&mut self, id: GuildId, user: UserId) -> bool {
        let guild = self.places.guilds.get_mut(&id);
        if guild
            .and_then(|guild| guild.members.remove(&user))
            .is_none()
        {
            return false;
        }
        let body = json!({"guild_id": id.to_string(), "user": shape::user(self, user)});
        self.dispatch(&Event::new(
            "GUILD_MEMBER_REMOVE",
            Some(id),
            GUILD_MEMBERS,
            &body,
        ));
        true
    }

    fn tell_member(&mut self, name: &'static str, guild: GuildId, user: UserId) {
        let Some(mut body) = shape::member(self, guild, user) else {
            return;
        };
        shape::set_guild(&mut body, Some(guild));
        // A session always hears of changes of its own member.
        let intent = if user == self.bot() { 0 } else { GUILD_MEMBERS };
        self.dispatch(&Event::new(name, Some(guild), intent, &body));
    }

    /// Makes a member an administrator, or no longer one.
    pub(crate) fn set_admin(&mut self, guild: GuildId, user: UserId, is_admin: bool) {
        self.join(guild, user);
        let role = self
            .places
            .guilds
            .get(&guild)
            .map_or(0, |guild| guild.admin_role);
        self.change_member(guild, user, |member| {
            member.roles.remove(&role);
            member.roles.extend(is_admin.then_some(role));
        });
    }

    /// Returns the text channel of that name and makes `user` a member of its server.
    pub(crate) fn text_channel(&mut self, server: &str, name: &str, user: UserId) -> ChannelId {
        let guild = self.guild(server, user);
        self.join(guild, user);
        if let Some(known) = self.places.channel_named(guild, name) {
            return known;
        }
        let path = format!("{server}/{name}");
        let id = ChannelId(snowflake::named(self.seed, "channel", &path));
        self.add_channel(guild, id, name, Options::default());
        id
    }

    /// Returns the newest open thread of that name, where the server has no channel of that name.
    pub(crate) fn thread_named(&self, server: &str, name: &str) -> Option<ChannelId> {
        let guild = self.places.guild_named(server)?;
        if self.places.channel_named(guild, name).is_some() {
            return None;
        }
        let found = self.threads(
            |channel| channel.guild() == Some(guild) && channel.is_named(name),
            |_, thread| !thread.is_archived,
        );
        found.first().copied()
    }

    /// Returns the channel of that name in a server, or its newest open thread of that name.
    pub(crate) fn channel_called(&self, guild: GuildId, name: &str) -> Option<ChannelId> {
        let server = &self.places.guilds.get(&guild)?.name;
        let channel = self.places.channel_named(guild, name);
        channel.or_else(|| self.thread_named(server, name))
    }

    /// Adds a channel to a server and tells the sessions.
    pub(crate) fn add_channel(
        &mut self,
        id: GuildId,
        channel: ChannelId,
        name: &str,
        options: Options,
    ) {
        let kind = ChannelKind::Text {
            guild: id,
            name: name.to_owned(),
        };
        let place = Channel {
            options,
            ..Channel::new(channel, kind)
        };
        self.places.channels.insert(channel, place);
        if let Some(guild) = self.places.guilds.get_mut(&id) {
            guild.channels.push(channel);
        }
        self.tell_channel("CHANNEL_CREATE", channel);
    }

    /// Removes a channel with its threads, webhooks and messages, and tells the sessions.
    pub(crate) fn remove_channel(&mut self, id: ChannelId) -> Option<Value> {
        let body = shape::channel(self, id)?;
        let is_thread = self.places.channels.get(&id)?.thread.is_some();
        self.tell_channel(
            if is_thread {
                "THREAD_DELETE"
            } else {
                "CHANNEL_DELETE"
            },
            id,
        );
        let guild = self.places.channels.get(&id)?.guild();
        if let Some(guild) = guild.and_then(|id| self.places.guilds.get_mut(&id)) {
            guild.channels.retain(|&known| known != id);
        }
        let is_gone = |other: &Channel| {
            other.id == id || (other.thread.is_some() && other.options.parent == Some(id))
        };
        let gone = self
            .places
            .channels
            .extract_if(.., |_, other| is_gone(other));
        gone.flat_map(|(_, channel)| channel.messages.into_values())
            .for_each(|message| self.files.forget_those_of(&message));
        self.webhooks.retain(|_, hook| hook.channel != id);
        Some(body)
    }

    /// Returns the direct conversation of a person with the bot.
    pub(crate) fn direct_channel(&mut self, user: UserId) -> ChannelId {
        let id = ChannelId(snowflake::named(self.seed, "direct", &user.to_string()));
        let channel = self.places.channels.entry(id);
        channel.or_insert_with(|| Channel::new(id, ChannelKind::Direct { user }));
        id
    }

    /// Tells sessions about a channel or thread that the bot sees.
    pub(crate) fn tell_channel(&mut self, name: &'static str, channel: ChannelId) {
        let guild = self.places.channels.get(&channel).and_then(Channel::guild);
        let Some(guild) = guild else { return };
        if let Some(body) = shape::channel(self, channel) {
            self.dispatch_in(channel, &Event::of_guild(name, guild, body));
        }
    }
}
