//! Messages and typing.

use proto::id::{ChannelId, MessageId};
use serde_json::Value;

use super::{Answer, Call, Outcome, Refusal, draft, files, polls, read};
use crate::sandbox::world::World;
use crate::sandbox::world::messages::{
    Draft, Extras, FLAG_COMPONENTS_V2, FLAG_FORWARD, KIND_DEFAULT, KIND_REPLY, KIND_THREAD_STARTER,
    Message, Text, plain,
};
use crate::sandbox::world::places::{Channel, ChannelKind, TYPE_CATEGORY, TYPE_FORUM};
use crate::sandbox::world::rights::{
    ATTACH_FILES, EMBED_LINKS, EXTERNAL_STICKERS, MANAGE_MESSAGES, MENTION_EVERYONE, READ_HISTORY,
    SEND_POLLS,
};
use crate::sandbox::world::stats::Post;
use crate::sandbox::{clock, shape};

/// Most messages that one call lists, and how many without a word about it.
const PAGE: u64 = 100;
const PAGE_DEFAULT: u64 = 50;
/// Most stickers of a message.
pub(crate) const STICKERS: usize = 3;
/// Flags that a bot may set: suppress embeds, suppress notifications, components v2.
pub(super) const FLAGS: u64 = 1 << 2 | 1 << 12 | FLAG_COMPONENTS_V2;
const FLAG_SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Bulk deletion takes no older messages.
const BULK_AGE_MS: u64 = 14 * 24 * 3_600_000;

pub(super) fn channel(world: &World, id: ChannelId) -> Result<&Channel, Refusal> {
    world
        .places
        .channels
        .get(&id)
        .ok_or(Refusal::UNKNOWN_CHANNEL)
}

/// Finds a message that others than the one it was shown to may see.
pub(super) fn find(world: &World, place: ChannelId, id: MessageId) -> Result<&Message, Refusal> {
    let message = channel(world, place)?.messages.get(&id);
    message
        .filter(|message| !message.is_ephemeral())
        .ok_or(Refusal::UNKNOWN_MESSAGE)
}

/// Refuses where nobody can write, where the bot must not, and to people who refuse it.
fn check_place(call: &Call<'_>, place: ChannelId) -> Result<(), Refusal> {
    call.need_voice(place)?;
    let channel = channel(call.world, place)?;
    if let ChannelKind::Direct { user } = &channel.kind {
        let user = call.world.people.get(*user);
        return match user {
            Some(user) if user.refuses_direct => Err(Refusal::REFUSES_DIRECT),
            _ => Ok(()),
        };
    }
    if matches!(channel.options.kind, TYPE_CATEGORY | TYPE_FORUM) {
        return Err(Refusal::NO_TEXT_CHANNEL);
    }
    match call.world.silence(place, call.world.bot()) {
        Some(_) => Err(Refusal::LOCKED),
        None => Ok(()),
    }
}

/// What a message refers to.
#[derive(Default)]
struct Reference {
    id: Option<MessageId>,
    from: Option<ChannelId>,
    /// The forwarded message.
    snapshots: Vec<Value>,
}

fn reference(call: &Call<'_>, place: ChannelId) -> Result<Reference, Refusal> {
    let Some(given) = call
        .body
        .get("message_reference")
        .filter(|given| given.is_object())
    else {
        return Ok(Reference::default());
    };
    let id = read::id(given, "message_id").map(MessageId);
    let id = id.ok_or_else(|| read::required("message_id"))?;
    if read::choice(given, "type", &[0, 1])? == Some(1) {
        let from = read::id(given, "channel_id").map(ChannelId);
        let from = from.ok_or_else(|| read::required("channel_id"))?;
        let said = find(call.world, from, id)?;
        call.need(from, READ_HISTORY)?;
        let snapshot = serde_json::json!({"message": shape::snapshot(call.world, said)});
        return Ok(Reference {
            id: Some(id),
            from: Some(from),
            snapshots: vec![snapshot],
        });
    }
    call.need(place, READ_HISTORY)?;
    match find(call.world, place, id) {
        Ok(_) => Ok(Reference {
            id: Some(id),
            ..Reference::default()
        }),
        Err(_) if read::flag(given, "fail_if_not_exists") == Some(false) => {
            Ok(Reference::default())
        }
        Err(_) => {
            let code = "REPLIES_UNKNOWN_MESSAGE";
            Err(Refusal::form("message_reference", code, "Unknown message"))
        }
    }
}

