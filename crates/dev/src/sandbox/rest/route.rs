//! Which route a request means, which bucket it counts in, and what the route is called.

use http::Method;
use proto::id::{ChannelId, GuildId, InteractionId, MessageId, UserId};

use crate::sandbox::limits::Quota;

/// A route with its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route<'a> {
    CreateMessage(ChannelId),
    ListMessages(ChannelId),
    GetMessage(ChannelId, MessageId),
    EditMessage(ChannelId, MessageId),
    DeleteMessage(ChannelId, MessageId),
    Type(ChannelId),
    /// The first answer to an interaction.
    Answer(InteractionId, &'a str),
    /// Token and, for those of one message, `@original` or its id.
    FollowUp(&'a str),
    GetFollowUp(&'a str, &'a str),
    EditFollowUp(&'a str, &'a str),
    DeleteFollowUp(&'a str, &'a str),
    GatewayBot,
    Gateway,
    CurrentUser,
    CurrentApplication,
    /// Commands of the application, or of it in one guild.
    ListCommands(Option<u64>),
    SetCommands(Option<u64>),
    OpenDirect,
    GetChannel(ChannelId),
    GetGuild(GuildId),
    GetUser(UserId),
}

fn id<T: From<u64>>(segment: &str) -> Option<T> {
    segment.parse::<u64>().ok().map(T::from)
}

impl<'a> Route<'a> {
    /// Finds the route of a request; `None` for what is not there or not built.
    pub(crate) fn find(method: &Method, segments: &[&'a str]) -> Option<Self> {
        match *segments {
            ["channels", channel, ref rest @ ..] => Self::of_channel(method, id(channel)?, rest),
            ["interactions", id_, token, "callback"] if method == Method::POST => {
                Some(Self::Answer(id(id_)?, token))
            }
            ["webhooks", _, token, ref rest @ ..] => Self::of_token(method, token, rest),
            ["applications", _, ref rest @ ..] => Self::of_application(method, rest),
            ["gateway", "bot"] if method == Method::GET => Some(Self::GatewayBot),
            ["gateway"] if method == Method::GET => Some(Self::Gateway),
            ["users", "@me"] if method == Method::GET => Some(Self::CurrentUser),
            ["users", "@me", "channels"] if method == Method::POST => Some(Self::OpenDirect),
            ["users", user] if method == Method::GET => Some(Self::GetUser(id(user)?)),
            ["guilds", guild] if method == Method::GET => Some(Self::GetGuild(id(guild)?)),
            _ => None,
        }
    }

    fn of_channel(method: &Method, channel: ChannelId, rest: &[&'a str]) -> Option<Self> {
        Some(match (method.as_str(), rest) {
            ("GET", []) => Self::GetChannel(channel),
            ("POST", ["typing"]) => Self::Type(channel),
            ("POST", ["messages"]) => Self::CreateMessage(channel),
            ("GET", ["messages"]) => Self::ListMessages(channel),
            ("GET", ["messages", message]) => Self::GetMessage(channel, id(message)?),
            ("PATCH", ["messages", message]) => Self::EditMessage(channel, id(message)?),
            ("DELETE", ["messages", message]) => Self::DeleteMessage(channel, id(message)?),
            _ => return None,
        })
    }

    fn of_token(method: &Method, token: &'a str, rest: &[&'a str]) -> Option<Self> {
        Some(match (method.as_str(), rest) {
            ("POST", []) => Self::FollowUp(token),
            ("GET", ["messages", message]) => Self::GetFollowUp(token, message),
            ("PATCH", ["messages", message]) => Self::EditFollowUp(token, message),
            ("DELETE", ["messages", message]) => Self::DeleteFollowUp(token, message),
            _ => return None,
        })
    }

    fn of_application(method: &Method, rest: &[&'a str]) -> Option<Self> {
        Some(match (method.as_str(), rest) {
            ("GET", []) => Self::CurrentApplication,
            ("GET", ["commands"]) => Self::ListCommands(None),
            ("PUT", ["commands"]) => Self::SetCommands(None),
            ("GET", ["guilds", guild, "commands"]) => Self::ListCommands(id(guild)),
            ("PUT", ["guilds", guild, "commands"]) => Self::SetCommands(id(guild)),
            _ => return None,
        })
    }

    /// Names the route as Discord's documentation does.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::CreateMessage(_) => "POST /channels/{channel}/messages",
            Self::ListMessages(_) => "GET /channels/{channel}/messages",
            Self::GetMessage(..) => "GET /channels/{channel}/messages/{message}",
            Self::EditMessage(..) => "PATCH /channels/{channel}/messages/{message}",
            Self::DeleteMessage(..) => "DELETE /channels/{channel}/messages/{message}",
            Self::Type(_) => "POST /channels/{channel}/typing",
            Self::Answer(..) => "POST /interactions/{interaction}/{token}/callback",
            Self::FollowUp(..) => "POST /webhooks/{application}/{token}",
            Self::GetFollowUp(..) => "GET /webhooks/{application}/{token}/messages/{message}",
            Self::EditFollowUp(..) => "PATCH /webhooks/{application}/{token}/messages/{message}",
            Self::DeleteFollowUp(..) => "DELETE /webhooks/{application}/{token}/messages/{message}",
            Self::GatewayBot => "GET /gateway/bot",
            Self::Gateway => "GET /gateway",
            Self::CurrentUser => "GET /users/@me",
            Self::CurrentApplication => "GET /applications/@me",
            Self::ListCommands(None) => "GET /applications/{application}/commands",
            Self::SetCommands(None) => "PUT /applications/{application}/commands",
            Self::ListCommands(_) => "GET /applications/{application}/guilds/{guild}/commands",
            Self::SetCommands(_) => "PUT /applications/{application}/guilds/{guild}/commands",
            Self::OpenDirect => "POST /users/@me/channels",
            Self::GetChannel(_) => "GET /channels/{channel}",
            Self::GetGuild(_) => "GET /guilds/{guild}",
            Self::GetUser(_) => "GET /users/{user}",
        }
    }

    /// Tells whether the bot's token is asked for; token addresses carry their own.
    pub(crate) fn needs_token(&self) -> bool {
        !matches!(
            self,
            Self::Gateway
                | Self::Answer(..)
                | Self::FollowUp(..)
                | Self::GetFollowUp(..)
                | Self::EditFollowUp(..)
                | Self::DeleteFollowUp(..)
        )
    }

    /// Returns the parameter that has its own bucket.
    pub(crate) fn major(&self) -> u64 {
        match *self {
            Self::CreateMessage(channel)
            | Self::ListMessages(channel)
            | Self::GetMessage(channel, _)
            | Self::EditMessage(channel, _)
            | Self::DeleteMessage(channel, _)
            | Self::Type(channel)
            | Self::GetChannel(channel) => channel.0,
            Self::Answer(interaction, _) => interaction.0,
            Self::FollowUp(token)
            | Self::GetFollowUp(token, _)
            | Self::EditFollowUp(token, _)
            | Self::DeleteFollowUp(token, _) => xxhash_rust::xxh3::xxh3_64(token.as_bytes()),
            Self::ListCommands(guild) | Self::SetCommands(guild) => guild.unwrap_or_default(),
            Self::GetGuild(guild) => guild.0,
            Self::GatewayBot
            | Self::Gateway
            | Self::CurrentUser
            | Self::CurrentApplication
            | Self::OpenDirect
            | Self::GetUser(_) => 0,
        }
    }

    /// Returns how often it may be called. The figures were seen in answers of Discord; it promises none.
    pub(crate) fn quota(&self) -> Quota {
        let (hash, limit, window_ms) = match self {
            // Creating and editing share a hash and are counted apart.
            Self::CreateMessage(_) => ("80c17d2f203122d936070c88c8d10f33", 5, 5_000),
            Self::EditMessage(..) => ("80c17d2f203122d936070c88c8d10f33", 5, 5_000),
            Self::DeleteMessage(..) => ("b4b7f2a4e3a14a2e9f5a5b7a4b0a6c11", 5, 1_000),
            Self::ListMessages(_) | Self::GetMessage(..) => {
                ("4c1ffb1b4e5c0d5a5c8cf1c3ad2e2bb2", 10, 1_000)
            }
            Self::Type(_) => ("0e5ba5a3b8d64bb29fba6ea7e2ef3a11", 5, 5_000),
            Self::Answer(..)
            | Self::FollowUp(..)
            | Self::GetFollowUp(..)
            | Self::EditFollowUp(..)
            | Self::DeleteFollowUp(..) => ("ce0b1d2b38e3c0a5e3b8a6a4e0f0a0d9", 5, 2_000),
            Self::GatewayBot => ("41f9cd5d28af77da04563bcb1d67fdfd", 2, 5_000),
            Self::SetCommands(_) => ("8c4d1e0f1d2b4f6a9a2f3b5d7e9f1a3c", 5, 20_000),
            _ => ("d4f2b6a8c0e21d3f5a7b9c1e3f5a7b9c", 30, 30_000),
        };
        Quota {
            hash,
            limit,
            window_ms,
        }
    }
}
