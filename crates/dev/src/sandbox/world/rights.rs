//! Who may do what: roles, overwrites of channels, and Discord's rules for adding them up.

use std::collections::BTreeMap;

use proto::id::{ChannelId, UserId};

use super::World;
use super::places::{Channel, Guild};
use crate::sandbox::clock;

/// Permission bits (Discord permissions page, 2026-11).
pub(crate) const KICK_MEMBERS: u64 = 1 << 1;
pub(crate) const BAN_MEMBERS: u64 = 1 << 2;
pub(crate) const ADMINISTRATOR: u64 = 1 << 3;
pub(crate) const MANAGE_CHANNELS: u64 = 1 << 4;
pub(crate) const ADD_REACTIONS: u64 = 1 << 6;
pub(crate) const VIEW_CHANNEL: u64 = 1 << 10;
pub(crate) const SEND_MESSAGES: u64 = 1 << 11;
pub(crate) const MANAGE_MESSAGES: u64 = 1 << 13;
pub(crate) const EMBED_LINKS: u64 = 1 << 14;
pub(crate) const ATTACH_FILES: u64 = 1 << 15;
pub(crate) const READ_HISTORY: u64 = 1 << 16;
pub(crate) const MENTION_EVERYONE: u64 = 1 << 17;
pub(crate) const EXTERNAL_EMOJIS: u64 = 1 << 18;
pub(crate) const CHANGE_NICKNAME: u64 = 1 << 26;
pub(crate) const MANAGE_NICKNAMES: u64 = 1 << 27;
pub(crate) const MANAGE_ROLES: u64 = 1 << 28;
pub(crate) const MANAGE_WEBHOOKS: u64 = 1 << 29;
pub(crate) const USE_COMMANDS: u64 = 1 << 31;
pub(crate) const MANAGE_THREADS: u64 = 1 << 34;
pub(crate) const PUBLIC_THREADS: u64 = 1 << 35;
pub(crate) const PRIVATE_THREADS: u64 = 1 << 36;
pub(crate) const EXTERNAL_STICKERS: u64 = 1 << 37;
pub(crate) const SEND_IN_THREADS: u64 = 1 << 38;
pub(crate) const MODERATE_MEMBERS: u64 = 1 << 40;
pub(crate) const SEND_POLLS: u64 = 1 << 49;
pub(crate) const PIN_MESSAGES: u64 = 1 << 51;
pub(crate) const BYPASS_SLOW_MODE: u64 = 1 << 52;

/// What everybody may in a new server.
pub(crate) const MEMBER_PERMISSIONS: u64 = ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_HISTORY
    | EXTERNAL_EMOJIS
    | CHANGE_NICKNAME
    | USE_COMMANDS
    | PUBLIC_THREADS
    | PRIVATE_THREADS
    | EXTERNAL_STICKERS
    | SEND_IN_THREADS
    | SEND_POLLS;
/// What a member may, and manage messages, webhooks and threads, and ping everyone: the bot could,
/// so a reply that must not is seen.
pub(crate) const BOT_PERMISSIONS: u64 = MEMBER_PERMISSIONS
    | MANAGE_MESSAGES
    | MENTION_EVERYONE
    | MANAGE_WEBHOOKS
    | MANAGE_THREADS
    | PIN_MESSAGES;
/// Every permission.
pub(crate) const ALL_PERMISSIONS: u64 = (1 << 53) - 1;
/// What is left to somebody who is timed out.
const TIMED_OUT_PERMISSIONS: u64 = VIEW_CHANNEL | READ_HISTORY;

/// A role of a server.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) permissions: u64,
    pub(crate) position: u64,
    pub(crate) color: u64,
    pub(crate) hoist: bool,
    pub(crate) mentionable: bool,
    /// It came with a bot, which is the only one to have it.
    pub(crate) managed: bool,
}

impl Role {
    /// A role without ornaments.
    pub(crate) fn new(id: u64, name: &str, permissions: u64, position: u64) -> Self {
        Self {
            id,
            name: name.to_owned(),
            permissions,
            position,
            color: 0,
            hoist: false,
            mentionable: false,
            managed: false,
        }
    }
}

