//! Discord's ids and our event id as types of their own, so that none is taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds between the Unix epoch and Discord's (2015-01-01; Discord reference page, 2026-11).
const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;

macro_rules! snowflake {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl $name {
            /// Returns the number, or `None` for 0, which stands for "absent" in the protobuf.
            pub const fn non_zero(raw: u64) -> Option<Self> {
                if raw == 0 { None } else { Some(Self(raw)) }
            }

            /// Returns when Discord made this id, Unix time in milliseconds.
            pub const fn created_at_ms(self) -> u64 {
                (self.0 >> 22) + DISCORD_EPOCH_MS
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<u64> for $name {
            fn from(raw: u64) -> Self {
                Self(raw)
            }
        }
    )*};
}

snowflake! {
    /// A server.
    GuildId
    /// A channel, thread or direct conversation.
    ChannelId
    /// A person, bot or webhook as the author of a message.
    UserId
    /// A message.
    MessageId
    /// One use of a command, component or form.
    InteractionId
    /// Our own application.
    ApplicationId
}

/// Whose settings, keys and memories apply: a server, or one person's direct messages (DB-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TenantId {
    /// A server.
    Guild(GuildId),
    /// The direct messages of this user.
    Direct(UserId),
}

impl TenantId {
    /// Returns the tenant of a conversation: the guild, else the person who talks.
    pub fn of(guild: Option<GuildId>, user: UserId) -> Self {
        guild.map_or(Self::Direct(user), Self::Guild)
    }

    /// Returns the Discord id by which the tenant is stored (DB-6).
    pub const fn disc_id(self) -> u64 {
        match self {
            Self::Guild(guild) => guild.0,
            Self::Direct(user) => user.0,
        }
    }

    /// Tells whether this is a direct conversation.
    pub const fn is_direct(self) -> bool {
        matches!(self, Self::Direct(_))
    }
}

/// Names one event for ever: its kind and Discord's id, with the edit time where there is one.
///
/// It is the stream's deduplication id and the key of the admission, so a replayed or doubly
/// published event is decided once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId(String);

impl EventId {
    /// Names the creation of a message.
    pub fn message_create(message: MessageId) -> Self {
        Self(format!("mc:{message}"))
    }

    /// Names one edit of a message; `edited_at_ms` is Discord's edit time, 0 where it gave none,
    /// in which case `session_sequence` tells updates apart.
    pub fn message_update(message: MessageId, edited_at_ms: i64, session_sequence: u64) -> Self {
        if edited_at_ms == 0 {
            Self(format!("mu:{message}:s{session_sequence}"))
        } else {
            Self(format!("mu:{message}:{edited_at_ms}"))
        }
    }

    /// Names a deletion by the first id and the number of messages it removed.
    pub fn message_delete(first: MessageId, count: usize) -> Self {
        Self(format!("md:{first}:{count}"))
    }

    /// Names the loss of a session on a shard, once per partition that is told.
    pub fn gap(shard_id: u32, shard_epoch: u64, partition: u16) -> Self {
        Self(format!("gap:{shard_id}:{shard_epoch}:{partition}"))
    }

    /// Names the word that the bot is in a server, by the frame that brought it.
    pub fn guild_here(guild: GuildId, shard_epoch: u64, session_sequence: u64) -> Self {
        Self(format!("gh:{guild}:{shard_epoch}:{session_sequence}"))
    }

    /// Names the list of the servers of a shard, by the frame that brought it.
    pub fn guilds_here(shard_id: u32, shard_epoch: u64, session_sequence: u64) -> Self {
        Self(format!("gs:{shard_id}:{shard_epoch}:{session_sequence}"))
    }

    /// Names the word that the bot left a server, by the frame that brought it.
    pub fn guild_left(guild: GuildId, shard_epoch: u64, session_sequence: u64) -> Self {
        Self(format!("gl:{guild}:{shard_epoch}:{session_sequence}"))
    }

    /// Names an event that says no name of its own by its place in the stream.
    pub fn of_sequence(stream_sequence: u64) -> Self {
        Self(format!("seq:{stream_sequence}"))
    }

    /// Reads an id that somebody else wrote: a word of lower-case letters, then numbers, each of
    /// which one letter may precede, all separated by colons. `None` for anything else, so that no
    /// text passes for an id.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default();
        let is_kind =
            (2..=4).contains(&kind.len()) && is_all(kind, |byte| byte.is_ascii_lowercase());
        let mut numbers = 0;
        let are_numbers = parts.all(|part| {
            numbers += 1;
            let digits = part.strip_prefix(|letter: char| letter.is_ascii_lowercase());
            let digits = digits.unwrap_or(part);
            (1..=20).contains(&digits.len()) && is_all(digits, |byte| byte.is_ascii_digit())
        });
        (is_kind && are_numbers && (1..=4).contains(&numbers)).then(|| Self(text.to_owned()))
    }

    /// Returns the message that a creation or an edit is about.
    pub fn message(&self) -> Option<MessageId> {
        let mut parts = self.0.split(':');
        let kind = parts.next()?;
        let message = parts.next()?.parse().ok()?;
        matches!(kind, "mc" | "mu").then_some(message)
    }

    /// Names the turn that the use of a command asks for.
    pub fn interaction(interaction: InteractionId) -> Self {
        Self(format!("ix:{interaction}"))
    }

    /// Takes an id as it was read from an envelope or a row.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(allowed)
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snowflake_tells_when_it_was_made() {
        // The example of Discord's reference page.
        assert_eq!(
            MessageId(175_928_847_299_117_063).created_at_ms(),
            1_462_015_105_796
        );
    }

    /// CHAT-1.
    #[test]
    fn every_event_id_parses_and_no_text_does() {
        let message = MessageId(u64::MAX);
        for id in [
            EventId::message_create(message),
            EventId::message_update(message, 1_795_000_000_000, 9),
            EventId::message_update(message, 0, 9),
            EventId::message_delete(message, 100),
            EventId::gap(3, 7, 46),
            EventId::guild_here(GuildId(u64::MAX), u64::MAX, u64::MAX),
            EventId::guild_left(GuildId(5), 7, 9),
            EventId::guilds_here(u32::MAX, u64::MAX, u64::MAX),
            EventId::of_sequence(12),
        ] {
            assert_eq!(EventId::parse(id.as_str()), Some(id));
        }
        for text in [
            "",
            "mc",
            "mc:",
            "mc:hello",
            "hello there",
            "mc:1 2",
            "mc:1.>",
            "words:1",
        ] {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn event_about_a_message_tells_which() {
        let message = MessageId(5);
        let edit = EventId::message_update(message, 1, 9);
        assert_eq!(EventId::message_create(message).message(), Some(message));
        assert_eq!(edit.message(), Some(message));
        assert_eq!(EventId::of_sequence(5).message(), None);
    }

    /// CHAT-1.
    #[test]
    fn event_ids_of_different_edits_differ() {
        let message = MessageId(5);
        assert_ne!(
            EventId::message_update(message, 1, 9),
            EventId::message_update(message, 2, 9)
        );
        assert_ne!(
            EventId::message_update(message, 0, 9),
            EventId::message_update(message, 0, 10)
        );
    }
}
