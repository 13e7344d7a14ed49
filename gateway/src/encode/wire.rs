//! The part of Discord's objects that we read, and nothing more.
//!
//! Only ids that nothing works without are required; whatever else is missing or null is absent.
//! Source: Discord's reference pages "Message" and "Receiving and Responding" (2026-11).

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

#[derive(Deserialize)]
pub(super) struct Frame<T> {
    pub(super) d: T,
}

/// Snowflakes have 15 to 20 digits, which is what the database takes: Discord's clock started in
/// 2015, and the first of these was given out within seven hours. `u64` ends at 20 digits.
const SMALLEST_ID: u64 = 100_000_000_000_000;

/// A snowflake, which Discord writes as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) u64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Number)? {
            id @ SMALLEST_ID.. => Ok(Self(id)),
            _ => Err(D::Error::custom("not a snowflake")),
        }
    }
}

/// Permissions, which Discord writes as text, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(pub(super) u64);

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number).map(Self)
    }
}

/// A whole number, as text or as such.
struct Number;

impl Visitor<'_> for Number {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        text.parse()
            .map_err(|_digits| E::custom("not a whole number"))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}

/// Returns the number, 0 where there is no id.
pub(super) fn raw(id: Option<Id>) -> u64 {
    id.map_or(0, |id| id.0)
}

/// Text, whatever its form: Discord's nonces and option values are strings or numbers.
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        }))
    }
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) id: Id,
    pub(super) channel_id: Id,
    pub(super) guild_id: Option<Id>,
    pub(super) timestamp: Option<String>,
    pub(super) edited_timestamp: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<u32>,
    pub(super) flags: Option<u64>,
    pub(super) content: Option<String>,
    pub(super) author: Option<User>,
    pub(super) member: Option<Member>,
    pub(super) webhook_id: Option<Id>,
    pub(super) application_id: Option<Id>,
    pub(super) mentions: Option<Vec<Mention>>,
    pub(super) mention_roles: Option<Vec<Id>>,
    pub(super) mention_everyone: Option<bool>,
    pub(super) attachments: Option<Vec<Attachment>>,
    pub(super) sticker_items: Option<Vec<Sticker>>,
    pub(super) embeds: Option<Vec<Embed>>,
    pub(super) poll: Option<Poll>,
    pub(super) message_reference: Option<Reference>,
    pub(super) referenced_message: Option<Box<Referenced>>,
    pub(super) nonce: Option<Scalar>,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: Id,
    pub(super) username: Option<String>,
    pub(super) global_name: Option<String>,
    pub(super) bot: Option<bool>,
    pub(super) system: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    pub(super) nick: Option<String>,
    pub(super) roles: Option<Vec<Id>>,
    /// Only in interactions.
    pub(super) user: Option<User>,
    /// Only in interactions.
    pub(super) permissions: Option<Bits>,
}

#[derive(Deserialize)]
pub(super) struct Mention {
    pub(super) id: Id,
    pub(super) username: Option<String>,
    pub(super) global_name: Option<String>,
    pub(super) member: Option<MentionedMember>,
}

#[derive(Deserialize)]
pub(super) struct MentionedMember {
    pub(super) nick: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Attachment {
    pub(super) id: Id,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) url: Option<String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) duration_secs: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Sticker {
    pub(super) id: Id,
    pub(super) name: Option<String>,
    pub(super) format_type: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Embed {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) url: Option<String>,
    pub(super) image: Option<EmbedImage>,
}

#[derive(Deserialize)]
pub(super) struct EmbedImage {
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Poll {
    pub(super) question: Option<PollMedia>,
    pub(super) answers: Option<Vec<PollAnswer>>,
}

#[derive(Deserialize)]
pub(super) struct PollAnswer {
    pub(super) poll_media: Option<PollMedia>,
}

#[derive(Deserialize)]
pub(super) struct PollMedia {
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    #[serde(rename = "type")]
    pub(super) kind: Option<u32>,
    pub(super) message_id: Option<Id>,
    pub(super) channel_id: Option<Id>,
    pub(super) guild_id: Option<Id>,
}

#[derive(Deserialize)]
pub(super) struct Referenced {
    pub(super) content: Option<String>,
    pub(super) author: Option<User>,
    pub(super) webhook_id: Option<Id>,
}

#[derive(Deserialize)]
pub(super) struct Deleted {
    pub(super) id: Id,
    pub(super) channel_id: Id,
    pub(super) guild_id: Option<Id>,
}

#[derive(Deserialize)]
pub(super) struct BulkDeleted {
    pub(super) ids: Vec<Id>,
    pub(super) channel_id: Id,
    pub(super) guild_id: Option<Id>,
}

#[derive(Deserialize)]
pub(super) struct Interaction {
    pub(super) id: Id,
    pub(super) application_id: Id,
    pub(super) token: String,
    #[serde(rename = "type")]
    pub(super) kind: u32,
    pub(super) guild_id: Option<Id>,
    pub(super) channel_id: Option<Id>,
    pub(super) channel: Option<Channel>,
    pub(super) member: Option<Member>,
    pub(super) user: Option<User>,
    pub(super) app_permissions: Option<Bits>,
    pub(super) locale: Option<String>,
    pub(super) guild_locale: Option<String>,
    pub(super) data: Option<InteractionData>,
    pub(super) message: Option<InteractionMessage>,
}

#[derive(Deserialize)]
pub(super) struct Channel {
    pub(super) id: Id,
}

#[derive(Deserialize)]
pub(super) struct InteractionMessage {
    pub(super) id: Id,
    pub(super) components: Option<Vec<MessageNode>>,
}

/// A part of a message: a row that holds others, or a control. Only links matter of them.
#[derive(Deserialize)]
pub(super) struct MessageNode {
    #[serde(rename = "type")]
    pub(super) kind: u32,
    pub(super) url: Option<String>,
    pub(super) components: Option<Vec<MessageNode>>,
}

#[derive(Deserialize)]
pub(super) struct InteractionData {
    pub(super) name: Option<String>,
    pub(super) options: Option<Vec<CommandOption>>,
    pub(super) resolved: Option<Resolved>,
    pub(super) target_id: Option<Id>,
    pub(super) custom_id: Option<String>,
    pub(super) values: Option<Vec<String>>,
    pub(super) components: Option<Vec<FormNode>>,
}

/// What the ids among the options stand for.
#[derive(Default, Deserialize)]
pub(super) struct Resolved {
    /// By the id as text.
    pub(super) users: Option<HashMap<String, User>>,
    /// The same.
    pub(super) attachments: Option<HashMap<String, Attachment>>,
}

#[derive(Deserialize)]
pub(super) struct CommandOption {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: u32,
    pub(super) value: Option<Scalar>,
    pub(super) focused: Option<bool>,
    pub(super) options: Option<Vec<CommandOption>>,
}

/// A part of a submitted form: a row or label that holds others, or a field with values.
#[derive(Deserialize)]
pub(super) struct FormNode {
    pub(super) custom_id: Option<String>,
    pub(super) value: Option<Scalar>,
    pub(super) values: Option<Vec<String>>,
    pub(super) component: Option<Box<FormNode>>,
    pub(super) components: Option<Vec<FormNode>>,
}