/// What a channel changes for a role or a member.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overwrite {
    /// Whether it is for a member; otherwise for a role.
    pub(crate) is_member: bool,
    pub(crate) allow: u64,
    pub(crate) deny: u64,
}

impl Guild {
    /// Returns the permissions of a member in all channels.
    pub(crate) fn permissions(&self, user: UserId) -> u64 {
        if user == self.owner {
            return ALL_PERMISSIONS;
        }
        let Some(member) = self.members.get(&user) else {
            return 0;
        };
        let held = self
            .roles
            .values()
            .filter(|role| role.id == self.id.0 || member.roles.contains(&role.id));
        let sum = held.fold(0, |sum, role| sum | role.permissions);
        if sum & ADMINISTRATOR != 0 {
            ALL_PERMISSIONS
        } else {
            sum
        }
    }

    /// Returns the position of a member's highest role.
    pub(crate) fn rank(&self, user: UserId) -> u64 {
        if user == self.owner {
            return u64::MAX;
        }
        let member = self.members.get(&user);
        let held = member.into_iter().flat_map(|member| &member.roles);
        let positions = held.filter_map(|id| self.roles.get(id).map(|role| role.position));
        positions.max().unwrap_or_default()
    }

    fn permissions_in(&self, user: UserId, overwrites: &BTreeMap<u64, Overwrite>) -> u64 {
        // What a channel gives to everybody, it gives to members.
        if user != self.owner && !self.members.contains_key(&user) {
            return 0;
        }
        let mut sum = self.permissions(user);
        if sum == ALL_PERMISSIONS {
            return sum;
        }
        let mut apply = |overwrite: Overwrite| sum = sum & !overwrite.deny | overwrite.allow;
        overwrites
            .get(&self.id.0)
            .copied()
            .into_iter()
            .for_each(&mut apply);
        let member = self.members.get(&user);
        let of_roles = member.into_iter().flat_map(|member| &member.roles);
        let of_roles = of_roles.filter_map(|id| overwrites.get(id));
        apply(
            of_roles.fold(Overwrite::default(), |sum, overwrite| Overwrite {
                is_member: false,
                allow: sum.allow | overwrite.allow,
                deny: sum.deny | overwrite.deny,
            }),
        );
        overwrites
            .get(&user.0)
            .copied()
            .into_iter()
            .for_each(&mut apply);
        let now_ms = clock::now_ms();
        if member.is_some_and(|member| member.silent_until_ms.is_some_and(|until| until > now_ms)) {
            sum &= TIMED_OUT_PERMISSIONS;
        }
        match () {
            () if sum & VIEW_CHANNEL == 0 => 0,
            () if sum & (SEND_MESSAGES | SEND_IN_THREADS) == 0 => {
                sum & !(MENTION_EVERYONE | ATTACH_FILES | EMBED_LINKS)
            }
            () => sum,
        }
    }
}

impl World {
    /// Returns what somebody may do in a channel; threads take the rules of their channel.
    pub(crate) fn permissions(&self, channel: ChannelId, user: UserId) -> u64 {
        let channel = self.places.channels.get(&channel);
        let guild = channel.and_then(Channel::guild);
        let Some(guild) = guild.and_then(|guild| self.places.guilds.get(&guild)) else {
            return ALL_PERMISSIONS;
        };
        let parent = channel.filter(|channel| channel.thread.is_some());
        let parent = parent.and_then(|thread| thread.options.parent);
        let parent = parent.and_then(|parent| self.places.channels.get(&parent));
        let ruled_by = parent.or(channel);
        ruled_by.map_or(0, |channel| {
            guild.permissions_in(user, &channel.options.overwrites)
        })
    }

    /// Tells whether the bot sees a channel.
    pub(crate) fn is_seen(&self, channel: ChannelId) -> bool {
        self.permissions(channel, self.bot()) & VIEW_CHANNEL != 0
    }
}
