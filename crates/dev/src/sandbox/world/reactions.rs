//! Reactions to messages.

use proto::id::{ChannelId, MessageId, UserId};
use serde_json::{Value, json};

use super::World;
use super::sessions::Event;
use crate::sandbox::shape;

/// Intent bits for reactions in servers and in direct conversations.
const GUILD_REACTIONS: u64 = 1 << 10;
const DIRECT_REACTIONS: u64 = 1 << 13;
/// Most kinds of reactions to one message.
const KINDS: usize = 20;

/// An emoji: one of a server, or a character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emoji {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
}

impl Emoji {
    /// Reads `name:id`, or the character itself.
    pub(crate) fn parse(world: &World, text: &str) -> Option<Self> {
        if let Some((_, id)) = text.rsplit_once(':') {
            let id = id.parse().ok()?;
            let name = world
                .places
                .guilds
                .values()
                .find_map(|guild| guild.emojis.get(&id))?;
            return Some(Self {
                id: Some(id),
                name: name.clone(),
            });
        }
        // Characters of emojis lie beyond ASCII, but for keycaps such as 1️⃣.
        let is_emoji = !text.is_ascii() && text.chars().count() <= 16;
        is_emoji.then(|| Self {
            id: None,
            name: text.to_owned(),
        })
    }

    /// Returns its form on the wire.
    pub(crate) fn shape(&self) -> Value {
        json!({"id": self.id.map(|id| id.to_string()), "name": self.name})
    }
}

/// One kind of reaction to a message and who gave it.
#[derive(Clone, Debug)]
pub(crate) struct Reaction {
    pub(crate) emoji: Emoji,
    pub(crate) users: Vec<UserId>,
}

/// Why a reaction is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReaction {
    NoMessage,
    TooMany,
}

impl World {
    /// Adds somebody's reaction; a second time changes nothing.
    pub(crate) fn react(
        &mut self,
        (channel, id): (ChannelId, MessageId),
        user: UserId,
        emoji: &Emoji,
    ) -> Result<(), NoReaction> {
        let place = self
            .places
            .channels
            .get_mut(&channel)
            .ok_or(NoReaction::NoMessage)?;
        let message = place.messages.get_mut(&id).ok_or(NoReaction::NoMessage)?;
        let is_full = message.reactions.len() >= KINDS;
        let known = message
            .reactions
            .iter_mut()
            .find(|known| known.emoji == *emoji);
        match known {
            Some(known) if known.users.contains(&user) => return Ok(()),
            Some(known) => known.users.push(user),
            None if is_full => return Err(NoReaction::TooMany),
            None => {
                let users = vec![user];
                message.reactions.push(Reaction {
                    emoji: emoji.clone(),
                    users,
                });
            }
        }
        let author = message.author;
        let mut body = json!({
            "user_id": user.to_string(), "emoji": emoji.shape(), "burst": false, "type": 0,
            "message_author_id": author.to_string(),
        });
        let guild = place.guild();
        if let Some(member) = guild.and_then(|guild| shape::member(self, guild, user)) {
            shape::set(&mut body, "member", member);
        }
        self.tell_reaction("MESSAGE_REACTION_ADD", (channel, id), body);
        Ok(())
    }

    /// Takes somebody's reaction away; `false` when there is none.
    pub(crate) fn unreact(
        &mut self,
        (channel, id): (ChannelId, MessageId),
        user: UserId,
        emoji: &Emoji,
    ) -> bool {
        let place = self.places.channels.get_mut(&channel);
        let Some(message) = place.and_then(|place| place.messages.get_mut(&id)) else {
            return false;
        };
        let known = message
            .reactions
            .iter_mut()
            .find(|known| known.emoji == *emoji);
        let given = known.and_then(|known| {
            let place = known.users.iter().position(|&giver| giver == user)?;
            Some(known.users.remove(place))
        });
        message.reactions.retain(|known| !known.users.is_empty());
        if given.is_none() {
            return false;
        }
        let body = json!({
            "user_id": user.to_string(), "emoji": emoji.shape(), "burst": false, "type": 0,
        });
        self.tell_reaction("MESSAGE_REACTION_REMOVE", (channel, id), body);
        true
    }

    /// Takes away all reactions to a message, or all of one kind.
    pub(crate) fn clear_reactions(&mut self, at: (ChannelId, MessageId), emoji: Option<&Emoji>) {
        let place = self.places.channels.get_mut(&at.0);
        if let Some(message) = place.and_then(|place| place.messages.get_mut(&at.1)) {
            message
                .reactions
                .retain(|known| emoji.is_some_and(|emoji| known.emoji != *emoji));
        }
        match emoji {
            Some(emoji) => {
                let body = json!({"emoji": emoji.shape()});
                self.tell_reaction("MESSAGE_REACTION_REMOVE_EMOJI", at, body);
            }
            None => self.tell_reaction("MESSAGE_REACTION_REMOVE_ALL", at, json!({})),
        }
    }

    fn tell_reaction(
        &mut self,
        name: &'static str,
        (channel, id): (ChannelId, MessageId),
        mut body: Value,
    ) {
        let guild = self
            .places
            .channels
            .get(&channel)
            .and_then(super::places::Channel::guild);
        shape::set(&mut body, "channel_id", channel.to_string().into());
        shape::set(&mut body, "message_id", id.to_string().into());
        shape::set_guild(&mut body, guild);
        let intent = if guild.is_some() {
            GUILD_REACTIONS
        } else {
            DIRECT_REACTIONS
        };
        self.dispatch_in(channel, &Event::new(name, guild, intent, &body));
    }
}
