//! Reactions to messages.

use proto::id::UserId;

use super::messages::find;
use super::{Answer, Call, Outcome, Refusal};
use crate::sandbox::shape;
use crate::sandbox::world::reactions::{Emoji, NoReaction};
use crate::sandbox::world::rights::{
    ADD_REACTIONS, EXTERNAL_EMOJIS, MANAGE_MESSAGES, READ_HISTORY,
};

fn emoji(call: &Call<'_>) -> Result<Emoji, Refusal> {
    Emoji::parse(call.world, call.at.text("emoji")).ok_or(Refusal::INVALID_EMOJI)
}

/// Adds the bot's reaction.
pub(crate) fn add(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    let emoji = emoji(&call)?;
    let message = find(call.world, place, id)?;
    call.need(place, READ_HISTORY)?;
    if message.reactions.iter().all(|known| known.emoji != emoji) {
        call.need(place, ADD_REACTIONS)?;
        let home = message
            .guild
            .and_then(|guild| call.world.places.guilds.get(&guild));
        let is_foreign = |id| home.is_some_and(|home| !home.emojis.contains_key(&id));
        if emoji.id.is_some_and(is_foreign) {
            call.need(place, EXTERNAL_EMOJIS)?;
        }
    }
    let bot = call.world.bot();
    match call.world.react((place, id), bot, &emoji) {
        Ok(()) => Ok(Answer::Empty),
        Err(NoReaction::NoMessage) => Err(Refusal::UNKNOWN_MESSAGE),
        Err(NoReaction::TooMany) => Err(Refusal::TOO_MANY_REACTIONS),
    }
}

/// Takes the bot's reaction away.
pub(crate) fn remove_own(call: Call<'_>) -> Outcome {
    let bot = call.world.bot();
    take(call, bot)
}

/// Takes somebody's reaction away.
pub(crate) fn remove(call: Call<'_>) -> Outcome {
    let (place, _) = call.message()?;
    let user = call.user()?;
    if user != call.world.bot() {
        call.need(place, MANAGE_MESSAGES)?;
    }
    take(call, user)
}

fn take(call: Call<'_>, user: UserId) -> Outcome {
    let (place, id) = call.message()?;
    let emoji = emoji(&call)?;
    find(call.world, place, id)?;
    call.world.unreact((place, id), user, &emoji);
    Ok(Answer::Empty)
}

/// Lists who reacted with an emoji.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    call.need(place, READ_HISTORY)?;
    let emoji = emoji(&call)?;
    let limit = call.query.limit(25, 100)?;
    let after = call.query.number("after").unwrap_or_default();
    let message = find(call.world, place, id)?;
    let known = message.reactions.iter().find(|known| known.emoji == emoji);
    let mut users: Vec<_> = known.map(|known| known.users.clone()).unwrap_or_default();
    users.sort();
    let page = users.into_iter().filter(|user| user.0 > after).take(limit);
    Ok(Answer::Json(
        page.map(|user| shape::user(call.world, user)).collect(),
    ))
}

/// Takes all reactions away, or all with one emoji.
pub(crate) fn clear(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    call.need(place, MANAGE_MESSAGES)?;
    find(call.world, place, id)?;
    let emoji = if call.at.text("emoji").is_empty() {
        None
    } else {
        Some(emoji(&call)?)
    };
    call.world.clear_reactions((place, id), emoji.as_ref());
    Ok(Answer::Empty)
}
