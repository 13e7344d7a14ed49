//! Messages and typing.

use proto::id::{ChannelId, MessageId};
use serde_json::Value;

use super::{Answer, Call, Outcome, Refusal, draft};
use crate::sandbox::world::World;
use crate::sandbox::world::messages::{
    Draft, FLAG_COMPONENTS_V2, KIND_DEFAULT, KIND_REPLY, Message, Text, plain,
};
use crate::sandbox::world::places::Channel;
use crate::sandbox::world::stats::Post;
use crate::sandbox::{clock, shape};

/// Most messages that one call lists, and how many without a word about it.
const PAGE: std::ops::RangeInclusive<u64> = 1..=100;
const PAGE_DEFAULT: u64 = 50;
/// Flags that a bot may set: suppress embeds, suppress notifications, components v2.
const FLAGS: u64 = 1 << 2 | 1 << 12 | FLAG_COMPONENTS_V2;

fn channel(world: &World, id: ChannelId) -> Result<&Channel, Refusal> {
    world
        .places
        .channels
        .get(&id)
        .ok_or(Refusal::UNKNOWN_CHANNEL)
}

/// Finds a message that others than the one it was shown to may see.
fn find(world: &World, place: ChannelId, id: MessageId) -> Result<&Message, Refusal> {
    let message = channel(world, place)?.messages.get(&id);
    message
        .filter(|message| !message.is_ephemeral())
        .ok_or(Refusal::UNKNOWN_MESSAGE)
}

/// Creates a message; a known nonce that is enforced gives the message that it made.
pub(crate) fn create(call: Call<'_>, place: ChannelId) -> Outcome {
    let Call { world, body, .. } = call;
    channel(world, place)?;
    let nonce = draft::nonce(&body)?;
    let reference = reference(world, place, &body)?;
    let replied_to = reference
        .and_then(|id| world.message(place, id))
        .map(|said| said.author);
    let flags = body
        .get("flags")
        .and_then(Value::as_u64)
        .unwrap_or_default()
        & FLAGS;
    let text = draft::text(world, &body, Text::default(), replied_to)?;
    draft::check(&text, flags)?;
    let is_enforced = body
        .get("enforce_nonce")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    let known = nonce
        .as_ref()
        .filter(|_| is_enforced)
        .and_then(|nonce| made_by(world, nonce));
    if let Some(made) = known {
        record(world, made, nonce, reference, true);
        return answer(world, made.0, made.1);
    }
    let kind = if reference.is_some() {
        KIND_REPLY
    } else {
        KIND_DEFAULT
    };
    let said = Draft {
        kind,
        flags,
        text,
        reference,
        nonce: nonce.clone(),
        ..Draft::default()
    };
    let id = world.say(place, world.bot(), said);
    record(world, (place, id), nonce, reference, false);
    answer(world, place, id)
}

fn reference(world: &World, place: ChannelId, body: &Value) -> Result<Option<MessageId>, Refusal> {
    let Some((id, must_exist)) = draft::reference(body) else {
        return Ok(None);
    };
    match find(world, place, id) {
        Ok(_) => Ok(Some(id)),
        Err(_) if !must_exist => Ok(None),
        Err(_) => {
            let code = "REPLIES_UNKNOWN_MESSAGE";
            Err(Refusal::form("message_reference", code, "Unknown message"))
        }
    }
}

fn made_by(world: &World, nonce: &Value) -> Option<(ChannelId, MessageId)> {
    let since_ms = clock::now_ms().saturating_sub(world.settings.nonce_window_ms);
    world.nonces.find(world.bot(), &plain(nonce), since_ms)
}

fn record(
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

fn answer(world: &World, place: ChannelId, id: MessageId) -> Outcome {
    let message = find(world, place, id)?;
    Ok(Answer::Json(shape::message(world, message)))
}

/// Lists messages, newest first: the latest, or those before, after or around one.
pub(crate) fn list(call: Call<'_>, place: ChannelId) -> Outcome {
    let Call { world, query, .. } = call;
    let limit = query.number("limit").unwrap_or(PAGE_DEFAULT);
    if !PAGE.contains(&limit) {
        let message = "int value should be less than or equal to 100.";
        return Err(Refusal::form("limit", "NUMBER_TYPE_MAX", message));
    }
    let limit = usize::try_from(limit).unwrap_or_default();
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
pub(crate) fn get(call: Call<'_>, place: ChannelId, id: MessageId) -> Outcome {
    answer(call.world, place, id)
}

/// Changes one of the bot's messages.
pub(crate) fn edit(call: Call<'_>, place: ChannelId, id: MessageId) -> Outcome {
    let Call { world, body, .. } = call;
    let message = find(world, place, id)?;
    if message.author != world.bot() {
        return Err(Refusal::NOT_ITS_AUTHOR);
    }
    let flags = message.flags;
    let text = draft::text(world, &body, message.text.clone(), None)?;
    draft::check(&text, flags)?;
    world.edit(place, id, text);
    answer(world, place, id)
}

/// Deletes one of the bot's messages, or anybody's in a server.
pub(crate) fn delete(call: Call<'_>, place: ChannelId, id: MessageId) -> Outcome {
    let world = call.world;
    let message = find(world, place, id)?;
    if message.author != world.bot() && message.guild.is_none() {
        return Err(Refusal::MISSING_PERMISSIONS);
    }
    world.delete(place, id);
    Ok(Answer::Empty)
}

/// Shows the bot as typing.
pub(crate) fn type_in(call: Call<'_>, place: ChannelId) -> Outcome {
    channel(call.world, place)?;
    call.world.type_in(place, call.world.bot());
    Ok(Answer::Empty)
}
