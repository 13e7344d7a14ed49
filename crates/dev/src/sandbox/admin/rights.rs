//! What the bot and others may do, and who takes its direct messages.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use proto::id::{GuildId, UserId};
use serde::Deserialize;
use serde_json::json;

use super::place::Place;
use super::{Outcome, Wrong, answer, ids, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::shape;
use crate::sandbox::world::World;
use crate::sandbox::world::rights::Overwrite;
use crate::sandbox::world::sessions::Event;

/// What changes; what is not named stays.
#[derive(Deserialize)]
struct Rights {
    #[serde(flatten)]
    place: Place,
    /// Permissions of the bot's role in the server.
    #[serde(default, deserialize_with = "ids::optional")]
    bot_permissions: Option<u64>,
    /// What the channel gives to the bot's role, or takes from it.
    #[serde(default, deserialize_with = "ids::optional")]
    allow: Option<u64>,
    #[serde(default, deserialize_with = "ids::optional")]
    deny: Option<u64>,
    /// What the channel takes from everybody.
    #[serde(default, deserialize_with = "ids::optional")]
    deny_everybody: Option<u64>,
    /// Milliseconds for which the bot is timed out in the server; 0 ends it.
    timeout_ms: Option<u64>,
    /// Whether the person takes no direct messages.
    refuses_direct: Option<bool>,
}

/// Changes rights and tells the sessions.
pub(super) async fn change(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse(&body).and_then(|rights| sandbox.with(|world| apply(world, &rights))))
}

fn apply(world: &mut World, rights: &Rights) -> Outcome {
    let spot = rights.place.find(world)?;
    if let Some(refuses) = rights.refuses_direct {
        world.people.refuse_direct(spot.user, refuses);
    }
    let Some(guild) = spot.guild else {
        return Ok(json!({}));
    };
    let bot = world.bot();
    if let Some(permissions) = rights.bot_permissions {
        set_role(world, guild, permissions)?;
    }
    if let Some(ms) = rights.timeout_ms {
        let until = crate::sandbox::clock::now_ms() + ms;
        world.change_member(guild, bot, |member| {
            member.silent_until_ms = (ms > 0).then_some(until);
        });
    }
    if let Some(deny) = rights.deny_everybody
        && let Some(channel) = world.places.channels.get_mut(&spot.channel)
    {
        let overwrite = Overwrite {
            deny,
            ..Overwrite::default()
        };
        channel.options.overwrites.insert(guild.0, overwrite);
    }
    if rights.allow.is_some() || rights.deny.is_some() {
        let role = world.places.guilds.get(&guild).map(|guild| guild.bot_role);
        let role = role.ok_or_else(|| Wrong::absent("server"))?;
        let overwrite = Overwrite {
            is_member: false,
            allow: rights.allow.unwrap_or_default(),
            deny: rights.deny.unwrap_or_default(),
        };
        if let Some(channel) = world.places.channels.get_mut(&spot.channel) {
            channel.options.overwrites.insert(role, overwrite);
        }
        world.tell_channel("CHANNEL_UPDATE", spot.channel);
    }
    Ok(json!({"permissions": world.permissions(spot.channel, UserId(bot.0)).to_string()}))
}

fn set_role(world: &mut World, id: GuildId, permissions: u64) -> Result<(), Wrong> {
    let guild = world
        .places
        .guilds
        .get_mut(&id)
        .ok_or_else(|| Wrong::absent("server"))?;
    let role = guild
        .roles
        .get_mut(&guild.bot_role)
        .ok_or_else(|| Wrong::absent("role"))?;
    role.permissions = permissions;
    let body = json!({"guild_id": id.to_string(), "role": shape::role(role)});
    world.dispatch(&Event::of_guild("GUILD_ROLE_UPDATE", id, body));
    Ok(())
}
