//! Servers, their channels and what those allow; direct conversations.

use std::collections::BTreeMap;

use proto::id::{ChannelId, UserId};
use serde_json::Value;

use super::messages::channel as place_of;
use super::{Answer, Call, Outcome, Refusal, read, threads};
use crate::sandbox::world::places::{Channel, ChannelKind, Options};
use crate::sandbox::world::rights::{MANAGE_CHANNELS, MANAGE_ROLES, MANAGE_THREADS, Overwrite};
use crate::sandbox::{clock, shape};

/// Types of channels that a bot can make: text, voice, category, announcement, stage, forum, media.
const KINDS: [u64; 7] = [0, 2, 4, 5, 13, 15, 16];

/// Opens the direct conversation with somebody.
pub(crate) fn open_direct(call: Call<'_>) -> Outcome {
    let user = read::id(&call.body, "recipient_id").map(UserId);
    let user = user.ok_or_else(|| read::required("recipient_id"))?;
    let world = call.world;
    let is_person = world.people.get(user).is_some_and(|user| !user.is_bot);
    if !is_person {
        return Err(Refusal::UNKNOWN_USER);
    }
    let channel = world.direct_channel(user);
    shape::channel(world, channel)
        .map(Answer::Json)
        .ok_or(Refusal::UNKNOWN_CHANNEL)
}

fn show(call: &Call<'_>, channel: ChannelId) -> Result<Value, Refusal> {
    shape::channel(call.world, channel).ok_or(Refusal::UNKNOWN_CHANNEL)
}

/// Gives a channel.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    show(&call, call.channel()?).map(Answer::Json)
}

/// Gives a server.
pub(crate) fn guild(call: Call<'_>) -> Outcome {
    let id = call.guild()?;
    let guild = call
        .world
        .places
        .guilds
        .get(&id)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    let mut body = shape::guild_settings(guild);
    if call.query.flag("with_counts") {
        shape::set(
            &mut body,
            "approximate_member_count",
            guild.members.len().into(),
        );
        shape::set(
            &mut body,
            "approximate_presence_count",
            guild.members.len().into(),
        );
    }
    Ok(Answer::Json(body))
}

/// Lists the channels of a server, threads not among them.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    let guild = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    let channels = guild
        .channels
        .iter()
        .filter_map(|&id| shape::channel(call.world, id));
    Ok(Answer::Json(channels.collect()))
}

/// Reads what a body sets and leaves the rest.
fn options(call: &Call<'_>, mut options: Options) -> Result<Options, Refusal> {
    let body = &call.body;
    if body.get("topic").is_some() {
        options.topic = read::text(body, "topic", 0..=1_024)?;
    }
    options.is_nsfw = read::flag(body, "nsfw").unwrap_or(options.is_nsfw);
    let slow = read::number(body, "rate_limit_per_user", 0..=21_600)?;
    options.slow_seconds = slow.unwrap_or(options.slow_seconds);
    options.position =
        read::number(body, "position", 0..=u64::from(u16::MAX))?.or(options.position);
    if body.get("parent_id").is_some() {
        options.parent = read::id(body, "parent_id").map(ChannelId);
    }
    if let Some(list) = body.get("permission_overwrites").and_then(Value::as_array) {
        let overwrites = list
            .iter()
            .filter_map(|one| Some((read::id(one, "id")?, overwrite(one))));
        options.overwrites = overwrites.collect::<BTreeMap<_, _>>();
    }
    Ok(options)
}

fn overwrite(body: &Value) -> Overwrite {
    Overwrite {
        is_member: read::id(body, "type") == Some(1),
        allow: read::permissions(body, "allow").unwrap_or_default(),
        deny: read::permissions(body, "deny").unwrap_or_default(),
    }
}

/// Creates a channel.
pub(crate) fn create(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    call.need_in(guild, MANAGE_CHANNELS)?;
    let name = read::needed(&call.body, "name", 1..=100)?;
    let kind = read::choice(&call.body, "type", &KINDS)?.unwrap_or_default();
    let options = options(&call, Options::default())?;
    let kind = u8::try_from(kind).unwrap_or_default();
    let id = ChannelId(call.world.next_id());
    call.world
        .add_channel(guild, id, &name, Options { kind, ..options });
    show(&call, id).map(Answer::Created)
}

fn rename(channel: &mut Channel, new: Option<String>) {
    if let (ChannelKind::Text { name, .. }, Some(new)) = (&mut channel.kind, new) {
        *name = new;
    }
}

