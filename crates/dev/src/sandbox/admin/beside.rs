//! What people do beside speaking: they react to messages and start threads.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use proto::id::{ChannelId, MessageId};
use serde::Deserialize;
use serde_json::json;

use super::place::{Place, Spot, name};
use super::{Outcome, Wrong, answer, ids, parse};
use crate::sandbox::world::World;
use crate::sandbox::world::messages::{FLAG_HAS_THREAD, Message};
use crate::sandbox::world::places::{TYPE_ANNOUNCEMENT, TYPE_TEXT};
use crate::sandbox::world::reactions::{Emoji, NoReaction};
use crate::sandbox::world::rights::{ADD_REACTIONS, PUBLIC_THREADS};
use crate::sandbox::world::threads::NewThread;
use crate::sandbox::{Sandbox, shape};

/// Minutes after which a quiet thread may be archived, as Discord's client proposes them.
const ARCHIVE_AFTER: u64 = 4_320;

/// Somebody's reaction to a message.
#[derive(Deserialize)]
struct Touch {
    #[serde(flatten)]
    place: Place,
    #[serde(deserialize_with = "ids::one")]
    message_id: MessageId,
    /// The character, or `name:id` of an emoji of a server.
    emoji: String,
}

impl Touch {
    fn find(&self, world: &mut World) -> Result<(Spot, Emoji), Wrong> {
        let spot = self.place.find(world)?;
        readable(world, spot, self.message_id)?;
        let emoji = Emoji::parse(world, &self.emoji);
        Ok((spot, emoji.ok_or_else(|| Wrong::absent("emoji"))?))
    }
}

/// Finds a message that this person can read, unless it is an ephemeral one.
fn readable(world: &World, spot: Spot, id: MessageId) -> Result<&Message, Wrong> {
    let message = world.message(spot.channel, id);
    let message = message.filter(|message| !message.is_ephemeral());
    message.ok_or_else(|| Wrong::absent("message"))
}

/// Adds a person's reaction.
pub(super) async fn react(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Touch>(&body).and_then(|touch| sandbox.with(|world| add(world, &touch))))
}

fn add(world: &mut World, touch: &Touch) -> Outcome {
    let (spot, emoji) = touch.find(world)?;
    let message = readable(world, spot, touch.message_id)?;
    let is_new = message.reactions.iter().all(|known| known.emoji != emoji);
    if is_new && world.permissions(spot.channel, spot.user) & ADD_REACTIONS == 0 {
        return Err(Wrong::bad("this user may not add reactions here"));
    }
    match world.react((spot.channel, touch.message_id), spot.user, &emoji) {
        Ok(()) => Ok(json!({})),
        Err(NoReaction::NoMessage) => Err(Wrong::absent("message")),
        Err(NoReaction::TooMany) => Err(Wrong::bad("a message has at most 20 kinds of reactions")),
    }
}

/// Takes a person's reaction away.
pub(super) async fn unreact(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Touch>(&body).and_then(|touch| {
        sandbox.with(|world| {
            let (spot, emoji) = touch.find(world)?;
            let was_there = world.unreact((spot.channel, touch.message_id), spot.user, &emoji);
            let gone = was_there.then(|| json!({}));
            gone.ok_or_else(|| Wrong::absent("reaction"))
        })
    }))
}

/// A thread that somebody starts, from a message or without one.
#[derive(Deserialize)]
struct Start {
    #[serde(flatten)]
    place: Place,
    name: String,
    #[serde(default, deserialize_with = "ids::optional")]
    message_id: Option<MessageId>,
}

/// Starts a thread as a person.
pub(super) async fn start_thread(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse::<Start>(&body).and_then(|start| sandbox.with(|world| begin(world, &start))))
}

fn begin(world: &mut World, start: &Start) -> Outcome {
    let spot = start.place.find(world)?;
    let name = name(Some(&start.name), "")?.to_owned();
    check_parent(world, spot)?;
    if let Some(id) = start.message_id {
        let message = readable(world, spot, id)?;
        if message.flags & FLAG_HAS_THREAD != 0 {
            return Err(Wrong::bad("the message has a thread already"));
        }
    }
    let made = world.start_thread(NewThread {
        channel: spot.channel,
        owner: spot.user,
        name,
        message: start.message_id,
        is_private: false,
        is_invitable: true,
        archive_after: ARCHIVE_AFTER,
        slow_seconds: 0,
    });
    let thread = made.and_then(|id: ChannelId| shape::channel(world, id));
    thread.ok_or_else(|| Wrong::absent("channel"))
}

fn check_parent(world: &World, spot: Spot) -> Result<(), Wrong> {
    let parent = world.places.channels.get(&spot.channel);
    let takes_threads = parent.is_some_and(|parent| {
        let is_text = matches!(parent.options.kind, TYPE_TEXT | TYPE_ANNOUNCEMENT);
        spot.guild.is_some() && parent.thread.is_none() && is_text
    });
    if !takes_threads {
        return Err(Wrong::bad("threads start in a server's text channels"));
    }
    if world.permissions(spot.channel, spot.user) & PUBLIC_THREADS == 0 {
        return Err(Wrong::bad("this user may not start threads here"));
    }
    Ok(())
}
