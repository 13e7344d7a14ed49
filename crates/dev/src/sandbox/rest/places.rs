//! Servers, channels and users.

use proto::id::{ChannelId, GuildId, UserId};
use serde_json::Value;

use super::{Answer, Call, Outcome, Refusal};
use crate::sandbox::shape;

/// Opens the direct conversation with somebody.
pub(crate) fn open_direct(call: Call<'_>) -> Outcome {
    let Call { world, body, .. } = call;
    let user = body
        .get("recipient_id")
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok());
    let user = user.filter(|&user| world.people.get(user).is_some());
    let user = user.ok_or(Refusal::UNKNOWN_USER)?;
    let channel = world.direct_channel(user);
    shape::channel(world, channel)
        .map(Answer::Json)
        .ok_or(Refusal::UNKNOWN_CHANNEL)
}

/// Gives a channel.
pub(crate) fn channel(call: Call<'_>, channel: ChannelId) -> Outcome {
    shape::channel(call.world, channel)
        .map(Answer::Json)
        .ok_or(Refusal::UNKNOWN_CHANNEL)
}

/// Gives a server.
pub(crate) fn guild(call: Call<'_>, guild: GuildId) -> Outcome {
    let guild = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    Ok(Answer::Json(shape::guild_settings(guild)))
}

/// Gives a user.
pub(crate) fn user(call: Call<'_>, user: UserId) -> Outcome {
    call.world.people.get(user).ok_or(Refusal::UNKNOWN_USER)?;
    Ok(Answer::Json(shape::user(call.world, user)))
}