/// Changes a channel or thread.
pub(crate) fn edit(call: Call<'_>) -> Outcome {
    let id = call.channel()?;
    let channel = place_of(call.world, id)?;
    if channel.guild().is_none() {
        return Err(Refusal::NOT_IN_DIRECT);
    }
    let name = read::text(&call.body, "name", 1..=100)?;
    if channel.thread.is_some() {
        return edit_thread(call, id, name);
    }
    call.need(id, MANAGE_CHANNELS)?;
    if call.body.get("permission_overwrites").is_some() {
        call.need(id, MANAGE_ROLES)?;
    }
    let options = options(&call, channel.options.clone())?;
    if let Some(channel) = call.world.places.channels.get_mut(&id) {
        channel.options = options;
        rename(channel, name);
    }
    call.world.tell_channel("CHANNEL_UPDATE", id);
    show(&call, id).map(Answer::Json)
}

fn edit_thread(call: Call<'_>, id: ChannelId, name: Option<String>) -> Outcome {
    let bot = call.world.bot();
    let may_manage = call.need(id, MANAGE_THREADS).is_ok();
    let channel = place_of(call.world, id)?;
    let thread = channel.thread.as_ref().ok_or(Refusal::WRONG_CHANNEL_TYPE)?;
    let archives = read::flag(&call.body, "archived");
    let locks = read::flag(&call.body, "locked");
    if !may_manage && (thread.owner != bot || locks.is_some() || thread.is_locked) {
        return Err(Refusal::MISSING_PERMISSIONS);
    }
    // What is archived is opened again before anything else in it changes.
    if thread.is_archived && archives != Some(false) {
        return Err(Refusal::ARCHIVED);
    }
    let slow = read::number(&call.body, "rate_limit_per_user", 0..=21_600)?;
    let after = read::choice(&call.body, "auto_archive_duration", &threads::ARCHIVE_AFTER)?;
    let invites = read::flag(&call.body, "invitable");
    if let Some(channel) = call.world.places.channels.get_mut(&id) {
        rename(channel, name);
        channel.options.slow_seconds = slow.unwrap_or(channel.options.slow_seconds);
        if let Some(thread) = &mut channel.thread {
            if archives.is_some_and(|archives| archives != thread.is_archived) {
                thread.changed_ms = clock::now_ms();
            }
            thread.is_archived = archives.unwrap_or(thread.is_archived);
            thread.is_locked = locks.unwrap_or(thread.is_locked);
            thread.is_invitable = invites.unwrap_or(thread.is_invitable);
            thread.archive_after = after.unwrap_or(thread.archive_after);
        }
    }
    call.world.tell_channel("THREAD_UPDATE", id);
    show(&call, id).map(Answer::Json)
}

/// Deletes a channel or thread; a direct conversation is only closed.
pub(crate) fn delete(call: Call<'_>) -> Outcome {
    let id = call.channel()?;
    let channel = place_of(call.world, id)?;
    if channel.guild().is_none() {
        return show(&call, id).map(Answer::Json);
    }
    let bit = if channel.thread.is_some() {
        MANAGE_THREADS
    } else {
        MANAGE_CHANNELS
    };
    call.need(id, bit)?;
    let gone = call
        .world
        .remove_channel(id)
        .ok_or(Refusal::UNKNOWN_CHANNEL)?;
    Ok(Answer::Json(gone))
}

/// Sets what a channel changes for a role or member; nobody gives what they do not have.
pub(crate) fn set_overwrite(call: Call<'_>) -> Outcome {
    let (id, of): (ChannelId, u64) = (call.channel()?, call.id("overwrite")?);
    call.need(id, MANAGE_ROLES)?;
    let new = overwrite(&call.body);
    let guild = place_of(call.world, id)?
        .guild()
        .ok_or(Refusal::NOT_IN_DIRECT)?;
    let known = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    let is_known = if new.is_member {
        known.members.contains_key(&UserId(of))
    } else {
        known.roles.contains_key(&of)
    };
    if !is_known {
        return Err(Refusal::UNKNOWN_OVERWRITE);
    }
    call.need(id, new.allow | new.deny)?;
    if let Some(channel) = call.world.places.channels.get_mut(&id) {
        channel.options.overwrites.insert(of, new);
    }
    call.world.tell_channel("CHANNEL_UPDATE", id);
    Ok(Answer::Empty)
}

/// Takes away what a channel changes for a role or member.
pub(crate) fn remove_overwrite(call: Call<'_>) -> Outcome {
    let (id, of): (ChannelId, u64) = (call.channel()?, call.id("overwrite")?);
    call.need(id, MANAGE_ROLES)?;
    let channel = call.world.places.channels.get_mut(&id);
    let gone = channel.and_then(|channel| channel.options.overwrites.remove(&of));
    gone.ok_or(Refusal::UNKNOWN_OVERWRITE)?;
    call.world.tell_channel("CHANNEL_UPDATE", id);
    Ok(Answer::Empty)
}
