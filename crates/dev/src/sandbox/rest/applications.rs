//! The bot's own account, its servers, and where the gateway is.
#![expect(clippy::unnecessary_wraps, reason = "all routes have the same form")]

use serde_json::json;

use super::{Answer, Call, Outcome};
use crate::sandbox::{clock, shape};

/// Says where the gateway is, how many shards are advised and how many identifies are left.
pub(crate) fn gateway_bot(call: Call<'_>) -> Outcome {
    let settings = &call.world.settings;
    let (remaining, reset_after_ms) = call.world.starts.left(settings, clock::now_ms());
    Ok(Answer::Json(json!({
        "url": call.sandbox.gateway_url(), "shards": settings.shards,
        "session_start_limit": {
            "total": settings.session_starts, "remaining": remaining,
            "reset_after": reset_after_ms, "max_concurrency": settings.max_concurrency,
        },
    })))
}

/// Says where the gateway is.
pub(crate) fn gateway(call: Call<'_>) -> Outcome {
    Ok(Answer::Json(json!({"url": call.sandbox.gateway_url()})))
}

/// Gives the bot's user.
pub(crate) fn current_user(call: Call<'_>) -> Outcome {
    Ok(Answer::Json(shape::current_user(call.world)))
}

/// Gives the bot's application.
pub(crate) fn current_application(call: Call<'_>) -> Outcome {
    Ok(Answer::Json(shape::application(call.world)))
}

/// Lists the bot's servers.
pub(crate) fn guilds(call: Call<'_>) -> Outcome {
    let bot = call.world.bot();
    let limit = call.query.limit(200, 200)?;
    let after = call.query.number("after").unwrap_or_default();
    let guilds = call
        .world
        .places
        .guilds
        .values()
        .filter(|guild| guild.members.contains_key(&bot) && guild.id.0 > after)
        .take(limit);
    let guilds = guilds.map(|guild| {
        json!({
            "id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null,
            "owner": guild.owner == bot, "permissions": guild.permissions(bot).to_string(),
            "features": [],
        })
    });
    Ok(Answer::Json(guilds.collect()))
}
