//! Messages that come after the first answer, by the interaction's token.

use proto::id::{InteractionId, MessageId};

use super::super::{Answer, Call, Outcome, Refusal};
use super::{DEFERRED_MESSAGE, flags, original, post, rewrite};
use crate::sandbox::world::World;
use crate::sandbox::{clock, shape};

/// Finds the interaction of a token that can still be used.
fn alive(world: &World, token: &str) -> Result<InteractionId, Refusal> {
    let interaction = world
        .interactions
        .of_token(token)
        .ok_or(Refusal::UNKNOWN_WEBHOOK)?;
    let life_ms = world.settings.interaction_life_ms;
    if clock::now_ms() > interaction.created_ms + life_ms {
        return Err(Refusal::INVALID_TOKEN);
    }
    if interaction.answer.is_none() {
        return Err(Refusal::UNKNOWN_WEBHOOK);
    }
    Ok(interaction.id)
}

/// Says one more message; after a deferral the first one takes the place of "thinking".
pub(crate) fn follow_up(call: Call<'_>) -> Outcome {
    let id = alive(call.world, call.at.text("token"))?;
    let Call {
        world,
        sandbox,
        body,
        files,
        ..
    } = call;
    let interaction = world.interactions.get(id);
    let deferred =
        interaction.filter(|known| known.is_pending && known.answer == Some(DEFERRED_MESSAGE));
    let message = match deferred.and_then(|known| known.original) {
        Some(original) => {
            rewrite((&mut *world, sandbox), id, original, (&body, files))?;
            original
        }
        None => post((&mut *world, sandbox), id, (&body, files), flags(&body))?,
    };
    if let Some(interaction) = world.interactions.get_mut(id) {
        interaction.is_pending = false;
        interaction.follow_ups.push(message);
    }
    show(world, id, message)
}

fn target(world: &World, id: InteractionId, name: &str) -> Result<MessageId, Refusal> {
    if name == "@original" {
        return original(world, id);
    }
    let message = name.parse().or(Err(Refusal::UNKNOWN_MESSAGE))?;
    let interaction = world.interactions.get(id);
    let is_its_own = interaction.is_some_and(|known| {
        known.original == Some(message) || known.follow_ups.contains(&message)
    });
    if is_its_own {
        Ok(message)
    } else {
        Err(Refusal::UNKNOWN_MESSAGE)
    }
}

fn show(world: &World, id: InteractionId, message: MessageId) -> Outcome {
    let place = world.interactions.get(id).map(|known| known.used.channel);
    let said = place.and_then(|place| world.message(place, message));
    let said = said.ok_or(Refusal::UNKNOWN_MESSAGE)?;
    Ok(Answer::Json(shape::message(world, said)))
}

/// Gives one of the answers.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    let id = alive(call.world, call.at.text("token"))?;
    show(
        call.world,
        id,
        target(call.world, id, call.at.text("message"))?,
    )
}

/// Changes one of the answers.
pub(crate) fn edit(call: Call<'_>) -> Outcome {
    let id = alive(call.world, call.at.text("token"))?;
    let message = target(call.world, id, call.at.text("message"))?;
    let Call {
        world,
        sandbox,
        body,
        files,
        ..
    } = call;
    rewrite((&mut *world, sandbox), id, message, (&body, files))?;
    settle(world, id, message);
    show(world, id, message)
}

/// Deletes one of the answers.
pub(crate) fn delete(call: Call<'_>) -> Outcome {
    let id = alive(call.world, call.at.text("token"))?;
    let message = target(call.world, id, call.at.text("message"))?;
    let world = call.world;
    let place = world.interactions.get(id).map(|known| known.used.channel);
    if !place.is_some_and(|place| world.delete(place, message)) {
        return Err(Refusal::UNKNOWN_MESSAGE);
    }
    settle(world, id, message);
    Ok(Answer::Empty)
}

/// The person has the answer that was promised.
fn settle(world: &mut World, id: InteractionId, message: MessageId) {
    let interaction = world.interactions.get_mut(id);
    if let Some(interaction) = interaction.filter(|known| known.original == Some(message)) {
        interaction.is_pending = false;
    }
}
