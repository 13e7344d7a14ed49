//! What the ids in the data of an interaction stand for.

use proto::id::{ChannelId, MessageId, UserId};
use serde_json::{Map, Value, json};

use crate::sandbox::admin::place::Spot;
use crate::sandbox::shape;
use crate::sandbox::world::World;
use crate::sandbox::world::places::Channel;

/// What is not told of the members among them (Discord interactions page, 2026-11).
const NOT_OF_MEMBERS: [&str; 3] = ["user", "mute", "deaf"];

/// What an option or a select names by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    User,
    Role,
    /// A user or a role.
    Mentionable,
    Channel,
}

impl Thing {
    /// What options of a command with this type name.
    pub(crate) fn of_option(kind: Option<u64>) -> Option<Self> {
        match kind? {
            6 => Some(Self::User),
            7 => Some(Self::Channel),
            8 => Some(Self::Role),
            9 => Some(Self::Mentionable),
            _ => None,
        }
    }

    /// What selects with this type of component name.
    pub(crate) fn of_select(kind: Option<u64>) -> Option<Self> {
        match kind? {
            5 => Some(Self::User),
            6 => Some(Self::Role),
            7 => Some(Self::Mentionable),
            8 => Some(Self::Channel),
            _ => None,
        }
    }
}

/// Collects them, as somebody in a channel sees them.
pub(crate) struct Resolved<'a> {
    world: &'a World,
    spot: Spot,
    told: Map<String, Value>,
}

impl<'a> Resolved<'a> {
    /// Nothing yet.
    pub(crate) fn new(world: &'a World, spot: Spot) -> Self {
        let told = Map::new();
        Self { world, spot, told }
    }

    fn put(&mut self, kind: &str, id: &str, value: Value) {
        let known = self.told.entry(kind).or_insert_with(|| json!({}));
        shape::set(known, id, value);
    }

    /// Adds what an id stands for; `None` when there is no such thing here, or when `definition`, an
    /// option or a select, does not take it.
    pub(crate) fn refer(&mut self, thing: Thing, id: &str, definition: &Value) -> Option<()> {
        let number: u64 = id.parse().ok()?;
        match thing {
            Thing::User => self.user(UserId(number)),
            Thing::Role => self.role(number),
            Thing::Mentionable => self.user(UserId(number)).or_else(|| self.role(number)),
            Thing::Channel => self.channel(ChannelId(number), definition),
        }
    }

    /// Adds somebody, with their membership where they are a member.
    pub(crate) fn user(&mut self, user: UserId) -> Option<()> {
        self.world.people.get(user)?;
        let id = user.to_string();
        self.put("users", &id, shape::user(self.world, user));
        let guild = self.spot.guild;
        let member = guild.and_then(|guild| shape::member(self.world, guild, user));
        if let Some(mut member) = member {
            for key in NOT_OF_MEMBERS {
                shape::unset(&mut member, key);
            }
            self.set_permissions(&mut member, self.spot.channel, user);
            self.put("members", &id, member);
        }
        Some(())
    }

    fn role(&mut self, id: u64) -> Option<()> {
        let guild = self.world.places.guilds.get(&self.spot.guild?)?;
        let role = shape::role(guild.roles.get(&id)?);
        self.put("roles", &id.to_string(), role);
        Some(())
    }

    fn channel(&mut self, id: ChannelId, definition: &Value) -> Option<()> {
        let channel = self.world.places.channels.get(&id).map(Channel::guild);
        let is_here = channel == Some(self.spot.guild) && self.world.may_see(id, self.spot.user);
        let mut body = shape::channel(self.world, id).filter(|_| is_here)?;
        let kinds = definition.get("channel_types").and_then(Value::as_array);
        let is_taken = kinds.is_none_or(|kinds| {
            kinds.is_empty() || kinds.iter().any(|kind| body.get("type") == Some(kind))
        });
        self.set_permissions(&mut body, id, self.spot.user);
        is_taken.then(|| self.put("channels", &id.to_string(), body))
    }

    /// Adds a message of the channel that everybody there sees.
    pub(crate) fn message(&mut self, id: MessageId) -> Option<()> {
        let message = self.world.message(self.spot.channel, id)?;
        let shown = (!message.is_ephemeral()).then(|| shape::message(self.world, message))?;
        self.put("messages", &id.to_string(), shown);
        Some(())
    }

    /// Adds a file that was handed over and returns its id.
    pub(crate) fn file(&mut self, file: &Value) -> Value {
        let id = file["id"].clone();
        self.put("attachments", id.as_str().unwrap_or_default(), file.clone());
        id
    }

    fn set_permissions(&self, body: &mut Value, channel: ChannelId, user: UserId) {
        let held = self.world.permissions(channel, user).to_string();
        shape::set(body, "permissions", held.into());
    }

    /// Tells all of it in the data of an interaction.
    pub(crate) fn add_to(self, data: &mut Value) {
        if !self.told.is_empty() {
            shape::set(data, "resolved", self.told.into());
        }
    }
}
