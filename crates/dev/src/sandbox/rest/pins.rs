//! Pinned messages.

use serde_json::json;

use super::messages::{channel, find};
use super::{Answer, Call, Outcome, Refusal};
use crate::sandbox::clock::timestamp;
use crate::sandbox::shape;
use crate::sandbox::world::messages::{Draft, KIND_PINNED, Message};
use crate::sandbox::world::rights::{MANAGE_MESSAGES, PIN_MESSAGES, READ_HISTORY};

/// Most pinned messages of a channel.
const PINS: usize = 250;

fn pinned<'a>(call: &'a Call<'_>) -> Result<Vec<(&'a Message, u64)>, Refusal> {
    let place = call.channel()?;
    call.need(place, READ_HISTORY)?;
    let said = channel(call.world, place)?.messages.values();
    let mut pins: Vec<_> = said
        .filter_map(|said| Some((said, said.pinned_ms?)))
        .collect();
    pins.sort_by_key(|(said, at_ms)| std::cmp::Reverse((*at_ms, said.id)));
    Ok(pins)
}

/// Lists pinned messages with the times of pinning, newest first.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    let limit = call.query.limit(50, 50)?;
    let before = call
        .query
        .get("before")
        .and_then(|time| chrono::DateTime::parse_from_rfc3339(time).ok());
    let before = before.and_then(|time| u64::try_from(time.timestamp_millis()).ok());
    let pins: Vec<_> = pinned(&call)?;
    let pins = pins
        .into_iter()
        .filter(|(_, at_ms)| before.is_none_or(|before| *at_ms < before));
    let mut items: Vec<_> = pins.take(limit + 1).map(|(said, at_ms)| {
        json!({"pinned_at": timestamp(at_ms), "message": shape::message(call.world, said)})
    }).collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    Ok(Answer::Json(json!({"items": items, "has_more": has_more})))
}

/// Lists pinned messages as older clients ask for them.
pub(crate) fn list_plain(call: Call<'_>) -> Outcome {
    let pins = pinned(&call)?;
    let shown = pins
        .into_iter()
        .take(50)
        .map(|(said, _)| shape::message(call.world, said));
    Ok(Answer::Json(shown.collect()))
}

fn need(call: &Call<'_>, place: proto::id::ChannelId) -> Result<(), Refusal> {
    call.need(place, PIN_MESSAGES)
        .or_else(|_| call.need(place, MANAGE_MESSAGES))
}

/// Pins a message.
pub(crate) fn add(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    need(&call, place)?;
    if find(call.world, place, id)?.pinned_ms.is_some() {
        return Ok(Answer::Empty);
    }
    let said = channel(call.world, place)?.messages.values();
    if said.filter(|said| said.pinned_ms.is_some()).count() >= PINS {
        return Err(Refusal::TOO_MANY_PINS);
    }
    call.world.pin(place, id, true);
    let note = Draft {
        kind: KIND_PINNED,
        reference: Some(id),
        ..Draft::default()
    };
    call.world.say(place, call.world.bot(), note);
    Ok(Answer::Empty)
}

/// Takes a pin away.
pub(crate) fn remove(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    need(&call, place)?;
    if find(call.world, place, id)?.pinned_ms.is_some() {
        call.world.pin(place, id, false);
    }
    Ok(Answer::Empty)
}
