//! Who speaks and where, as people name it.

use proto::id::{ChannelId, GuildId, UserId};
use serde::Deserialize;

use super::Wrong;
use crate::sandbox::world::World;
use crate::sandbox::world::people::DEFAULT_USER;
use crate::sandbox::world::places::{Channel, DEFAULT_CHANNEL, DEFAULT_SERVER};

/// Longest name of a user, server or channel.
const NAME_CHARACTERS: usize = 100;

/// A person and a place by name; whoever and whatever does not exist yet is made.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    user: Option<String>,
    server: Option<String>,
    channel: Option<String>,
    /// In the direct conversation with the bot instead.
    #[serde(default)]
    dm: bool,
}

/// The same by id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) user: UserId,
    pub(super) channel: ChannelId,
    pub(super) guild: Option<GuildId>,
}

impl Place {
    /// Finds or makes it.
    pub(super) fn find(&self, world: &mut World) -> Result<Spot, Wrong> {
        let user = name(self.user.as_deref(), DEFAULT_USER)?;
        let user = world.user(user);
        let channel = if self.dm {
            world.direct_channel(user)
        } else {
            let server = name(self.server.as_deref(), DEFAULT_SERVER)?;
            let channel = name(self.channel.as_deref(), DEFAULT_CHANNEL)?;
            world.text_channel(server, channel, user)
        };
        let guild = world.places.channels.get(&channel).and_then(Channel::guild);
        Ok(Spot { user, channel, guild })
    }
}

fn name<'a>(given: Option<&'a str>, otherwise: &'a str) -> Result<&'a str, Wrong> {
    let name = given.unwrap_or(otherwise).trim();
    if (1..=NAME_CHARACTERS).contains(&name.chars().count()) {
        return Ok(name);
    }
    Err(Wrong::bad(format!("names have 1 to {NAME_CHARACTERS} characters")))
}
