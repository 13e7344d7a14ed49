//! What was said, and how people change and delete it.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use proto::id::{ChannelId, MessageId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::Spot;
use super::saying;
use super::{Outcome, Wait, Wrong, answer, ids, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::shape;
use crate::sandbox::world::World;
use crate::sandbox::world::messages::{Message, Text};
use crate::sandbox::world::places::{DEFAULT_CHANNEL, DEFAULT_SERVER};

/// Messages that one call lists.
const PAGE: usize = 1_000;

/// Which messages are wanted: of a channel by id or by name, after one of them.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default, deserialize_with = "ids::optional")]
    channel_id: Option<ChannelId>,
    server: Option<String>,
    channel: Option<String>,
    #[serde(default, deserialize_with = "ids::optional")]
    after: Option<MessageId>,
    #[serde(default)]
    wait_ms: u64,
}

/// Lists messages of a channel, oldest first; waits until there is one.
pub(super) async fn list(State(sandbox): State<Sandbox>, Query(wanted): Query<Wanted>) -> Response {
    let Some(channel) = sandbox.peek(|world| channel(world, &wanted)) else {
        return answer(Err(Wrong::absent("channel")));
    };
    let from = wanted
        .after
        .map_or(MessageId(0), |after| MessageId(after.0.saturating_add(1)));
    let find = |world: &mut World| {
        let said = &world.places.channels.get(&channel)?.messages;
        let page: Vec<_> = said
            .range(from..)
            .take(PAGE)
            .map(|(_, said)| show(world, said))
            .collect();
        (!page.is_empty()).then_some(page)
    };
    let longest = Wait {
        wait_ms: wanted.wait_ms,
    }
    .longest();
    answer(Ok(sandbox
        .wait(longest, find)
        .await
        .unwrap_or_default()
        .into()))
}

/// Finds a channel; whoever only looks makes none.
fn channel(world: &World, wanted: &Wanted) -> Option<ChannelId> {
    let server = wanted.server.as_deref().unwrap_or(DEFAULT_SERVER);
    let name = wanted.channel.as_deref().unwrap_or(DEFAULT_CHANNEL);
    let named = || world.channel_called(world.places.guild_named(server)?, name);
    wanted.channel_id.or_else(named)
}

/// Shows a message as people see it.
pub(crate) fn show(world: &World, message: &Message) -> Value {
    let mut body = shape::message(world, message);
    shape::set_guild(&mut body, message.guild);
    body
}

/// Gives a message, wherever it was said.
pub(super) async fn get(State(sandbox): State<Sandbox>, Path(id): Path<u64>) -> Response {
    let found = sandbox.peek(|world| {
        let mut channels = world.places.channels.values();
        let message = channels.find_map(|channel| channel.messages.get(&MessageId(id)))?;
        Some(show(world, message))
    });
    answer(found.ok_or_else(|| Wrong::absent("message")))
}

#[derive(Deserialize)]
struct Change {
    content: String,
}

/// Changes a person's message.
pub(super) async fn edit(
    State(sandbox): State<Sandbox>,
    Path((channel, id)): Path<(u64, u64)>,
    body: Bytes,
) -> Response {
    let (channel, id) = (ChannelId(channel), MessageId(id));
    answer(
        parse::<Change>(&body)
            .and_then(|change| sandbox.with(|world| rewrite(world, channel, id, change.content))),
    )
}

fn rewrite(world: &mut World, channel: ChannelId, id: MessageId, content: String) -> Outcome {
    let message = world.message(channel, id);
    let message = message.ok_or_else(|| Wrong::absent("message"))?;
    let user = message.author;
    if message.persona.is_some() || world.people.get(user).is_none_or(|user| user.is_bot) {
        return Err(Wrong::bad("only the bot changes what the bot said"));
    }
    let (guild, embeds) = (message.guild, message.text.embeds.clone());
    saying::check(&content, message.attachments.is_empty())?;
    let spot = Spot {
        user,
        channel,
        guild,
    };
    let text = Text {
        embeds,
        ..saying::text(world, spot, content, None)
    };
    world.edit(channel, id, text);
    Ok(json!({}))
}

/// Deletes anybody's message.
pub(super) async fn delete(
    State(sandbox): State<Sandbox>,
    Path((channel, id)): Path<(u64, u64)>,
) -> Response {
    let is_gone = sandbox.with(|world| world.delete(ChannelId(channel), MessageId(id)));
    answer(if is_gone {
        Ok(json!({}))
    } else {
        Err(Wrong::absent("message"))
    })
}
