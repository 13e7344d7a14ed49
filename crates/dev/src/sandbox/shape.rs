//! What Discord's objects look like on the wire, today's API version 10.
//!
//! The keys follow recorded payloads; optional keys that no bot reads are left out.

mod messages;
mod places;

use proto::id::{GuildId, UserId};
use serde_json::{Value, json};

use super::clock::timestamp;
use super::world::World;
use super::world::people::User;
use super::world::places::Guild;
pub(crate) use messages::{message, message_event, snapshot, upload, without_content};
pub(crate) use places::{
    channel, emoji, emojis, role, sticker, sticker_item, stickers, thread_member, webhook,
};

/// Sets a key of an object.
pub(crate) fn set(body: &mut Value, key: &str, value: Value) {
    if let Some(object) = body.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// Takes a key out of an object.
pub(crate) fn unset(body: &mut Value, key: &str) {
    if let Some(object) = body.as_object_mut() {
        object.remove(key);
    }
}

/// Sets `guild_id` where there is a server.
pub(crate) fn set_guild(body: &mut Value, guild: Option<GuildId>) {
    if let Some(guild) = guild {
        set(body, "guild_id", guild.to_string().into());
    }
}

/// A user.
pub(crate) fn user(world: &World, id: UserId) -> Value {
    match world.people.get(id) {
        Some(user) => known_user(user),
        None => json!({
            "id": id.to_string(), "username": "deleted_user", "avatar": null,
            "discriminator": "0", "public_flags": 0, "flags": 0, "global_name": null,
        }),
    }
}

fn known_user(user: &User) -> Value {
    let mut body = json!({
        "id": user.id.to_string(), "username": user.name, "avatar": null, "discriminator": "0",
        "public_flags": 0, "flags": 0, "banner": null, "accent_color": null,
        "global_name": if user.is_bot { Value::Null } else { user.name.clone().into() },
        "avatar_decoration_data": null, "collectibles": null, "display_name_styles": null,
        "banner_color": null, "clan": null, "primary_guild": null,
    });
    if user.is_bot {
        set(&mut body, "bot", true.into());
    }
    body
}

/// The bot itself, as `/users/@me` and READY show it.
pub(crate) fn current_user(world: &World) -> Value {
    let mut body = user(world, world.bot());
    set(&mut body, "verified", true.into());
    set(&mut body, "mfa_enabled", false.into());
    set(&mut body, "email", Value::Null);
    set(&mut body, "locale", "en-US".into());
    body
}

/// The bot's application.
pub(crate) fn application(world: &World) -> Value {
    let owner = world.people.all().find(|user| !user.is_bot).map(known_user);
    json!({
        "id": world.application().to_string(), "name": "Tomori", "icon": null,
        "description": "", "summary": "", "type": null, "bot": user(world, world.bot()),
        "bot_public": false, "bot_require_code_grant": false, "integration_types_config": {"0": {}},
        "verify_key": "0".repeat(64), "flags": application_flags(world), "hook": true,
        "is_monetized": false, "is_verified": false, "owner": owner, "team": null,
        "redirect_uris": [], "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "approximate_guild_count": world.places.guilds.len(), "tags": [],
        "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
        "flags_new": application_flags(world).to_string(), "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
    })
}

/// Which privileged intents the application may use, as flags for applications in few servers.
pub(crate) fn application_flags(world: &World) -> u64 {
    let allowed = world.settings.allowed_intents;
    let flag = |intent: u32, flag: u32| (allowed >> intent & 1) << flag;
    // Presence, members, message content: each "limited".
    flag(8, 13) | flag(1, 15) | flag(15, 19)
}

/// A member with its user, as in servers and interactions.
pub(crate) fn member(world: &World, guild: GuildId, id: UserId) -> Option<Value> {
    let mut body = bare_member(world, guild, id)?;
    set(&mut body, "user", user(world, id));
    Some(body)
}

fn bare_member(world: &World, guild: GuildId, id: UserId) -> Option<Value> {
    let guild = world.places.guilds.get(&guild)?;
    let member = guild.members.get(&id)?;
    Some(json!({
        "roles": member.roles.iter().map(u64::to_string).collect::<Vec<_>>(),
        "premium_since": null, "pending": false, "nick": member.nick, "mute": false, "deaf": false,
        "joined_at": timestamp(member.joined_ms), "flags": 0, "banner": null, "avatar": null,
        "communication_disabled_until": member.silent_until_ms.map(timestamp),
    }))
}

/// A server's own fields, as `GET /guilds/{id}` gives them.
pub(crate) fn guild_settings(guild: &Guild) -> Value {
    let mut body = json!({
        "id": guild.id.to_string(), "name": guild.name, "owner_id": guild.owner.to_string(),
        "region": "rotterdam", "afk_timeout": 300, "system_channel_flags": 0,
        "widget_enabled": false, "verification_level": 0, "default_message_notifications": 1,
        "mfa_level": 0, "explicit_content_filter": 0, "premium_tier": 0,
        "premium_subscription_count": 0, "premium_progress_bar_enabled": false,
        "preferred_locale": "en-US", "nsfw": false, "nsfw_level": 0, "features": [],
        "emojis": emojis(guild), "stickers": stickers(guild), "max_members": 500_000, "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "roles": guild.roles.values().map(role).collect::<Vec<_>>(),
    });
    for absent in [
        "icon",
        "max_presences",
        "splash",
        "banner",
        "description",
        "discovery_splash",
        "home_header",
        "vanity_url_code",
        "afk_channel_id",
        "system_channel_id",
        "widget_channel_id",
        "rules_channel_id",
        "public_updates_channel_id",
        "safety_alerts_channel_id",
        "application_id",
        "incidents_data",
        "hub_type",
        "latest_onboarding_question_id",
    ] {
        set(&mut body, absent, Value::Null);
    }
    body
}

/// A server as the event of its creation gives it.
pub(crate) fn guild(world: &World, id: GuildId) -> Option<Value> {
    let guild = world.places.guilds.get(&id)?;
    let mut body = guild_settings(guild);
    let channels: Vec<_> = guild
        .channels
        .iter()
        .filter_map(|&id| channel(world, id))
        .collect();
    let bot = guild.members.get(&world.bot());
    for (key, value) in [
        (
            "joined_at",
            timestamp(bot.map_or(0, |bot| bot.joined_ms)).into(),
        ),
        ("large", false.into()),
        ("unavailable", false.into()),
        ("member_count", guild.members.len().into()),
        // Without the members intent only the bot itself is listed.
        (
            "members",
            member(world, id, world.bot()).into_iter().collect(),
        ),
        ("channels", channels.into()),
        ("threads", world.open_threads(id).into()),
        ("presences", json!([])),
        ("voice_states", json!([])),
        ("stage_instances", json!([])),
        ("guild_scheduled_events", json!([])),
        ("soundboard_sounds", json!([])),
    ] {
        set(&mut body, key, value);
    }
    Some(body)
}

/// Who installed the application: the server, or in direct conversations nobody.
pub(crate) fn owners(guild: Option<GuildId>) -> Value {
    json!({"0": guild.map_or_else(|| "0".to_owned(), |guild| guild.to_string())})
}
