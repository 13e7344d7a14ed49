//! Threads and who takes part in them.

use proto::id::{ChannelId, UserId};
use serde_json::{Value, json};

use super::messages::{self, channel, find};
use super::{Answer, Call, Outcome, Refusal, files, read};
use crate::sandbox::shape;
use crate::sandbox::world::messages::FLAG_HAS_THREAD;
use crate::sandbox::world::places::{Channel, TYPE_ANNOUNCEMENT, TYPE_FORUM, TYPE_TEXT};
use crate::sandbox::world::rights::{
    MANAGE_THREADS, PRIVATE_THREADS, PUBLIC_THREADS, READ_HISTORY, SEND_IN_THREADS, SEND_MESSAGES,
};
use crate::sandbox::world::threads::{NewThread, TYPE_PRIVATE_THREAD, Thread};

/// Minutes after which threads may be archived (Discord channel page, 2026-11).
pub(super) const ARCHIVE_AFTER: [u64; 4] = [60, 1_440, 4_320, 10_080];
const ARCHIVE_DEFAULT: u64 = 4_320;

fn new(call: &Call<'_>, place: ChannelId) -> Result<NewThread, Refusal> {
    let body = &call.body;
    Ok(NewThread {
        channel: place,
        owner: call.world.bot(),
        name: read::needed(body, "name", 1..=100)?,
        message: None,
        is_private: false,
        is_invitable: read::flag(body, "invitable").unwrap_or(true),
        archive_after: read::choice(body, "auto_archive_duration", &ARCHIVE_AFTER)?
            .unwrap_or(ARCHIVE_DEFAULT),
        slow_seconds: read::number(body, "rate_limit_per_user", 0..=21_600)?.unwrap_or_default(),
    })
}

fn check_parent(call: &Call<'_>, place: ChannelId, kinds: &[u8]) -> Result<(), Refusal> {
    let parent = channel(call.world, place)?;
    let takes_threads = parent.guild().is_some() && parent.thread.is_none();
    if !takes_threads || !kinds.contains(&parent.options.kind) {
        return Err(Refusal::WRONG_CHANNEL_TYPE);
    }
    Ok(())
}

fn show(call: &Call<'_>, thread: Option<ChannelId>) -> Outcome {
    let thread = thread.ok_or(Refusal::UNKNOWN_CHANNEL)?;
    let mut body = shape::channel(call.world, thread).ok_or(Refusal::UNKNOWN_CHANNEL)?;
    let member = shape::thread_member(call.world, thread, call.world.bot());
    shape::set(&mut body, "member", member);
    Ok(Answer::Created(body))
}

/// Starts a thread from a message.
pub(crate) fn from_message(call: Call<'_>) -> Outcome {
    let (place, id) = call.message()?;
    check_parent(&call, place, &[TYPE_TEXT, TYPE_ANNOUNCEMENT])?;
    let message = find(call.world, place, id)?;
    call.need(place, PUBLIC_THREADS)?;
    if message.flags & FLAG_HAS_THREAD != 0 {
        return Err(Refusal::HAS_THREAD);
    }
    let thread = NewThread {
        message: Some(id),
        ..new(&call, place)?
    };
    let thread = call.world.start_thread(thread);
    show(&call, thread)
}

/// Starts a thread without a message, or a post of a forum.
pub(crate) fn create(call: Call<'_>) -> Outcome {
    let place = call.channel()?;
    check_parent(&call, place, &[TYPE_TEXT, TYPE_ANNOUNCEMENT, TYPE_FORUM])?;
    let thread = new(&call, place)?;
    if channel(call.world, place)?.options.kind == TYPE_FORUM {
        return create_post(call, place, thread);
    }
    // A word about the type is missing: a private thread.
    let kind = read::choice(&call.body, "type", &[10, 11, 12])?.unwrap_or(12);
    let is_private = kind == u64::from(TYPE_PRIVATE_THREAD);
    call.need(
        place,
        if is_private {
            PRIVATE_THREADS
        } else {
            PUBLIC_THREADS
        },
    )?;
    let thread = call.world.start_thread(NewThread {
        is_private,
        ..thread
    });
    show(&call, thread)
}

fn create_post(mut call: Call<'_>, place: ChannelId, thread: NewThread) -> Outcome {
    call.need(place, SEND_MESSAGES)?;
    let message = call.body.get("message").cloned();
    call.body = message.ok_or_else(|| read::required("message"))?;
    let mut said = messages::draft(&call, place)?;
    let thread = call
        .world
        .start_thread(thread)
        .ok_or(Refusal::UNKNOWN_CHANNEL)?;
    let uploads = std::mem::take(&mut call.files);
    said.attachments = files::keep(call.world, call.sandbox, thread, (&call.body, uploads));
    let bot = call.world.bot();
    let id = call.world.say(thread, bot, said);
    let Answer::Created(mut body) = show(&call, Some(thread))? else {
        return Err(Refusal::UNKNOWN_CHANNEL);
    };
    let Answer::Json(message) = messages::answer(call.world, thread, id)? else {
        return Err(Refusal::UNKNOWN_MESSAGE);
    };
    shape::set(&mut body, "message", message);
    Ok(Answer::Created(body))
}

