//! Messages of a channel by the page, as one person sees them.

use axum::extract::{Query, State};
use axum::response::Response;
use proto::id::{ChannelId, MessageId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::view::Viewer;
use crate::sandbox::admin::messages::show;
use crate::sandbox::admin::{Outcome, Wrong, answer, ids};
use crate::sandbox::world::World;
use crate::sandbox::world::messages::Message;
use crate::sandbox::{Sandbox, shape};

/// Messages of one page, unless another number is asked for, and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 100;

/// Which page.
#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(flatten)]
    viewer: Viewer,
    #[serde(deserialize_with = "ids::one")]
    channel_id: ChannelId,
    #[serde(default, deserialize_with = "ids::optional")]
    before: Option<MessageId>,
    #[serde(default, deserialize_with = "ids::optional")]
    limit: Option<u64>,
}

/// Gives the newest messages, or those before one of them, oldest first.
pub(super) async fn history(State(sandbox): State<Sandbox>, Query(page): Query<Page>) -> Response {
    answer(sandbox.with(|world| {
        let user = page.viewer.find(world)?;
        read(world, user, &page)
    }))
}

fn read(world: &World, user: UserId, page: &Page) -> Outcome {
    if !world.may_see(page.channel_id, user) {
        return Err(Wrong::absent("channel"));
    }
    let channel = world.places.channels.get(&page.channel_id);
    let channel = channel.ok_or_else(|| Wrong::absent("channel"))?;
    let before = page.before.unwrap_or(MessageId(u64::MAX));
    let limit = page.limit.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let older = channel.messages.range(..before).rev().map(|(_, said)| said);
    let mut shown = older.filter(|said| !said.is_ephemeral() || said.only_reader() == Some(user));
    let mut messages: Vec<Value> = shown
        .by_ref()
        .take(limit)
        .map(|said| seen_by(user, said, show(world, said)))
        .collect();
    messages.reverse();
    Ok(json!({"messages": messages, "has_more": shown.next().is_some()}))
}

/// Marks the reactions that are this person's own, instead of the bot's.
fn seen_by(user: UserId, message: &Message, mut body: Value) -> Value {
    let shown = body.get_mut("reactions").and_then(Value::as_array_mut);
    let shown = shown.into_iter().flatten();
    for (reaction, known) in shown.zip(&message.reactions) {
        shape::set(reaction, "me", known.users.contains(&user).into());
    }
    body
}
