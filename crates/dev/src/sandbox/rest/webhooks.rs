//! Webhooks and their messages.

use proto::id::{ChannelId, GuildId, MessageId, UserId};
use serde_json::Value;

use super::messages::{self, channel as place_of, find};
use super::route::Params;
use super::{Answer, Call, Outcome, Refusal, files, read};
use crate::sandbox::shape;
use crate::sandbox::world::World;
use crate::sandbox::world::messages::Message;
use crate::sandbox::world::places::{TYPE_ANNOUNCEMENT, TYPE_FORUM, TYPE_TEXT};
use crate::sandbox::world::rights::MANAGE_WEBHOOKS;
use crate::sandbox::world::threads::NewThread;
use crate::sandbox::world::webhooks::{Persona, Webhook};

/// Most webhooks of a channel (Discord webhook page, 2026-11).
const WEBHOOKS: usize = 15;
/// Names that no webhook may have.
const FORBIDDEN: [&str; 2] = ["clyde", "discord"];

/// Returns the channel that the webhook of a path belongs to.
pub(super) fn channel(world: &World, at: &Params) -> Option<ChannelId> {
    let id = at.text("webhook").parse().ok()?;
    world.webhooks.get(&id).map(|hook| hook.channel)
}

/// Finds the webhook of the path: by its token, or by the bot's right to manage it.
fn hook(call: &Call<'_>) -> Result<Webhook, Refusal> {
    let id: u64 = call.id("webhook")?;
    let hook = call
        .world
        .webhooks
        .get(&id)
        .ok_or(Refusal::UNKNOWN_WEBHOOK)?;
    let token = call.at.text("token");
    match () {
        () if token.is_empty() => call.need(hook.channel, MANAGE_WEBHOOKS)?,
        () if token != hook.token => return Err(Refusal::INVALID_TOKEN),
        () => {}
    }
    Ok(hook.clone())
}

fn show(call: &Call<'_>, hook: &Webhook) -> Value {
    let mut body = shape::webhook(call.world, hook, call.at.text("token").is_empty());
    let url = format!(
        "{}/webhooks/{}/{}",
        call.sandbox.api_url(),
        hook.id,
        hook.token
    );
    shape::set(&mut body, "url", url.into());
    body
}

fn name(body: &Value) -> Result<Option<String>, Refusal> {
    let name = read::text(body, "name", 1..=80)?;
    let lower = name.as_ref().map(|name| name.to_lowercase());
    let forbidden = FORBIDDEN
        .iter()
        .find(|word| lower.as_ref().is_some_and(|name| name.contains(*word)));
    match forbidden {
        Some(word) => {
            let message = format!("Username cannot contain \"{word}\"");
            Err(Refusal::form("name", "USERNAME_INVALID_CONTAINS", &message))
        }
        None => Ok(name),
    }
}

/// Pictures are named by what is in them.
fn avatar(body: &Value) -> Option<String> {
    let data = body.get("avatar")?.as_str()?;
    Some(format!(
        "{:032x}",
        xxhash_rust::xxh3::xxh3_128(data.as_bytes())
    ))
}

/// Creates a webhook of a channel.
pub(crate) fn create(call: Call<'_>) -> Outcome {
    let place = call.channel()?;
    call.need(place, MANAGE_WEBHOOKS)?;
    let known = place_of(call.world, place)?;
    let has_hooks = matches!(
        known.options.kind,
        TYPE_TEXT | TYPE_ANNOUNCEMENT | TYPE_FORUM
    );
    let guild = known
        .guild()
        .filter(|_| has_hooks && known.thread.is_none());
    let guild = guild.ok_or(Refusal::WRONG_CHANNEL_TYPE)?;
    let name = name(&call.body)?.ok_or_else(|| read::required("name"))?;
    let avatar = avatar(&call.body);
    if call
        .world
        .webhooks
        .values()
        .filter(|hook| hook.channel == place)
        .count()
        >= WEBHOOKS
    {
        return Err(Refusal::TOO_MANY_WEBHOOKS);
    }
    let bot = call.world.bot();
    let id = call.world.add_webhook((guild, place), name, avatar, bot);
    let hook = call
        .world
        .webhooks
        .get(&id)
        .ok_or(Refusal::UNKNOWN_WEBHOOK)?;
    Ok(Answer::Json(show(&call, hook)))
}

fn listed(call: &Call<'_>, is_wanted: impl Fn(&Webhook) -> bool) -> Answer {
    let hooks = call.world.webhooks.values().filter(|hook| is_wanted(hook));
    let hooks = hooks.map(|hook| show(call, hook));
    Answer::Json(hooks.collect())
}

/// Lists the webhooks of a channel.
pub(crate) fn of_channel(call: Call<'_>) -> Outcome {
    let place = call.channel()?;
    call.need(place, MANAGE_WEBHOOKS)?;
    Ok(listed(&call, |hook| hook.channel == place))
}

/// Lists the webhooks of a server.
pub(crate) fn of_guild(call: Call<'_>) -> Outcome {
    let guild: GuildId = call.guild()?;
    call.need_in(guild, MANAGE_WEBHOOKS)?;
    Ok(listed(&call, |hook| hook.guild == guild))
}

