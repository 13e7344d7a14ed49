//! What belongs to a server, on the wire: roles, channels, threads, emojis, stickers, webhooks.

use proto::id::{ChannelId, UserId};
use serde_json::{Value, json};

use super::{set, user};
use crate::sandbox::clock::timestamp;
use crate::sandbox::world::World;
use crate::sandbox::world::places::{Channel, ChannelKind, Guild, TYPE_CATEGORY, TYPE_FORUM};
use crate::sandbox::world::rights::Role;
use crate::sandbox::world::threads::{TYPE_PRIVATE_THREAD, Thread};
use crate::sandbox::world::webhooks::Webhook;

/// A role.
pub(crate) fn role(role: &Role) -> Value {
    json!({
        "id": role.id.to_string(), "name": role.name, "permissions": role.permissions.to_string(),
        "position": role.position, "color": role.color, "hoist": role.hoist, "managed": role.managed,
        "colors": {"primary_color": role.color, "secondary_color": null, "tertiary_color": null},
        "mentionable": role.mentionable, "icon": null, "unicode_emoji": null, "flags": 0,
    })
}

/// A server's emojis.
pub(crate) fn emojis(guild: &Guild) -> Vec<Value> {
    guild
        .emojis
        .iter()
        .map(|(&id, name)| emoji(id, name))
        .collect()
}

/// An emoji of a server.
pub(crate) fn emoji(id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "name": name, "roles": [], "require_colons": true, "managed": false,
        "animated": false, "available": true,
    })
}

/// A server's stickers.
pub(crate) fn stickers(guild: &Guild) -> Vec<Value> {
    guild
        .stickers
        .iter()
        .map(|(&id, name)| sticker(guild, id, name))
        .collect()
}

/// A sticker of a server.
pub(crate) fn sticker(guild: &Guild, id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "name": name, "tags": "wave", "type": 2, "format_type": 1,
        "description": null, "available": true, "guild_id": guild.id.to_string(), "asset": "",
    })
}

/// A sticker in a message.
pub(crate) fn sticker_item(id: u64, name: &str) -> Value {
    json!({"id": id.to_string(), "name": name, "format_type": 1})
}

/// A channel or thread.
pub(crate) fn channel(world: &World, id: ChannelId) -> Option<Value> {
    let channel = world.places.channels.get(&id)?;
    let last = channel
        .messages
        .values()
        .rfind(|message| !message.is_ephemeral());
    let last = last.map(|message| message.id.to_string());
    let mut body = match (&channel.kind, &channel.thread) {
        (ChannelKind::Text { guild, name }, Some(thread)) => {
            let mut body = json!({"guild_id": guild.to_string(), "name": name});
            describe_thread(channel, thread, &mut body);
            body
        }
        (ChannelKind::Text { guild, name }, None) => json!({
            "type": channel.options.kind, "guild_id": guild.to_string(), "name": name,
            "topic": channel.options.topic, "nsfw": channel.options.is_nsfw,
            "position": position(world, channel), "parent_id": parent(channel),
            "permission_overwrites": overwrites(channel),
        }),
        (ChannelKind::Direct { user: person }, _) => {
            json!({"type": 1, "recipients": [user(world, *person)]})
        }
    };
    set(&mut body, "id", id.to_string().into());
    set(&mut body, "flags", 0.into());
    if channel.options.kind != TYPE_CATEGORY {
        set(&mut body, "last_message_id", last.into());
        set(
            &mut body,
            "rate_limit_per_user",
            channel.options.slow_seconds.into(),
        );
    }
    if channel.options.kind == TYPE_FORUM {
        set(&mut body, "available_tags", json!([]));
        set(&mut body, "default_reaction_emoji", Value::Null);
        set(&mut body, "default_sort_order", Value::Null);
    }
    Some(body)
}

fn parent(channel: &Channel) -> Option<String> {
    channel.options.parent.map(|parent| parent.to_string())
}

fn overwrites(channel: &Channel) -> Vec<Value> {
    let overwrites = channel.options.overwrites.iter().map(|(id, overwrite)| {
        json!({
            "id": id.to_string(), "type": u8::from(overwrite.is_member),
            "allow": overwrite.allow.to_string(), "deny": overwrite.deny.to_string(),
        })
    });
    overwrites.collect()
}

fn describe_thread(channel: &Channel, thread: &Thread, body: &mut Value) {
    let mut metadata = json!({
        "archived": thread.is_archived, "archive_timestamp": timestamp(thread.changed_ms),
        "auto_archive_duration": thread.archive_after, "locked": thread.is_locked,
        "create_timestamp": timestamp(thread.created_ms),
    });
    if channel.options.kind == TYPE_PRIVATE_THREAD {
        set(&mut metadata, "invitable", thread.is_invitable.into());
    }
    for (key, value) in [
        ("type", channel.options.kind.into()),
        ("parent_id", parent(channel).into()),
        ("owner_id", thread.owner.to_string().into()),
        ("thread_metadata", metadata),
        ("message_count", thread.message_count.into()),
        ("member_count", thread.members.len().min(50).into()),
        ("total_message_sent", thread.message_count.into()),
        (
            "member_ids_preview",
            thread.members.keys().map(ToString::to_string).collect(),
        ),
    ] {
        set(body, key, value);
    }
}

/// Somebody's part in a thread; `null` when they take none.
pub(crate) fn thread_member(world: &World, id: ChannelId, user: UserId) -> Value {
    let thread = world
        .places
        .channels
        .get(&id)
        .and_then(|channel| channel.thread.as_ref());
    let joined = thread.and_then(|thread| thread.members.get(&user));
    joined.map_or(Value::Null, |&joined_ms| {
        json!({
            "id": id.to_string(), "user_id": user.to_string(), "flags": 1,
            "join_timestamp": timestamp(joined_ms), "muted": false, "mute_config": null,
        })
    })
}

fn position(world: &World, channel: &Channel) -> u64 {
    let guild = channel
        .guild()
        .and_then(|guild| world.places.guilds.get(&guild));
    let place = guild.and_then(|guild| guild.channels.iter().position(|&id| id == channel.id));
    let place = place.and_then(|place| u64::try_from(place).ok());
    channel.options.position.or(place).unwrap_or_default()
}

/// A webhook; with its creator for those who hold the bot's token.
pub(crate) fn webhook(world: &World, hook: &Webhook, with_creator: bool) -> Value {
    let mut body = json!({
        "id": hook.id.to_string(), "type": 1, "name": hook.name, "avatar": hook.avatar,
        "channel_id": hook.channel.to_string(), "guild_id": hook.guild.to_string(),
        "token": hook.token, "application_id": null,
    });
    if hook.creator == world.bot() {
        set(
            &mut body,
            "application_id",
            world.application().to_string().into(),
        );
    }
    if with_creator {
        set(&mut body, "user", user(world, hook.creator));
    }
    body
}
