//! People use commands, components and forms, and see what the bot answers.

mod fields;

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use proto::id::{InteractionId, MessageId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::place::{Place, Spot};
use super::saying::{File, keep};
use super::{Outcome, Wait, Wrong, answer, ids, parse};
use crate::sandbox::commands::Uploads;
use crate::sandbox::commands::invoke::Invocation;
use crate::sandbox::commands::resolved::Resolved;
use crate::sandbox::world::World;
use crate::sandbox::world::interactions::{
    Interaction, KIND_AUTOCOMPLETE, KIND_COMMAND, KIND_COMPONENT, KIND_MODAL, Use,
};
use crate::sandbox::{Sandbox, clock, commands, shape};

/// Type of buttons, which have no values (Discord components page, 2026-11).
const BUTTON: u64 = 2;

/// What a person does: exactly one of a command, a component and a form.
#[derive(Deserialize)]
struct Doing {
    #[serde(flatten)]
    place: Place,
    /// `/name sub option:value`
    command: Option<String>,
    /// The same with each option apart, or the question for choices of one option.
    invoke: Option<Invocation>,
    component: Option<Component>,
    form: Option<Form>,
    /// Files of a command or form, by the option or field that takes them.
    #[serde(default)]
    files: HashMap<String, File>,
}

/// A component of a message; selects have values.
#[derive(Deserialize)]
struct Component {
    #[serde(deserialize_with = "ids::one")]
    message_id: MessageId,
    custom_id: String,
    #[serde(default)]
    values: Vec<String>,
}

/// A form that an interaction opened, with its fields by `custom_id`.
#[derive(Deserialize)]
struct Form {
    #[serde(deserialize_with = "ids::one")]
    interaction_id: InteractionId,
    fields: Map<String, Value>,
}

/// Starts an interaction.
pub(super) async fn start(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse(&body).and_then(|doing| sandbox.with(|world| begin(world, &sandbox, doing))))
}

fn begin(world: &mut World, sandbox: &Sandbox, mut doing: Doing) -> Outcome {
    let spot = doing.place.find(world)?;
    let uploads = uploads(world, sandbox, spot, std::mem::take(&mut doing.files))?;
    let used = match (&doing.command, &doing.invoke, &doing.component, &doing.form) {
        (Some(typed), None, None, None) => {
            let invocation = commands::typed::parse(world, typed, spot).map_err(Wrong::bad)?;
            invoke(world, spot, &invocation, &uploads)?
        }
        (None, Some(invocation), None, None) => invoke(world, spot, invocation, &uploads)?,
        (None, None, Some(component), None) => press(world, spot, component)?,
        (None, None, None, Some(form)) => send(world, spot, form, &uploads)?,
        _ => {
            let what = "one of command, invoke, component and form is needed";
            return Err(Wrong::bad(what));
        }
    };
    let id = world.interact(used);
    Ok(json!({
        "id": id.to_string(), "channel_id": spot.channel.to_string(),
        "guild_id": spot.guild.map(|guild| guild.to_string()), "user_id": spot.user.to_string(),
    }))
}

fn uploads(
    world: &mut World,
    sandbox: &Sandbox,
    spot: Spot,
    files: HashMap<String, File>,
) -> Result<Uploads, Wrong> {
    let kept = files.into_iter().map(|(option, file)| {
        let kept = keep(world, sandbox, spot.channel, file)?;
        Ok((option, shape::upload(world, &kept)))
    });
    kept.collect()
}

fn invoke(
    world: &World,
    spot: Spot,
    invocation: &Invocation,
    uploads: &Uploads,
) -> Result<Use, Wrong> {
    let (user, channel) = (spot.user, spot.channel);
    let data = commands::invoke::data(world, invocation, spot, uploads);
    let data = data.map_err(Wrong::bad)?;
    let is_question = invocation.focused.is_some();
    let kind = if is_question {
        KIND_AUTOCOMPLETE
    } else {
        KIND_COMMAND
    };
    Ok(Use {
        kind,
        user,
        channel,
        data,
        source: None,
    })
}

/// Finds the component with this `custom_id`, however deep.
fn find<'a>(components: &'a [Value], custom_id: &str) -> Option<&'a Value> {
    components.iter().find_map(|component| {
        if component["custom_id"] == custom_id {
            return Some(component);
        }
        let inner = component.get("components").and_then(Value::as_array);
        let single = ["component", "accessory"]
            .iter()
            .filter_map(|key| component.get(*key));
        inner.and_then(|inner| find(inner, custom_id)).or_else(|| {
            single
                .into_iter()
                .find_map(|one| find(std::slice::from_ref(one), custom_id))
        })
    })
}