fn stickers(call: &Call<'_>, place: ChannelId) -> Result<Vec<Value>, Refusal> {
    let ids = read::ids(&call.body, "sticker_ids").unwrap_or_default();
    if ids.len() > STICKERS {
        return Err(read::length("sticker_ids", &(0..=STICKERS)));
    }
    let guild = channel(call.world, place)?.guild();
    let items = ids.into_iter().map(|id| {
        let mut guilds = call.world.places.guilds.values();
        let found = guilds.find_map(|guild| Some((guild.id, guild.stickers.get(&id)?)));
        let (home, name) = found.ok_or(Refusal::UNKNOWN_STICKER_SENT)?;
        if guild.is_some() && guild != Some(home) {
            call.need(place, EXTERNAL_STICKERS)
                .or(Err(Refusal::UNKNOWN_STICKER_SENT))?;
        }
        Ok(shape::sticker_item(id, name))
    });
    items.collect()
}

/// Reads a message that is about to be said, from the bot or from a webhook.
pub(super) fn draft(call: &Call<'_>, place: ChannelId) -> Result<Draft, Refusal> {
    let reference = reference(call, place)?;
    let is_forward = !reference.snapshots.is_empty();
    let replied_to = reference.id.filter(|_| !is_forward);
    let replied_to = replied_to.and_then(|id| call.world.message(place, id));
    let replied_to = replied_to.map(|said| said.author);
    let flags = read::id(&call.body, "flags").unwrap_or_default() & FLAGS;
    let text = draft::text(call.world, &call.body, Text::default(), replied_to)?;
    let extras = Extras {
        poll: polls::read(&call.body)?,
        stickers: stickers(call, place)?,
        snapshots: reference.snapshots,
    };
    let has_more = !call.files.is_empty() || extras.poll.is_some() || !extras.stickers.is_empty();
    if !is_forward {
        draft::check(&text, flags, has_more)?;
    }
    let is_reply = reference.id.is_some() && !is_forward;
    Ok(Draft {
        kind: if is_reply { KIND_REPLY } else { KIND_DEFAULT },
        flags: if is_forward {
            flags | FLAG_FORWARD
        } else {
            flags
        },
        text,
        reference: reference.id,
        from: reference.from,
        extras,
        ..Draft::default()
    })
}

/// Creates a message; a known nonce that is enforced gives the message that it made.
pub(crate) fn create(call: Call<'_>) -> Outcome {
    let place = call.channel()?;
    check_place(&call, place)?;
    let nonce = draft::nonce(&call.body)?;
    let mut said = draft(&call, place)?;
    for (is_used, bit) in [
        (!said.text.embeds.is_empty(), EMBED_LINKS),
        (!call.files.is_empty(), ATTACH_FILES),
        (said.extras.poll.is_some(), SEND_POLLS),
    ] {
        if is_used {
            call.need(place, bit)?;
        }
    }
    said.text.mention_everyone &= call.need(place, MENTION_EVERYONE).is_ok();
    let reference = said.reference;
    let Call {
        world,
        sandbox,
        body,
        files,
        ..
    } = call;
    let is_enforced = read::flag(&body, "enforce_nonce").unwrap_or_default();
    let known = nonce
        .as_ref()
        .filter(|_| is_enforced)
        .and_then(|nonce| made_by(world, nonce));
    if let Some(made) = known {
        record(world, made, nonce, reference, true);
        return answer(world, made.0, made.1);
    }
    said.attachments = files::keep(world, sandbox, place, (&body, files));
    said.nonce.clone_from(&nonce);
    let id = world.say(place, world.bot(), said);
    record(world, (place, id), nonce, reference, false);
    answer(world, place, id)
}

fn made_by(world: &World, nonce: &Value) -> Option<(ChannelId, MessageId)> {
    let since_ms = clock::now_ms().saturating_sub(world.settings.nonce_window_ms);
    world.nonces.find(world.bot(), &plain(nonce), since_ms)
}

pub(super) fn record(
    world: &mut World,
    (channel_id, message_id): (ChannelId, MessageId),
    nonce: Option<Value>,
    reference: Option<MessageId>,
    repeated: bool,
) {
    let at_ms = clock::now_ms();
    world.stats.record(Post {
        message_id,
        channel_id,
        nonce,
        reference,
        repeated,
        at_ms,
    });
}

pub(super) fn answer(world: &World, place: ChannelId, id: MessageId) -> Outcome {
    let message = find(world, place, id)?;
    Ok(Answer::Json(shape::message(world, message)))
}

