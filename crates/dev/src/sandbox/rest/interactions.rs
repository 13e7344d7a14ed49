//! Answers to commands, buttons and forms.

mod follow_ups;

use proto::id::{InteractionId, MessageId};
use serde_json::{Value, json};

pub(crate) use follow_ups::{delete, edit, follow_up, get};

use super::files::Upload;
use super::{Answer, Call, Outcome, Refusal, components, draft, files, read};
use crate::sandbox::Sandbox;
use crate::sandbox::world::World;
use crate::sandbox::world::interactions::{KIND_AUTOCOMPLETE, KIND_COMPONENT, KIND_MODAL};
use crate::sandbox::world::messages::{
    Attachment, Draft, FLAG_COMPONENTS_V2, FLAG_EPHEMERAL, FLAG_LOADING, KIND_COMMAND,
    KIND_DEFAULT, Text,
};
use crate::sandbox::{clock, shape};

/// Flags that an answer may set: suppress embeds and notifications, ephemeral, components v2.
const FLAGS: u64 = 1 << 2 | 1 << 12 | FLAG_EPHEMERAL | FLAG_COMPONENTS_V2;

/// Types of first answers (Discord interactions page, 2026-11).
const MESSAGE: u8 = 4;
const DEFERRED_MESSAGE: u8 = 5;
const DEFERRED_UPDATE: u8 = 6;
const UPDATE: u8 = 7;
const CHOICES: u8 = 8;
const MODAL: u8 = 9;

fn flags(data: &Value) -> u64 {
    data.get("flags")
        .and_then(Value::as_u64)
        .unwrap_or_default()
        & FLAGS
}

/// Takes the first answer. A second one is refused, and one that comes too late.
pub(crate) fn answer(call: Call<'_>) -> Outcome {
    let id = call
        .id::<InteractionId>("interaction")
        .or(Err(Refusal::UNKNOWN_INTERACTION))?;
    let token = call.at.text("token");
    let Call {
        world,
        sandbox,
        query,
        body,
        files,
        ..
    } = call;
    let now_ms = clock::now_ms();
    let answer_ms = world.settings.interaction_answer_ms;
    let interaction = world
        .interactions
        .get(id)
        .filter(|known| known.token == token);
    let interaction = interaction.ok_or(Refusal::UNKNOWN_INTERACTION)?;
    if interaction.answer.is_some() {
        return Err(Refusal::ALREADY_ANSWERED);
    }
    if interaction.is_dead(now_ms, answer_ms) {
        return Err(Refusal::UNKNOWN_INTERACTION);
    }
    let kind = body
        .get("type")
        .and_then(Value::as_u64)
        .and_then(|kind| u8::try_from(kind).ok());
    let kind = kind.ok_or_else(unknown_type)?;
    let null = Value::Null;
    let data = body.get("data").unwrap_or(&null);
    first_answer((&mut *world, sandbox), id, kind, (data, files))?;
    if let Some(interaction) = world.interactions.get_mut(id) {
        interaction.answer = Some(kind);
        interaction.answered_ms = Some(now_ms);
        interaction.is_pending = matches!(kind, DEFERRED_MESSAGE | DEFERRED_UPDATE);
    }
    if !query.flag("with_response") {
        return Ok(Answer::Empty);
    }
    Ok(Answer::Json(callback_response(world, id, kind)))
}

fn unknown_type() -> Refusal {
    Refusal::form(
        "type",
        "BASE_TYPE_CHOICES",
        "Value must be one of {4, 5, 6, 7, 8, 9, 10, 12}.",
    )
}

fn first_answer(
    (world, sandbox): (&mut World, &Sandbox),
    id: InteractionId,
    kind: u8,
    (data, files): (&Value, Vec<Upload>),
) -> Result<(), Refusal> {
    let interaction = world
        .interactions
        .get(id)
        .ok_or(Refusal::UNKNOWN_INTERACTION)?;
    let used = interaction.used.kind;
    let has_source = interaction.used.source.is_some();
    match kind {
        CHOICES if used == KIND_AUTOCOMPLETE => offer(world, id, data),
        _ if used == KIND_AUTOCOMPLETE => Err(unknown_type()),
        MESSAGE => post((&mut *world, sandbox), id, (data, files), flags(data))
            .map(|message| set_original(world, id, message)),
        DEFERRED_MESSAGE => {
            let flags = flags(data) & FLAG_EPHEMERAL | FLAG_LOADING;
            let message = say(world, id, Text::default(), flags, Vec::new());
            set_original(world, id, message);
            Ok(())
        }
        DEFERRED_UPDATE if used == KIND_COMPONENT || has_source => {
            take_source(world, id);
            Ok(())
        }
        UPDATE if used == KIND_COMPONENT || has_source => {
            take_source(world, id);
            let message = original(world, id)?;
            rewrite((&mut *world, sandbox), id, message, (data, files))
        }
        MODAL if used != KIND_MODAL => open(world, id, data),
        _ => Err(unknown_type()),
    }
}

/// Most choices that autocompletion offers.
const MOST_CHOICES: usize = 25;

fn offer(world: &mut World, id: InteractionId, data: &Value) -> Result<(), Refusal> {
    let choices = data.get("choices").and_then(Value::as_array);
    let choices = choices.ok_or_else(|| read::required("choices"))?;
    if choices.len() > MOST_CHOICES {
        return Err(read::length("choices", &(0..=MOST_CHOICES)));
    }
    for choice in choices {
        read::needed(choice, "name", 1..=100)?;
        if choice.get("value").is_none_or(Value::is_null) {
            return Err(read::required("value"));
        }
    }
    if let Some(interaction) = world.interactions.get_mut(id) {
        interaction.choices = Some(choices.clone().into());
    }
    Ok(())
}

