//! Who must not come back to a server.

use proto::id::{GuildId, MessageId, UserId};
use serde_json::json;

use super::World;
use super::sessions::Event;
use crate::sandbox::{clock, shape};

/// Intent bit for bans.
const GUILD_MODERATION: u64 = 1 << 2;

impl World {
    /// Tells whether somebody is banned from a server.
    pub(crate) fn is_banned(&self, guild: GuildId, user: UserId) -> bool {
        let guild = self.places.guilds.get(&guild);
        guild.is_some_and(|guild| guild.bans.contains(&user))
    }

    /// Takes somebody out of a server for good, and what they said there lately.
    pub(crate) fn ban(&mut self, id: GuildId, user: UserId, forgotten_ms: u64) {
        let Some(guild) = self.places.guilds.get_mut(&id) else {
            return;
        };
        if guild.bans.insert(user) {
            self.tell_ban("GUILD_BAN_ADD", id, user);
        }
        self.remove_member(id, user);
        if forgotten_ms > 0 {
            self.forget_words(id, user, clock::now_ms().saturating_sub(forgotten_ms));
        }
    }

    /// Lets somebody come back; `false` when they were not banned.
    pub(crate) fn unban(&mut self, id: GuildId, user: UserId) -> bool {
        let guild = self.places.guilds.get_mut(&id);
        let was_banned = guild.is_some_and(|guild| guild.bans.remove(&user));
        if was_banned {
            self.tell_ban("GUILD_BAN_REMOVE", id, user);
        }
        was_banned
    }

    fn tell_ban(&mut self, name: &'static str, id: GuildId, user: UserId) {
        let body = json!({"guild_id": id.to_string(), "user": shape::user(self, user)});
        self.dispatch(&Event::new(name, Some(id), GUILD_MODERATION, &body));
    }

    fn forget_words(&mut self, id: GuildId, user: UserId, since_ms: u64) {
        let places = self.places.channels.values();
        let places = places.filter(|channel| channel.guild() == Some(id));
        let said: Vec<_> = places
            .map(|channel| {
                let said = channel.messages.values();
                let said = said.filter(|said| said.author == user && said.created_ms >= since_ms);
                let ids: Vec<MessageId> = said.map(|said| said.id).collect();
                (channel.id, ids)
            })
            .collect();
        for (channel, ids) in said {
            self.delete_many(channel, &ids);
        }
    }
}
