//! Who may do what in a channel: Discord's rules for adding permissions up, and what they are read
//! from.
//!
//! The rules are those of Discord's permissions page (2026-11). twilight has them as well, but for
//! time-outs, and for the chat of voice channels, whose permissions it leaves out.

use std::sync::Arc;
use std::time::Duration;

use discord::{Channel, Client, Guild, Member, Overwrite};
use moka::future::Cache;
use proto::id::{ChannelId, GuildId, UserId};
use twilight_model::guild::Permissions;

use super::gate::{Here, Target};

/// A permission that is taken away counts after this at the latest; a reply that uses several
/// tools asks once.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Entries of each kind; a server with its roles is some kilobytes.
const CAPACITY: u64 = 1_000;

/// What is left to somebody who is timed out.
const TIMED_OUT: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);

/// What lets somebody manage a server.
const MANAGING: Permissions = Permissions::MANAGE_GUILD.union(Permissions::ADMINISTRATOR);

/// Reads what permissions are made of, and remembers it shortly.
#[derive(Debug)]
pub(crate) struct Rights {
    guilds: Cache<GuildId, Arc<Guild>>,
    channels: Cache<ChannelId, Arc<Channel>>,
    members: Cache<(GuildId, UserId), Option<Arc<Member>>>,
}

impl Default for Rights {
    fn default() -> Self {
        Self {
            guilds: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(REMEMBERED)
                .build(),
            channels: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(REMEMBERED)
                .build(),
            members: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(REMEMBERED)
                .build(),
        }
    }
}

/// Whose rights are asked for, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// `None` for direct messages, where both may do everything that there is.
    pub(super) guild: Option<GuildId>,
    pub(super) channel: ChannelId,
    pub(super) caller: UserId,
    pub(super) bot: UserId,
    pub(super) now_unix: i64,
}

impl Rights {
    /// Forgets who has which roles.
    pub(crate) fn forget_members(&self) {
        self.members.invalidate_all();
    }

    /// Finds out what caller and bot may do in a channel. Cancel safe: yes.
    pub(super) async fn here(
        &self,
        discord: &Client,
        question: Question,
    ) -> Result<Here, discord::Error> {
        let Some(guild_id) = question.guild else {
            return Ok(Here {
                caller: Permissions::all(),
                bot: Permissions::all(),
                is_thread: false,
                is_announcement: false,
            });
        };
        let (guild, channel, caller, bot) = tokio::try_join!(
            self.guild(discord, guild_id),
            self.channel(discord, question.channel),
            self.member(discord, guild_id, question.caller),
            self.member(discord, guild_id, question.bot),
        )?;
        // A thread has the rules of its channel.
        let ruled_by = match channel.parent.filter(|_| channel.is_thread()) {
            Some(parent) => self.channel(discord, parent).await?,
            None => Arc::clone(&channel),
        };
        let allowed = |user, member: Option<Arc<Member>>| {
            member.map_or(Permissions::empty(), |member| {
                let asked = Asked {
                    guild_id,
                    guild: &guild,
                    user,
                    member: &member,
                    now_unix: question.now_unix,
                };
                asked.in_channel(&ruled_by.overwrites)
            })
        };
        Ok(Here {
            caller: allowed(question.caller, caller),
            bot: allowed(question.bot, bot),
            is_thread: channel.is_thread(),
            is_announcement: channel.is_announcement(),
        })
    }

    /// Tells whether somebody with these roles may manage a server. Cancel safe: yes.
    pub(crate) async fn manages(
        &self,
        discord: &Client,
        (guild_id, user): (GuildId, UserId),
        roles: &[u64],
    ) -> Result<bool, discord::Error> {
        let guild = self.guild(discord, guild_id).await?;
        let member = Member {
            roles: roles.to_vec(),
            ..Member::default()
        };
        let asked = Asked {
            guild_id,
            guild: &guild,
            user,
            member: &member,
            now_unix: 0,
        };
        Ok(asked.everywhere().intersects(MANAGING))
    }