fn listed(call: &Call<'_>, threads: Vec<ChannelId>) -> Outcome {
    let limit = call.query.limit(100, 100)?;
    let bot = call.world.bot();
    let has_more = threads.len() > limit;
    let page = threads.into_iter().take(limit);
    let shown: Vec<_> = page
        .filter_map(|id| {
            let member = shape::thread_member(call.world, id, bot);
            Some((shape::channel(call.world, id)?, member))
        })
        .collect();
    let (threads, members): (Vec<_>, Vec<_>) = shown.into_iter().unzip();
    let members: Vec<_> = members.into_iter().filter(Value::is_object).collect();
    Ok(Answer::Json(
        json!({"threads": threads, "members": members, "has_more": has_more}),
    ))
}

fn archived(call: &Call<'_>, is_kept: impl Fn(&Channel, &Thread) -> bool) -> Outcome {
    let place = call.channel()?;
    call.need(place, READ_HISTORY)?;
    let before = call
        .query
        .get("before")
        .and_then(|time| chrono::DateTime::parse_from_rfc3339(time).ok());
    let before = before.and_then(|time| u64::try_from(time.timestamp_millis()).ok());
    let threads = call.world.threads(
        |channel| channel.options.parent == Some(place),
        |channel, thread| {
            let is_older = before.is_none_or(|before| thread.changed_ms < before);
            thread.is_archived && is_older && is_kept(channel, thread)
        },
    );
    listed(call, threads)
}

/// Lists archived threads that everybody may read.
pub(crate) fn archived_public(call: Call<'_>) -> Outcome {
    archived(&call, |channel, _| {
        channel.options.kind != TYPE_PRIVATE_THREAD
    })
}

/// Lists archived private threads.
pub(crate) fn archived_private(call: Call<'_>) -> Outcome {
    call.need(call.channel()?, MANAGE_THREADS)?;
    archived(&call, |channel, _| {
        channel.options.kind == TYPE_PRIVATE_THREAD
    })
}

/// Lists archived private threads that the bot takes part in.
pub(crate) fn archived_joined(call: Call<'_>) -> Outcome {
    let bot = call.world.bot();
    archived(&call, |channel, thread| {
        channel.options.kind == TYPE_PRIVATE_THREAD && thread.members.contains_key(&bot)
    })
}

/// Lists the open threads of a server.
pub(crate) fn active(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    let threads = call.world.threads(
        |channel| channel.guild() == Some(guild),
        |_, thread| !thread.is_archived,
    );
    let seen = threads
        .into_iter()
        .filter(|&id| call.world.is_seen(id))
        .collect();
    listed(&call, seen)
}

fn thread<'a>(call: &'a Call<'_>) -> Result<(ChannelId, &'a Thread), Refusal> {
    let place = call.channel()?;
    let thread = channel(call.world, place)?.thread.as_ref();
    Ok((place, thread.ok_or(Refusal::WRONG_CHANNEL_TYPE)?))
}

fn open(call: &Call<'_>) -> Result<ChannelId, Refusal> {
    let (place, thread) = thread(call)?;
    if thread.is_archived {
        Err(Refusal::ARCHIVED)
    } else {
        Ok(place)
    }
}

fn member_shape(call: &Call<'_>, place: ChannelId, user: UserId) -> Value {
    let mut body = shape::thread_member(call.world, place, user);
    let guild = call
        .world
        .places
        .channels
        .get(&place)
        .and_then(Channel::guild);
    let member = guild.and_then(|guild| shape::member(call.world, guild, user));
    if let Some(member) = member.filter(|_| call.query.flag("with_member") && body.is_object()) {
        shape::set(&mut body, "member", member);
    }
    body
}

/// Lists who takes part.
pub(crate) fn members(call: Call<'_>) -> Outcome {
    let (place, thread) = thread(&call)?;
    let members = thread
        .members
        .keys()
        .map(|&user| member_shape(&call, place, user));
    Ok(Answer::Json(members.collect()))
}

/// Gives somebody's part.
pub(crate) fn member(call: Call<'_>) -> Outcome {
    let (place, thread) = thread(&call)?;
    let user = if call.at.text("user") == "@me" {
        call.world.bot()
    } else {
        call.user()?
    };
    if !thread.members.contains_key(&user) {
        return Err(Refusal::UNKNOWN_MEMBER);
    }
    Ok(Answer::Json(member_shape(&call, place, user)))
}

fn set_member(call: Call<'_>, user: UserId, takes_part: bool) -> Outcome {
    let place = open(&call)?;
    call.world.set_thread_member(place, user, takes_part);
    Ok(Answer::Empty)
}

/// The bot takes part.
pub(crate) fn join(call: Call<'_>) -> Outcome {
    let bot = call.world.bot();
    set_member(call, bot, true)
}

/// The bot takes part no longer.
pub(crate) fn leave(call: Call<'_>) -> Outcome {
    let bot = call.world.bot();
    set_member(call, bot, false)
}

/// Adds somebody.
pub(crate) fn add_member(call: Call<'_>) -> Outcome {
    let user = call.user()?;
    call.need(call.channel()?, SEND_IN_THREADS)?;
    set_member(call, user, true)
}

/// Takes somebody out.
pub(crate) fn remove_member(call: Call<'_>) -> Outcome {
    let user = call.user()?;
    let (place, thread) = thread(&call)?;
    if thread.owner != call.world.bot() {
        call.need(place, MANAGE_THREADS)?;
    }
    set_member(call, user, false)
}
