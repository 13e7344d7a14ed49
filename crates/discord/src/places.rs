//! Servers, channels and members, as far as permissions need them.

use proto::id::{ChannelId, GuildId, UserId};
use serde::Deserialize;
use twilight_http::routing::Route;
use twilight_model::guild::Permissions;
use twilight_model::id::Id;
use twilight_model::id::marker::{
    ChannelMarker, GenericMarker, GuildMarker, RoleMarker, UserMarker,
};
use twilight_model::util::Timestamp;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guild {
    /// Who may do everything.
    pub owner: UserId,
    /// What its roles allow; the one with the server's own id is everybody's.
    pub roles: Vec<(u64, Permissions)>,
}

/// A channel or thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Discord's number of its type.
    pub kind: u8,
    /// Its server; `None` for direct messages.
    pub guild: Option<GuildId>,
    /// The channel of a thread, or the category of a channel.
    pub parent: Option<ChannelId>,
    /// What it changes for roles and members; a thread has none of its own.
    pub overwrites: Vec<Overwrite>,
}

/// What a channel changes for a role or a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overwrite {
    /// The role or the member.
    pub id: u64,
    /// Whether it is for a member; otherwise for a role.
    pub is_member: bool,
    /// What is allowed there.
    pub allow: Permissions,
    /// What is taken away there.
    pub deny: Permissions,
}

/// A member of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// The roles besides everybody's.
    pub roles: Vec<u64>,
    /// Until when the member may only look, in Unix seconds.
    pub timed_out_until: Option<i64>,
    /// Not a person.
    pub is_bot: bool,
}

/// Types of threads (Discord's channel page, 2026-11).
const THREADS: [u8; 3] = [10, 11, 12];

/// Discord's type of channels whose messages other servers may follow.
const ANNOUNCEMENT: u8 = 5;

impl Channel {
    /// Tells whether it is a thread, whose rules are those of its channel.
    pub fn is_thread(&self) -> bool {
        THREADS.contains(&self.kind)
    }

    /// Tells whether it is a channel of announcements.
    pub const fn is_announcement(&self) -> bool {
        self.kind == ANNOUNCEMENT
    }
}

impl Client {
    /// Reads a server.
    pub async fn guild(&self, guild: GuildId) -> Result<Guild, Error> {
        let route = Route::GetGuild {
            guild_id: guild.0,
            with_counts: false,
        };
        let answer = self.call(&Call::new("get_guild", &route, guild.0)).await?;
        let body: GuildBody = answer.parse("server")?;
        Ok(Guild {
            owner: UserId(body.owner_id.get()),
            roles: body
                .roles
                .into_iter()
                .map(|role| (role.id.get(), role.permissions))
                .collect(),
        })
    }

    /// Reads the name of a server.
    pub async fn guild_name(&self, guild: GuildId) -> Result<String, Error> {
        let route = Route::GetGuild {
            guild_id: guild.0,
            with_counts: false,
        };
        let answer = self.call(&Call::new("get_guild", &route, guild.0)).await?;
        let body: NameBody = answer.parse("server")?;
        Ok(body.name)
    }

    /// Reads a channel or thread.
    pub async fn channel(&self, channel: ChannelId) -> Result<Channel, Error> {
        let route = Route::GetChannel {
            channel_id: channel.0,
        };
        let call = Call::new("get_channel", &route, channel.0);
        let body: ChannelBody = self.call(&call).await?.parse("channel")?;
        let overwrite = |one: OverwriteBody| Overwrite {
            id: one.id.get(),
            is_member: one.kind == MEMBER_OVERWRITE,
            allow: one.allow,
            deny: one.deny,
        };
        Ok(Channel {
            kind: body.kind,
            guild: body.guild_id.map(|id| GuildId(id.get())),
            parent: body.parent_id.map(|id| ChannelId(id.get())),
            overwrites: body
                .permission_overwrites
                .into_iter()
                .map(overwrite)
                .collect(),
        })
    }

    /// Reads a member; `None` when the user is not in the server.
    pub async fn member(&self, guild: GuildId, user: UserId) -> Result<Option<Member>, Error> {
        let route = Route::GetMember {
            guild_id: guild.0,
            user_id: user.0,
        };
        let body: MemberBody = match self.call(&Call::new("get_member", &route, guild.0)).await {
            Ok(answer) => answer.parse("member")?,
            Err(error) if error.is_unknown_member() => return Ok(None),
            Err(error) => return Err(error),
        };
        let until = body.communication_disabled_until;
        Ok(Some(Member {
            roles: body.roles.into_iter().map(Id::get).collect(),
            timed_out_until: until.map(Timestamp::as_secs),
            is_bot: body.user.is_some_and(|user| user.bot),
        }))
    }
}

/// Discord's number for overwrites of members.
const MEMBER_OVERWRITE: u8 = 1;

#[derive(Deserialize)]
struct GuildBody {
    owner_id: Id<UserMarker>,
    #[serde(default)]
    roles: Vec<RoleBody>,
}

#[derive(Deserialize)]
struct NameBody {
    name: String,
}

#[derive(Deserialize)]
struct RoleBody {
    id: Id<RoleMarker>,
    permissions: Permissions,
}

#[derive(Deserialize)]
struct ChannelBody {
    #[serde(rename = "type")]
    kind: u8,
    guild_id: Option<Id<GuildMarker>>,
    parent_id: Option<Id<ChannelMarker>>,
    #[serde(default)]
    permission_overwrites: Vec<OverwriteBody>,
}

#[derive(Deserialize)]
struct OverwriteBody {
    id: Id<GenericMarker>,
    #[serde(rename = "type")]
    kind: u8,
    allow: Permissions,
    deny: Permissions,
}

#[derive(Deserialize)]
struct MemberBody {
    #[serde(default)]
    roles: Vec<Id<RoleMarker>>,
    communication_disabled_until: Option<Timestamp>,
    user: Option<UserBody>,
}

#[derive(Deserialize)]
struct UserBody {
    #[serde(default)]
    bot: bool,
}