    /// Returns the channel of a thread, `None` for what is no thread. Cancel safe: yes.
    pub(crate) async fn thread_of(
        &self,
        discord: &Client,
        channel: ChannelId,
    ) -> Result<Option<ChannelId>, discord::Error> {
        let channel = self.channel(discord, channel).await?;
        Ok(channel.parent.filter(|_| channel.is_thread()))
    }

    /// Finds out whom a call is about. Cancel safe: yes.
    pub(super) async fn target(
        &self,
        discord: &Client,
        (guild_id, user): (GuildId, UserId),
        now_unix: i64,
    ) -> Result<Target, discord::Error> {
        let guild = self.guild(discord, guild_id).await?;
        let Some(member) = self.member(discord, guild_id, user).await? else {
            return Ok(Target::default());
        };
        let asked = Asked {
            guild_id,
            guild: &guild,
            user,
            member: &member,
            now_unix,
        };
        Ok(Target {
            is_member: true,
            is_bot: member.is_bot,
            may_manage: asked.everywhere().intersects(MANAGING),
        })
    }

    async fn guild(&self, discord: &Client, id: GuildId) -> Result<Arc<Guild>, discord::Error> {
        if let Some(known) = self.guilds.get(&id).await {
            return Ok(known);
        }
        let read = Arc::new(discord.guild(id).await?);
        self.guilds.insert(id, Arc::clone(&read)).await;
        Ok(read)
    }

    async fn channel(
        &self,
        discord: &Client,
        id: ChannelId,
    ) -> Result<Arc<Channel>, discord::Error> {
        if let Some(known) = self.channels.get(&id).await {
            return Ok(known);
        }
        let read = Arc::new(discord.channel(id).await?);
        self.channels.insert(id, Arc::clone(&read)).await;
        Ok(read)
    }

    async fn member(
        &self,
        discord: &Client,
        guild: GuildId,
        user: UserId,
    ) -> Result<Option<Arc<Member>>, discord::Error> {
        if let Some(known) = self.members.get(&(guild, user)).await {
            return Ok(known);
        }
        let read = discord.member(guild, user).await?.map(Arc::new);
        self.members.insert((guild, user), read.clone()).await;
        Ok(read)
    }
}

/// A member whose permissions are asked for.
struct Asked<'a> {
    guild_id: GuildId,
    guild: &'a Guild,
    user: UserId,
    member: &'a Member,
    now_unix: i64,
}

impl Asked<'_> {
    /// Adds up what the member may do in a channel that changes this.
    fn in_channel(&self, overwrites: &[Overwrite]) -> Permissions {
        let everywhere = self.everywhere();
        if everywhere.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        let of = |id: u64, is_member: bool| {
            let mut all = overwrites.iter();
            all.find(move |one| (one.id, one.is_member) == (id, is_member))
        };
        let sum = |(allow, deny): (Permissions, Permissions), one: &Overwrite| {
            (allow | one.allow, deny | one.deny)
        };
        let nothing = (Permissions::empty(), Permissions::empty());
        let roles = self.member.roles.iter().filter_map(|role| of(*role, false));
        let layers = [
            of(self.guild_id.0, false).into_iter().fold(nothing, sum),
            roles.fold(nothing, sum),
            of(self.user.0, true).into_iter().fold(nothing, sum),
        ];
        let mut allowed = everywhere;
        for (allow, deny) in layers {
            allowed = (allowed - deny) | allow;
        }
        if self
            .member
            .timed_out_until
            .is_some_and(|until| until > self.now_unix)
        {
            allowed &= TIMED_OUT;
        }
        if allowed.contains(Permissions::VIEW_CHANNEL) {
            allowed
        } else {
            Permissions::empty()
        }
    }

    fn everywhere(&self) -> Permissions {
        if self.guild.owner == self.user {
            return Permissions::all();
        }
        let is_held = |id: u64| id == self.guild_id.0 || self.member.roles.contains(&id);
        let held = self.guild.roles.iter().filter(|(id, _)| is_held(*id));
        held.fold(Permissions::empty(), |sum, (_, permissions)| {
            sum | *permissions
        })
    }
}

#[cfg(test)]
mod tests;