fn press(world: &World, spot: Spot, pressed: &Component) -> Result<Use, Wrong> {
    let message = world.message(spot.channel, pressed.message_id);
    let message = message.ok_or_else(|| Wrong::absent("message"))?;
    let caused_by = message.cause.as_ref().map(|cause| cause.user);
    if message.is_ephemeral() && caused_by != Some(spot.user) {
        return Err(Wrong::absent("message"));
    }
    let component = find(&message.text.components, &pressed.custom_id);
    let component = component.ok_or_else(|| Wrong::absent("component"))?;
    if component["disabled"] == true {
        return Err(Wrong::bad("the component is disabled"));
    }
    let mut data = json!({
        "component_type": component["type"], "custom_id": pressed.custom_id,
        "id": component.get("id").cloned().unwrap_or(json!(1)),
    });
    if component["type"] != BUTTON {
        let mut resolved = Resolved::new(world, spot);
        fields::choose(component, &pressed.values, &mut resolved)?;
        shape::set(&mut data, "values", json!(pressed.values));
        resolved.add_to(&mut data);
    }
    let (user, channel) = (spot.user, spot.channel);
    Ok(Use {
        kind: KIND_COMPONENT,
        user,
        channel,
        data,
        source: Some(pressed.message_id),
    })
}

fn send(world: &World, spot: Spot, form: &Form, uploads: &Uploads) -> Result<Use, Wrong> {
    let opened = world.interactions.get(form.interaction_id);
    let opened = opened.filter(|opened| opened.used.user == spot.user);
    let opened = opened.ok_or_else(|| Wrong::absent("interaction"))?;
    let modal = opened.modal.as_ref().ok_or_else(|| Wrong::absent("form"))?;
    let (user, channel, source) = (spot.user, opened.used.channel, opened.used.source);
    let data = fields::data(
        world,
        Spot { channel, ..spot },
        modal,
        (&form.fields, uploads),
    )?;
    Ok(Use {
        kind: KIND_MODAL,
        user,
        channel,
        data,
        source,
    })
}

/// How long a call waits for an answer, and for which.
#[derive(Deserialize)]
pub(super) struct Awaited {
    #[serde(default)]
    wait_ms: u64,
    /// The first answer is enough, even if it only promises another.
    #[serde(default)]
    first: bool,
}

/// Tells what became of an interaction; waits until the person has the whole answer.
pub(super) async fn get(
    State(sandbox): State<Sandbox>,
    Path(id): Path<u64>,
    Query(Awaited { wait_ms, first }): Query<Awaited>,
) -> Response {
    let id = InteractionId(id);
    let wait = Wait { wait_ms };
    let settled = |world: &mut World| {
        let answer_ms = world.settings.interaction_answer_ms;
        let known = world.interactions.get(id);
        known
            .is_none_or(|known| {
                let is_answered = first && known.answer.is_some();
                is_answered || known.is_settled(clock::now_ms(), answer_ms)
            })
            .then_some(())
    };
    // Nothing happens when an interaction dies unanswered, so the wait also ends at that moment.
    let answer_ms = sandbox.peek(|world| world.settings.interaction_answer_ms);
    let to_answer = std::time::Duration::from_millis(answer_ms + 1).min(wait.longest());
    if sandbox.wait(to_answer, settled).await.is_none() {
        sandbox
            .wait(wait.longest().saturating_sub(to_answer), settled)
            .await;
    }
    let found = sandbox.peek(|world| world.interactions.get(id).map(|known| show(world, known)));
    answer(found.ok_or_else(|| Wrong::absent("interaction")))
}

fn show(world: &World, interaction: &Interaction) -> Value {
    let now_ms = clock::now_ms();
    let answer_ms = world.settings.interaction_answer_ms;
    let state = match () {
        () if interaction.is_dead(now_ms, answer_ms) => "failed",
        () if interaction.answer.is_none() => "waiting",
        () if interaction.is_pending => "pending",
        () => "answered",
    };
    let message = |&id: &MessageId| {
        world
            .message(interaction.used.channel, id)
            .map(|message| shape::message(world, message))
    };
    let answered_after = interaction
        .answered_ms
        .map(|at_ms| at_ms.saturating_sub(interaction.created_ms));
    json!({
        "id": interaction.id.to_string(), "state": state, "answer_type": interaction.answer,
        "token": interaction.token,
        "answered_after_ms": answered_after, "modal": interaction.modal,
        "choices": interaction.choices,
        "message": interaction.original.as_ref().and_then(message),
        "follow_ups": interaction.follow_ups.iter().filter_map(message).collect::<Vec<_>>(),
    })
}
