//! In which servers the bot is, and how it hears that it no longer is.

use proto::id::GuildId;
use serde::Deserialize;
use serde_json::json;

use super::World;
use super::places::Guild;
use super::sessions::Event;
use crate::sandbox::shape;

/// How the bot stands to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attendance {
    /// It is a member.
    Here,
    /// Somebody removed it.
    Removed,
    /// It is a member of a server that nobody can reach.
    Unavailable,
}

impl World {
    /// Tells whether the bot is in a server and hears of it.
    pub(crate) fn attends(&self, guild: GuildId) -> bool {
        self.attendance(guild) == Some(Attendance::Here)
    }

    /// Tells whether a server has an outage.
    pub(crate) fn is_unavailable(&self, guild: GuildId) -> bool {
        self.attendance(guild) == Some(Attendance::Unavailable)
    }

    fn attendance(&self, guild: GuildId) -> Option<Attendance> {
        let guild = self.places.guilds.get(&guild)?;
        Some(match () {
            () if !guild.members.contains_key(&self.bot()) => Attendance::Removed,
            () if guild.is_unavailable => Attendance::Unavailable,
            () => Attendance::Here,
        })
    }

    /// Removes the bot, takes the server off the net or brings both back, and tells the sessions.
    pub(crate) fn attend(&mut self, id: GuildId, wanted: Attendance) {
        if self.attendance(id).is_none_or(|now| now == wanted) {
            return;
        }
        if self.attends(id) {
            self.tell_loss(id, wanted);
        }
        let bot = self.bot();
        self.set_guild(id, |guild| {
            guild.is_unavailable = wanted == Attendance::Unavailable;
        });
        if wanted == Attendance::Removed {
            self.set_guild(id, |guild| drop(guild.members.remove(&bot)));
        } else {
            self.join(id, bot);
        }
        if wanted == Attendance::Here {
            self.tell_guild(id);
        }
    }

    fn set_guild(&mut self, id: GuildId, change: impl FnOnce(&mut Guild)) {
        if let Some(guild) = self.places.guilds.get_mut(&id) {
            change(guild);
        }
    }

    /// `unavailable` is only there when it is true (Discord gateway events page, 2026-11).
    fn tell_loss(&mut self, id: GuildId, wanted: Attendance) {
        let mut body = json!({"id": id.to_string()});
        if wanted == Attendance::Unavailable {
            shape::set(&mut body, "unavailable", true.into());
        }
        self.dispatch(&Event::of_guild("GUILD_DELETE", id, body));
    }

    /// Tells the sessions all about a server, as when the bot comes into it.
    pub(crate) fn tell_guild(&mut self, id: GuildId) {
        if let Some(body) = shape::guild(self, id) {
            self.dispatch(&Event::of_guild("GUILD_CREATE", id, body));
        }
    }
}
