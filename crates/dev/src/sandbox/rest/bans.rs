//! Bans of a server; the reason that a header may give is not kept.

use proto::id::{GuildId, UserId};
use serde_json::{Value, json};

use super::members::need_above;
use super::{Answer, Call, Outcome, Refusal, read};
use crate::sandbox::shape;
use crate::sandbox::world::rights::BAN_MEMBERS;

/// Seconds of somebody's messages that a ban may take along: a week.
const FORGOTTEN_SECONDS: u64 = 604_800;

fn show(call: &Call<'_>, user: UserId) -> Value {
    json!({"user": shape::user(call.world, user), "reason": null})
}

/// Returns server and user of the path, if the bot may see bans.
fn target(call: &Call<'_>) -> Result<(GuildId, UserId), Refusal> {
    let guild = call.guild()?;
    call.need_in(guild, BAN_MEMBERS)?;
    Ok((guild, call.user()?))
}

/// Lists bans by user.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    call.need_in(guild, BAN_MEMBERS)?;
    let limit = call.query.limit(1_000, 1_000)?;
    let guild = call.world.places.guilds.get(&guild);
    let bans = &guild.ok_or(Refusal::UNKNOWN_GUILD)?.bans;
    let id = |name: &str| call.query.number(name).map(UserId);
    let mut page: Vec<_> = match (id("before"), id("after")) {
        (Some(before), _) => bans.range(..before).rev().take(limit).collect(),
        (_, Some(after)) => bans.range(UserId(after.0 + 1)..).take(limit).collect(),
        _ => bans.iter().take(limit).collect(),
    };
    page.sort();
    Ok(Answer::Json(
        page.into_iter().map(|&user| show(&call, user)).collect(),
    ))
}

/// Gives a ban.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    let (guild, user) = target(&call)?;
    if call.world.is_banned(guild, user) {
        Ok(Answer::Json(show(&call, user)))
    } else {
        Err(Refusal::UNKNOWN_BAN)
    }
}

/// Takes somebody out of a server for good.
pub(crate) fn add(call: Call<'_>) -> Outcome {
    let (guild, user) = target(&call)?;
    need_above(&call, guild, user, BAN_MEMBERS)?;
    let forgotten = read::number(&call.body, "delete_message_seconds", 0..=FORGOTTEN_SECONDS)?;
    let forgotten_ms = forgotten.unwrap_or_default() * 1_000;
    call.world.ban(guild, user, forgotten_ms);
    Ok(Answer::Empty)
}

/// Lets somebody come back.
pub(crate) fn remove(call: Call<'_>) -> Outcome {
    let (guild, user) = target(&call)?;
    if call.world.unban(guild, user) {
        Ok(Answer::Empty)
    } else {
        Err(Refusal::UNKNOWN_BAN)
    }
}
