//! Discord's JSON to our protobuf, or "no worker needs this". Pure: no clock, no I/O, no panic on
//! any input.
//!
//! A frame is looked at before it is decoded: [`Header::scan`] finds kind and sequence without
//! parsing, and only the kinds of [`Kind`] that workers use are parsed at all.

mod guild;
mod interaction;
mod message;
mod wire;

use proto::event;
use proto::id::UserId;
use serde::de::DeserializeOwned;
use twilight_model::gateway::OpCode;
use twilight_model::gateway::event::GatewayEventDeserializer;

/// What a dispatched frame is about, as far as we tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A new session.
    Ready,
    /// An old session goes on.
    Resumed,
    /// A message was posted.
    MessageCreate,
    /// A message was edited, or Discord added a preview to it.
    MessageUpdate,
    /// A message was deleted.
    MessageDelete,
    /// Several messages were deleted at once.
    MessageDeleteBulk,
    /// A person used a command, component or form.
    Interaction,
    /// The bot is in a server, or comes into one.
    GuildCreate,
    /// The bot is removed from a server, or nobody can reach it.
    GuildDelete,
    /// Nothing that a worker needs.
    Other,
}

impl Kind {
    /// Every kind, for metrics that start at zero.
    pub const ALL: [Self; 10] = [
        Self::Ready,
        Self::Resumed,
        Self::MessageCreate,
        Self::MessageUpdate,
        Self::MessageDelete,
        Self::MessageDeleteBulk,
        Self::Interaction,
        Self::GuildCreate,
        Self::GuildDelete,
        Self::Other,
    ];

    /// Returns the metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Resumed => "resumed",
            Self::MessageCreate => "message_create",
            Self::MessageUpdate => "message_update",
            Self::MessageDelete => "message_delete",
            Self::MessageDeleteBulk => "message_delete_bulk",
            Self::Interaction => "interaction",
            Self::GuildCreate => "guild_create",
            Self::GuildDelete => "guild_delete",
            Self::Other => "other",
        }
    }

    fn of(event_type: &str) -> Self {
        match event_type {
            "READY" => Self::Ready,
            "RESUMED" => Self::Resumed,
            "MESSAGE_CREATE" => Self::MessageCreate,
            "MESSAGE_UPDATE" => Self::MessageUpdate,
            "MESSAGE_DELETE" => Self::MessageDelete,
            "MESSAGE_DELETE_BULK" => Self::MessageDeleteBulk,
            "INTERACTION_CREATE" => Self::Interaction,
            "GUILD_CREATE" => Self::GuildCreate,
            "GUILD_DELETE" => Self::GuildDelete,
            _ => Self::Other,
        }
    }
}

/// What a frame is, found by a scan of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is about.
    pub kind: Kind,
    /// Discord's number of the frame in its session.
    pub sequence: u64,
}

impl Header {
    /// Scans a frame. `None`: it is no dispatch, or no frame at all; neither has a sequence.
    pub fn scan(frame: &str) -> Option<Self> {
        let scanned = GatewayEventDeserializer::from_json(frame)?;
        if OpCode::from(scanned.op()) != Some(OpCode::Dispatch) {
            return None;
        }
        let kind = Kind::of(scanned.event_type()?);
        Some(Self {
            kind,
            sequence: scanned.sequence()?,
        })
    }
}

/// A frame that a worker needs.
pub enum Decoded {
    /// A message was posted.
    Create(event::Message),
    /// A message was edited.
    Update(event::Message),
    /// Messages were deleted.
    Delete(event::MessageDelete),
    /// The bot is in a server.
    GuildHere(event::Guild),
    /// The bot was removed from a server.
    GuildLeft(event::Guild),
    /// A person wants an answer within three seconds.
    Interaction(Box<event::Interaction>),
}

/// Why a frame of a kind that we know goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// A kind that no worker uses.
    Unused,
    /// An update without author or content: it says nothing that a worker keeps.
    Partial,
    /// A server that nobody can reach: the bot neither came nor left.
    Outage,
    /// Not what Discord documents; the frame is lost, the session goes on.
    Malformed,
}

impl Skip {
    /// Every reason, for metrics that start at zero.
    pub const ALL: [Self; 4] = [Self::Unused, Self::Partial, Self::Outage, Self::Malformed];

    /// Returns the metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Partial => "partial",
            Self::Outage => "outage",
            Self::Malformed => "malformed",
        }
    }
}

/// Decodes a frame whose header was scanned. `own` is our bot user, whose posts carry their nonce.
///
/// # Errors
/// The reason why no worker is told.
pub fn decode(kind: Kind, frame: &str, own: UserId) -> Result<Decoded, Skip> {
    match kind {
        Kind::Ready | Kind::Resumed | Kind::Other => Err(Skip::Unused),
        Kind::MessageCreate => {
            let message = message::whole(data(frame)?, own).ok_or(Skip::Malformed)?;
            Ok(Decoded::Create(message))
        }
        Kind::MessageUpdate => {
            let message = message::whole(data(frame)?, own).ok_or(Skip::Partial)?;
            Ok(Decoded::Update(message))
        }
        Kind::MessageDelete => Ok(Decoded::Delete(message::deleted(data(frame)?))),
        Kind::MessageDeleteBulk => message::bulk_deleted(data(frame)?)
            .map(Decoded::Delete)
            .ok_or(Skip::Malformed),
        Kind::GuildCreate => guild::reachable(data(frame)?).map(Decoded::GuildHere),
        Kind::GuildDelete => guild::reachable(data(frame)?).map(Decoded::GuildLeft),
        Kind::Interaction => {
            let encoded = interaction::encode(data(frame)?).ok_or(Skip::Malformed)?;
            Ok(Decoded::Interaction(Box::new(encoded)))
        }
    }
}

/// Reads which servers a shard has from the frame that begins a session.
///
/// # Errors
/// `Malformed`.
pub fn servers(ready: &str) -> Result<event::GuildList, Skip> {
    data(ready).and_then(guild::list)
}

/// Parses the `d` of a frame. What is wrong with a malformed one is not told: the parser's words
/// may quote it.
fn data<T: DeserializeOwned>(frame: &str) -> Result<T, Skip> {
    match serde_json::from_str::<wire::Frame<T>>(frame) {
        Ok(frame) => Ok(frame.d),
        Err(error) => {
            tracing::debug!(category = ?error.classify(), "a frame is malformed");
            Err(Skip::Malformed)
        }
    }
}

/// The events that are asked for; nothing else is decoded or even sent by Discord.
pub const INTENTS: twilight_gateway::Intents = twilight_gateway::Intents::GUILDS
    .union(twilight_gateway::Intents::GUILD_MESSAGES)
    .union(twilight_gateway::Intents::DIRECT_MESSAGES)
    .union(twilight_gateway::Intents::MESSAGE_CONTENT);

#[cfg(test)]
mod tests;