/// Lists messages, newest first: the latest, or those before, after or around one.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    let place = call.channel()?;
    let limit = call.query.limit(PAGE_DEFAULT, PAGE)?;
    // Whoever may not read the history sees nothing of it.
    let limit = if call.need(place, READ_HISTORY).is_ok() {
        limit
    } else {
        0
    };
    let Call { world, query, .. } = call;
    let said = &channel(world, place)?.messages;
    let shown = |(_, message): &(&MessageId, &Message)| !message.is_ephemeral();
    let id = |name: &str| query.number(name).map(MessageId);
    let older = |id, limit| said.range(..id).rev().filter(shown).take(limit);
    let newer = |id, limit| said.range(id..).filter(shown).take(limit);
    let mut page: Vec<_> = match (id("around"), id("before"), id("after")) {
        (Some(middle), ..) => {
            let half = limit / 2;
            newer(middle, limit - half)
                .chain(older(middle, half))
                .collect()
        }
        (_, Some(before), _) => older(before, limit).collect(),
        (.., Some(after)) => newer(MessageId(after.0.saturating_add(1)), limit).collect(),
        _ => older(MessageId(u64::MAX), limit).collect(),
    };
    page.sort_by_key(|(id, _)| std::cmp::Reverse(**id));
    let page = page
        .into_iter()
        .map(|(_, message)| shape::message(world, message))
        .collect();
    Ok(Answer::Json(page))
}

/// Gives one message.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    call.need(place, READ_HISTORY)?;
    answer(call.world, place, id)
}

/// Changes one of the bot's messages, or hides the embeds of somebody else's.
pub(crate) fn edit(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    let message = find(call.world, place, id)?;
    let wanted = read::id(&call.body, "flags");
    if message.author != call.world.bot() {
        let only_flags = call
            .body
            .as_object()
            .is_some_and(|body| body.keys().all(|key| key == "flags"));
        let flags = wanted
            .filter(|_| only_flags)
            .ok_or(Refusal::NOT_ITS_AUTHOR)?;
        call.need(place, MANAGE_MESSAGES)?;
        call.world.rewrite(place, id, |said| {
            said.flags = said.flags & !FLAG_SUPPRESS_EMBEDS | flags & FLAG_SUPPRESS_EMBEDS;
        });
        return answer(call.world, place, id);
    }
    let message = message.clone();
    rewrite(call, &message)
}

/// Changes text, files and flags of a message.
pub(super) fn rewrite(call: Call<'_>, message: &Message) -> Outcome {
    let Call {
        world,
        sandbox,
        body,
        files,
        ..
    } = call;
    let (place, id) = (message.channel, message.id);
    let wanted = read::id(&body, "flags");
    let changeable = FLAG_SUPPRESS_EMBEDS | FLAG_COMPONENTS_V2;
    let flags = wanted.map_or(message.flags, |wanted| {
        message.flags & !FLAG_SUPPRESS_EMBEDS | wanted & changeable
    });
    let text = draft::text(world, &body, message.text.clone(), None)?;
    let mut attachments = files::kept(&body, message.attachments.clone());
    let has_more = !attachments.is_empty() || !files.is_empty() || message.extras.poll.is_some();
    draft::check(&text, flags, has_more)?;
    attachments.extend(files::keep(world, sandbox, place, (&body, files)));
    world.rewrite(place, id, |said| {
        said.text = text;
        said.flags = flags;
        said.attachments = attachments;
        said.edited_ms = Some(clock::now_ms());
    });
    answer(world, place, id)
}

/// Deletes one of the bot's messages, or, where it may, anybody's.
pub(crate) fn delete(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    let message = find(call.world, place, id)?;
    if message.kind == KIND_THREAD_STARTER {
        return Err(Refusal::SYSTEM_MESSAGE);
    }
    if message.author != call.world.bot() {
        if message.guild.is_none() {
            return Err(Refusal::NOT_IN_DIRECT);
        }
        call.need(place, MANAGE_MESSAGES)?;
    }
    call.world.delete(place, id);
    Ok(Answer::Empty)
}

/// Deletes several messages at once; those that are gone already are passed over.
pub(crate) fn delete_many(call: Call<'_>) -> Outcome {
    let place = call.channel()?;
    if channel(call.world, place)?.guild().is_none() {
        return Err(Refusal::NOT_IN_DIRECT);
    }
    call.need(place, MANAGE_MESSAGES | READ_HISTORY)?;
    let ids = read::ids(&call.body, "messages").ok_or_else(|| read::required("messages"))?;
    if !(2..=100).contains(&ids.len()) {
        return Err(Refusal::TOO_FEW_OR_MANY);
    }
    let oldest_ms = clock::now_ms().saturating_sub(BULK_AGE_MS);
    let ids: Vec<_> = ids.into_iter().map(MessageId).collect();
    if ids
        .iter()
        .any(|id| crate::sandbox::snowflake::time_ms(id.0) < oldest_ms)
    {
        return Err(Refusal::TOO_OLD);
    }
    call.world.delete_many(place, &ids);
    Ok(Answer::Empty)
}

/// Shows the bot as typing.
pub(crate) fn type_in(call: Call<'_>) -> Outcome {
    let place = call.channel()?;
    check_place(&call, place)?;
    call.world.type_in(place, call.world.bot());
    Ok(Answer::Empty)
}