/// Gives a webhook.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    let hook = hook(&call)?;
    Ok(Answer::Json(show(&call, &hook)))
}

/// Changes a webhook's name, picture or, with the bot's token, its channel.
pub(crate) fn edit(call: Call<'_>) -> Outcome {
    let mut hook = hook(&call)?;
    let before = hook.channel;
    hook.name = name(&call.body)?.unwrap_or(hook.name);
    if call.body.get("avatar").is_some() {
        hook.avatar = avatar(&call.body);
    }
    let to = read::id(&call.body, "channel_id").filter(|_| call.at.text("token").is_empty());
    if let Some(to) = to.map(ChannelId) {
        call.need(to, MANAGE_WEBHOOKS)?;
        hook.channel = to;
    }
    call.world.webhooks.insert(hook.id, hook.clone());
    call.world.tell_webhooks(hook.guild, before);
    if hook.channel != before {
        call.world.tell_webhooks(hook.guild, hook.channel);
    }
    Ok(Answer::Json(show(&call, &hook)))
}

/// Deletes a webhook; its messages stay.
pub(crate) fn delete(call: Call<'_>) -> Outcome {
    let hook = hook(&call)?;
    call.world.webhooks.remove(&hook.id);
    call.world.tell_webhooks(hook.guild, hook.channel);
    Ok(Answer::Empty)
}

/// Returns where a webhook's message belongs: its channel, or a thread of it.
fn target(call: &Call<'_>, hook: &Webhook) -> Result<ChannelId, Refusal> {
    let Some(thread) = call.query.number("thread_id").map(ChannelId) else {
        return Ok(hook.channel);
    };
    let place = place_of(call.world, thread)?;
    let is_its = place.thread.is_some() && place.options.parent == Some(hook.channel);
    let is_locked = place.thread.as_ref().is_some_and(|thread| thread.is_locked);
    match () {
        () if !is_its => Err(Refusal::UNKNOWN_CHANNEL),
        () if is_locked => Err(Refusal::LOCKED),
        () => Ok(thread),
    }
}

/// Posts a message under any name; the answer waits for it only when asked.
pub(crate) fn execute(mut call: Call<'_>) -> Outcome {
    let hook = hook(&call)?;
    let mut place = target(&call, &hook)?;
    let name = read::text(&call.body, "username", 1..=80)?.unwrap_or_else(|| hook.name.clone());
    let own_avatar = read::text(&call.body, "avatar_url", 0..=2_048)?;
    let mut said = messages::draft(&call, place)?;
    if place_of(call.world, place)?.options.kind == TYPE_FORUM {
        place = open_post(&mut call, place, &hook)?;
    }
    said.persona = Some(Persona {
        webhook: hook.id,
        name,
        avatar: own_avatar.filter(|url| !url.is_empty()).or(hook.avatar),
        is_ours: hook.creator == call.world.bot(),
    });
    let is_waited_for = call.query.flag("wait");
    let Call {
        world,
        sandbox,
        body,
        files,
        ..
    } = call;
    said.attachments = files::keep(world, sandbox, place, (&body, files));
    let id = world.say(place, UserId(hook.id), said);
    messages::record(world, (place, id), None, None, false);
    if is_waited_for {
        messages::answer(world, place, id)
    } else {
        Ok(Answer::Empty)
    }
}

fn open_post(call: &mut Call<'_>, place: ChannelId, hook: &Webhook) -> Result<ChannelId, Refusal> {
    let name = read::text(&call.body, "thread_name", 1..=100)?;
    let name = name.ok_or_else(|| read::required("thread_name"))?;
    let thread = NewThread {
        channel: place,
        owner: UserId(hook.id),
        name,
        message: None,
        is_private: false,
        is_invitable: true,
        archive_after: 4_320,
        slow_seconds: 0,
    };
    call.world
        .start_thread(thread)
        .ok_or(Refusal::UNKNOWN_CHANNEL)
}

/// Finds a message of the webhook.
fn own<'a>(call: &'a Call<'_>) -> Result<&'a Message, Refusal> {
    let hook = hook(call)?;
    let place = target(call, &hook)?;
    let id: MessageId = call.id("message").or(Err(Refusal::UNKNOWN_MESSAGE))?;
    let message = find(call.world, place, id)?;
    let is_its = message
        .persona
        .as_ref()
        .is_some_and(|persona| persona.webhook == hook.id);
    is_its.then_some(message).ok_or(Refusal::UNKNOWN_MESSAGE)
}

/// Gives one of its messages.
pub(crate) fn get_message(call: Call<'_>) -> Outcome {
    let message = own(&call)?;
    Ok(Answer::Json(shape::message(call.world, message)))
}

/// Changes one of its messages.
pub(crate) fn edit_message(call: Call<'_>) -> Outcome {
    let message = own(&call)?.clone();
    messages::rewrite(call, &message)
}

/// Deletes one of its messages.
pub(crate) fn delete_message(call: Call<'_>) -> Outcome {
    let message = own(&call)?;
    let (place, id) = (message.channel, message.id);
    call.world.delete(place, id);
    Ok(Answer::Empty)
}
