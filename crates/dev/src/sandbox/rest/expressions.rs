//! Emojis and stickers of servers.
#![expect(clippy::unnecessary_wraps, reason = "all routes have the same form")]

use serde_json::json;

use super::{Answer, Call, Outcome, Refusal};
use crate::sandbox::shape;
use crate::sandbox::world::places::Guild;

fn guild<'a>(call: &'a Call<'_>) -> Result<&'a Guild, Refusal> {
    let guild = call.guild()?;
    call.world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)
}

/// Lists a server's emojis.
pub(crate) fn emojis(call: Call<'_>) -> Outcome {
    Ok(Answer::Json(shape::emojis(guild(&call)?).into()))
}

/// Gives an emoji.
pub(crate) fn emoji(call: Call<'_>) -> Outcome {
    let id: u64 = call.id("emoji")?;
    let name = guild(&call)?
        .emojis
        .get(&id)
        .ok_or(Refusal::UNKNOWN_EMOJI)?;
    Ok(Answer::Json(shape::emoji(id, name)))
}

/// Lists the application's own emojis: it has none.
pub(crate) fn of_application(_: Call<'_>) -> Outcome {
    Ok(Answer::Json(json!({"items": []})))
}

/// Lists a server's stickers.
pub(crate) fn stickers(call: Call<'_>) -> Outcome {
    Ok(Answer::Json(shape::stickers(guild(&call)?).into()))
}

/// Gives a sticker of a server.
pub(crate) fn sticker(call: Call<'_>) -> Outcome {
    let id: u64 = call.id("sticker")?;
    let guild = guild(&call)?;
    let name = guild.stickers.get(&id).ok_or(Refusal::UNKNOWN_STICKER)?;
    Ok(Answer::Json(shape::sticker(guild, id, name)))
}

/// Gives a sticker, wherever it is from.
pub(crate) fn any_sticker(call: Call<'_>) -> Outcome {
    let id: u64 = call.id("sticker")?;
    let mut guilds = call.world.places.guilds.values();
    let found = guilds.find_map(|guild| Some((guild, guild.stickers.get(&id)?)));
    let (guild, name) = found.ok_or(Refusal::UNKNOWN_STICKER)?;
    Ok(Answer::Json(shape::sticker(guild, id, name)))
}
