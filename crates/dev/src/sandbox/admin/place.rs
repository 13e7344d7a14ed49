//! Who speaks and where, as people name it.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use proto::id::{ChannelId, GuildId, UserId};
use serde::Deserialize;
use serde_json::json;

use super::{Outcome, Wrong, answer, ids, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::world::World;
use crate::sandbox::world::people::DEFAULT_USER;
use crate::sandbox::world::places::{Channel, DEFAULT_CHANNEL, DEFAULT_SERVER};

/// Longest name of a user, server or channel.
const NAME_CHARACTERS: usize = 100;

/// A person and a place by name; whoever and whatever does not exist yet is made.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    user: Option<String>,
    server: Option<String>,
    channel: Option<String>,
    /// A channel that exists, instead of names.
    #[serde(default, deserialize_with = "ids::optional")]
    channel_id: Option<ChannelId>,
    /// In the direct conversation with the bot instead.
    #[serde(default)]
    dm: bool,
}

/// The same by id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) user: UserId,
    pub(crate) channel: ChannelId,
    pub(crate) guild: Option<GuildId>,
}

impl Place {
    /// Finds or makes it.
    pub(crate) fn find(&self, world: &mut World) -> Result<Spot, Wrong> {
        let user = name(self.user.as_deref(), DEFAULT_USER)?;
        let user = world.user(user);
        let channel = if let Some(channel) = self.channel_id {
            // Who does not see a channel cannot be in it.
            let seen = Some(channel).filter(|&channel| world.may_see(channel, user));
            seen.ok_or_else(|| Wrong::absent("channel"))?
        } else if self.dm {
            world.direct_channel(user)
        } else {
            let server = name(self.server.as_deref(), DEFAULT_SERVER)?;
            let channel = name(self.channel.as_deref(), DEFAULT_CHANNEL)?;
            match world.thread_named(server, channel) {
                Some(thread) => thread,
                None => world.text_channel(server, channel, user),
            }
        };
        let guild = world.places.channels.get(&channel).and_then(Channel::guild);
        if guild.is_some_and(|guild| world.is_banned(guild, user)) {
            let reason = "they are banned from this server".to_owned();
            return Err(Wrong(StatusCode::FORBIDDEN, reason));
        }
        if guild.is_some_and(|guild| world.is_unavailable(guild)) {
            let reason = "this server has an outage".to_owned();
            return Err(Wrong(StatusCode::SERVICE_UNAVAILABLE, reason));
        }
        Ok(Spot {
            user,
            channel,
            guild,
        })
    }
}

/// Returns a name, unless it is empty or too long.
pub(crate) fn name<'a>(given: Option<&'a str>, otherwise: &'a str) -> Result<&'a str, Wrong> {
    let name = given.unwrap_or(otherwise).trim();
    if (1..=NAME_CHARACTERS).contains(&name.chars().count()) {
        return Ok(name);
    }
    Err(Wrong::bad(format!(
        "names have 1 to {NAME_CHARACTERS} characters"
    )))
}

/// Says which ids a person and a place have, whose settings apply there, and who may change them.
pub(super) async fn resolve(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Place>(&body).and_then(|place| sandbox.with(|world| describe(world, &place))))
}

fn describe(world: &mut World, place: &Place) -> Outcome {
    let spot = place.find(world)?;
    let guild = spot.guild.and_then(|guild| world.places.guilds.get(&guild));
    let tenant = guild.map_or(spot.user.0, |guild| guild.id.0);
    let owner = guild.map_or(spot.user, |guild| guild.owner);
    let owner = world.people.get(owner).map(|owner| owner.name.clone());
    Ok(json!({
        "channel_id": spot.channel.to_string(), "user_id": spot.user.to_string(),
        "guild_id": spot.guild.map(|guild| guild.to_string()), "owner": owner,
        "tenant_id": tenant.to_string(), "set_up": world.set_up.contains(&tenant),
    }))
}

#[derive(Deserialize)]
struct Mark {
    tenant_id: String,
}

/// Remembers that the bot was set up for a server or a person.
pub(super) async fn mark(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Mark>(&body).and_then(|mark| {
        let tenant = mark.tenant_id.parse();
        let tenant: u64 = tenant.or(Err(Wrong::bad("the tenant is no id")))?;
        sandbox.with(|world| world.set_up.insert(tenant));
        Ok(json!({}))
    }))
}