fn set_original(world: &mut World, id: InteractionId, message: MessageId) {
    if let Some(interaction) = world.interactions.get_mut(id) {
        interaction.original = Some(message);
    }
}

fn take_source(world: &mut World, id: InteractionId) {
    if let Some(interaction) = world.interactions.get_mut(id) {
        interaction.original = interaction.used.source;
    }
}

fn open(world: &mut World, id: InteractionId, data: &Value) -> Result<(), Refusal> {
    read::needed(data, "title", 1..=45)?;
    read::needed(data, "custom_id", 1..=components::CUSTOM_ID_CHARACTERS)?;
    let mut modal = data.clone();
    let rows = modal.get_mut("components").and_then(Value::as_array_mut);
    let rows = rows.ok_or_else(|| read::required("components"))?;
    if !(1..=5).contains(&rows.len()) {
        return Err(read::length("components", &(1..=5)));
    }
    components::check_form(rows)?;
    components::complete(rows);
    if let Some(interaction) = world.interactions.get_mut(id) {
        interaction.modal = Some(modal);
    }
    Ok(())
}

/// Says a message that answers the interaction.
fn post(
    (world, sandbox): (&mut World, &Sandbox),
    id: InteractionId,
    (data, uploads): (&Value, Vec<Upload>),
    flags: u64,
) -> Result<MessageId, Refusal> {
    let text = draft::text(world, data, Text::default(), None)?;
    draft::check(&text, flags, !uploads.is_empty())?;
    let place = world.interactions.get(id).map(|known| known.used.channel);
    let place = place.ok_or(Refusal::UNKNOWN_WEBHOOK)?;
    let attachments = files::keep(world, sandbox, place, (data, uploads));
    Ok(say(world, id, text, flags, attachments))
}

fn say(
    world: &mut World,
    id: InteractionId,
    text: Text,
    flags: u64,
    attachments: Vec<Attachment>,
) -> MessageId {
    let Some(interaction) = world.interactions.get(id) else {
        return MessageId(0);
    };
    let cause = interaction.cause();
    let is_command = cause.kind == crate::sandbox::world::interactions::KIND_COMMAND;
    let kind = if is_command {
        KIND_COMMAND
    } else {
        KIND_DEFAULT
    };
    let place = interaction.used.channel;
    let said = Draft {
        kind,
        flags,
        text,
        cause: Some(cause),
        attachments,
        ..Draft::default()
    };
    world.say(place, world.bot(), said)
}

fn original(world: &World, id: InteractionId) -> Result<MessageId, Refusal> {
    let interaction = world.interactions.get(id);
    interaction
        .and_then(|known| known.original)
        .ok_or(Refusal::UNKNOWN_MESSAGE)
}

fn rewrite(
    (world, sandbox): (&mut World, &Sandbox),
    id: InteractionId,
    message: MessageId,
    (data, uploads): (&Value, Vec<Upload>),
) -> Result<(), Refusal> {
    let interaction = world.interactions.get(id).ok_or(Refusal::UNKNOWN_WEBHOOK)?;
    let place = interaction.used.channel;
    let said = world
        .message(place, message)
        .ok_or(Refusal::UNKNOWN_MESSAGE)?;
    let text = draft::text(world, data, said.text.clone(), None)?;
    // An edit may turn a message into one of the newer components, never back.
    let new_flags = said.flags & !FLAG_LOADING | flags(data) & FLAG_COMPONENTS_V2;
    let mut attachments = files::kept(data, said.attachments.clone());
    draft::check(
        &text,
        new_flags,
        !attachments.is_empty() || !uploads.is_empty(),
    )?;
    attachments.extend(files::keep(world, sandbox, place, (data, uploads)));
    world.rewrite(place, message, |said| {
        let was_loading = said.flags & FLAG_LOADING != 0;
        said.text = text;
        said.flags = new_flags;
        said.attachments = attachments;
        said.edited_ms = (!was_loading).then(clock::now_ms);
    });
    Ok(())
}

fn callback_response(world: &World, id: InteractionId, kind: u8) -> Value {
    let Some(interaction) = world.interactions.get(id) else {
        return Value::Null;
    };
    let message = interaction
        .original
        .filter(|_| matches!(kind, MESSAGE | DEFERRED_MESSAGE | UPDATE));
    let mut body = json!({"interaction": {"id": id.to_string(), "type": interaction.used.kind}});
    let said = message.and_then(|id| world.message(interaction.used.channel, id));
    if let Some(said) = said {
        let ephemeral = said.is_ephemeral();
        if kind != DEFERRED_MESSAGE {
            let message = shape::message(world, said);
            let resource = json!({"type": kind, "message": message});
            shape::set(&mut body, "resource", resource);
        }
        if let Some(interaction) = body.get_mut("interaction") {
            for (key, value) in [
                ("response_message_id", said.id.to_string().into()),
                (
                    "response_message_loading",
                    (kind == DEFERRED_MESSAGE).into(),
                ),
                ("response_message_ephemeral", ephemeral.into()),
            ] {
                shape::set(interaction, key, value);
            }
        }
    }
    body
}
