//! Messages on the wire.

use proto::id::ChannelId;
use serde_json::{Value, json};

use super::{bare_member, channel, owners, set, set_guild, unset, user};
use crate::sandbox::clock::timestamp;
use crate::sandbox::world::World;
use crate::sandbox::world::messages::{
    Attachment, FLAG_HAS_THREAD, KIND_COMMAND, KIND_REPLY, KIND_THREAD_STARTER, Message,
};
use crate::sandbox::world::webhooks::Persona;

fn attachment(world: &World, file: &Attachment) -> Value {
    let url = world.signed(&file.url);
    let mut body = json!({
        "id": file.id.to_string(), "filename": file.name, "title": file.name, "size": file.size,
        "url": url, "proxy_url": url, "content_type": file.content_type,
        "content_scan_version": 0, "flags": 0,
    });
    if let Some((width, height)) = file.dimensions {
        set(&mut body, "width", width.into());
        set(&mut body, "height", height.into());
    }
    if let Some(description) = &file.description {
        set(&mut body, "description", description.as_str().into());
    }
    body
}

/// A file that somebody gave to a command.
pub(crate) fn upload(world: &World, file: &Attachment) -> Value {
    let mut body = attachment(world, file);
    set(&mut body, "ephemeral", true.into());
    body
}

/// The parts of a message that a forward shows.
pub(crate) fn snapshot(world: &World, message: &Message) -> Value {
    let text = &message.text;
    json!({
        "type": message.kind, "content": text.content, "embeds": text.embeds,
        "mentions": text.mentions.iter().map(|&id| user(world, id)).collect::<Vec<_>>(),
        "mention_roles": text.mention_roles.iter().map(u64::to_string).collect::<Vec<_>>(), "timestamp": timestamp(message.created_ms),
        "edited_timestamp": message.edited_ms.map(timestamp), "flags": message.flags,
        "components": text.components, "sticker_items": message.extras.stickers,
        "attachments": message.attachments.iter().map(|file| attachment(world, file)).collect::<Vec<_>>(),
    })
}

/// A message as REST gives it.
pub(crate) fn message(world: &World, message: &Message) -> Value {
    let mut body = bare_message(world, message);
    let is_answer = matches!(
        message.kind,
        KIND_REPLY | KIND_THREAD_STARTER | KIND_COMMAND
    );
    if let Some(reference) = message.reference.filter(|_| is_answer) {
        let referenced = world.message(message.from.unwrap_or(message.channel), reference);
        let referenced = referenced.map_or(Value::Null, |message| bare_message(world, message));
        set(&mut body, "referenced_message", referenced);
    }
    body
}

fn bare_message(world: &World, message: &Message) -> Value {
    let mut body = snapshot(world, message);
    let author = match &message.persona {
        Some(persona) => webhook_author(persona),
        None => user(world, message.author),
    };
    for (key, value) in [
        ("id", message.id.to_string().into()),
        ("channel_id", message.channel.to_string().into()),
        ("author", author),
        ("pinned", message.pinned_ms.is_some().into()),
        ("mention_everyone", message.text.mention_everyone.into()),
        ("tts", false.into()),
    ] {
        set(&mut body, key, value);
    }
    if message.extras.stickers.is_empty() {
        unset(&mut body, "sticker_items");
    }
    if let Some(nonce) = &message.nonce {
        set(&mut body, "nonce", nonce.clone());
    }
    if let Some(reference) = reference(message) {
        set(&mut body, "message_reference", reference);
    }
    if let Some(persona) = &message.persona {
        set(&mut body, "webhook_id", persona.webhook.to_string().into());
        if persona.is_ours {
            set(
                &mut body,
                "application_id",
                world.application().to_string().into(),
            );
        }
    }
    set_extras(world, message, &mut body);
    set_cause(world, message, &mut body);
    body
}

fn reference(message: &Message) -> Option<Value> {
    if message.reference.is_none() && message.from.is_none() {
        return None;
    }
    let channel = message.from.unwrap_or(message.channel);
    let is_forward = !message.extras.snapshots.is_empty();
    let mut value = json!({"type": u8::from(is_forward), "channel_id": channel.to_string()});
    if let Some(id) = message.reference {
        set(&mut value, "message_id", id.to_string().into());
    }
    set_guild(&mut value, message.guild);
    Some(value)
}

fn webhook_author(persona: &Persona) -> Value {
    json!({
        "id": persona.webhook.to_string(), "username": persona.name, "avatar": persona.avatar,
        "discriminator": "0000", "public_flags": 0, "flags": 0, "bot": true, "global_name": null,
        "clan": null, "primary_guild": null,
    })
}

fn set_extras(world: &World, message: &Message, body: &mut Value) {
    if let Some(poll) = &message.extras.poll {
        set(body, "poll", poll.clone());
    }
    if !message.extras.snapshots.is_empty() {
        set(
            body,
            "message_snapshots",
            message.extras.snapshots.clone().into(),
        );
    }
    let thread = channel(world, ChannelId(message.id.0));
    if let Some(thread) = thread.filter(|_| message.flags & FLAG_HAS_THREAD != 0) {
        set(body, "thread", thread);
    }
    if !message.reactions.is_empty() {
        let reactions = message.reactions.iter().map(|reaction| {
            let count = reaction.users.len();
            json!({
                "emoji": reaction.emoji.shape(), "count": count, "me_burst": false,
                "count_details": {"burst": 0, "normal": count}, "burst_colors": [],
                "burst_me": false, "burst_count": 0, "me": reaction.users.contains(&world.bot()),
            })
        });
        set(body, "reactions", reactions.collect());
    }
}

fn set_cause(world: &World, message: &Message, body: &mut Value) {
    let Some(cause) = &message.cause else { return };
    let application: Value = world.application().to_string().into();
    set(body, "application_id", application.clone());
    set(body, "webhook_id", application);
    let kind = if message.kind == KIND_COMMAND {
        2
    } else {
        cause.kind
    };
    let mut metadata = json!({
        "id": cause.id.to_string(), "type": kind, "user": user(world, cause.user),
        "authorizing_integration_owners": owners(message.guild),
    });
    let name = world
        .interactions
        .get(cause.id)
        .and_then(|used| used.used.data.get("name"));
    if let Some(name) = name.filter(|_| kind == 2) {
        set(&mut metadata, "name", name.clone());
    }
    set(body, "interaction_metadata", metadata);
}

/// A message as the gateway gives it.
pub(crate) fn message_event(world: &World, said: &Message) -> Value {
    let mut body = message(world, said);
    set_guild(&mut body, said.guild);
    if let Some(member) = said
        .guild
        .filter(|_| said.persona.is_none())
        .and_then(|guild| bare_member(world, guild, said.author))
    {
        set(&mut body, "member", member);
    }
    let place = world.places.channels.get(&said.channel);
    let kind = place.map_or(0, |place| place.options.kind);
    let kind = if said.guild.is_some() { kind } else { 1 };
    set(&mut body, "channel_type", kind.into());
    body
}

/// Takes out what needs the message content intent.
pub(crate) fn without_content(mut body: Value) -> Value {
    set(&mut body, "content", "".into());
    for key in ["attachments", "embeds", "components"] {
        set(&mut body, key, json!([]));
    }
    unset(&mut body, "poll");
    if let Some(referenced) = body
        .get_mut("referenced_message")
        .filter(|value| value.is_object())
    {
        *referenced = without_content(referenced.take());
    }
    body
}
