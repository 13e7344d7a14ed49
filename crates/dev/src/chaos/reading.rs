//! Reads from the sandbox what the bot said.

use std::collections::BTreeSet;

use anyhow::Context as _;
use proto::id::{ChannelId, MessageId};
use serde_json::Value;

use super::judge::{Asked, Seen};
use super::script::Script;
use crate::sandbox::client::Client;

/// Messages of one answer of the sandbox.
const PAGE: usize = 1_000;

/// Returns what the bot said in the channels of a run and what stands there still, oldest first;
/// and how many of its posts do not stand any more.
pub(super) async fn seen(
    sandbox: &Client,
    script: Script,
    asked: &[Asked],
) -> anyhow::Result<(Vec<Seen>, usize)> {
    let channels: BTreeSet<ChannelId> = asked.iter().map(|asked| asked.channel).collect();
    let first = asked.iter().map(|asked| asked.trigger).min();
    let first = first.unwrap_or(MessageId(0));
    let mut seen = Vec::new();
    for channel in &channels {
        seen.extend(in_channel(sandbox, script, *channel, first).await?);
    }
    let standing: BTreeSet<MessageId> = seen.iter().map(|seen| seen.id).collect();
    let posts = sandbox.get("posts").await?;
    let made = posts.as_array().into_iter().flatten();
    let made = made.filter(|post| post["repeated"] == false);
    let made: BTreeSet<MessageId> = made
        .filter_map(|post| post["message_id"].as_str()?.parse().ok())
        .filter(|id| *id > first)
        .collect();
    Ok((seen, made.difference(&standing).count()))
}

async fn in_channel(
    sandbox: &Client,
    script: Script,
    channel: ChannelId,
    first: MessageId,
) -> anyhow::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    let mut after = first;
    loop {
        let path = format!("messages?channel_id={channel}&after={after}");
        let page = sandbox.get(&path).await?;
        let page = page.as_array().context("the sandbox lists messages")?;
        seen.extend(page.iter().filter_map(|said| of_bot(script, channel, said)));
        after = page.last().and_then(id).unwrap_or(after);
        if page.len() < PAGE {
            return Ok(seen);
        }
    }
}

fn of_bot(script: Script, channel: ChannelId, said: &Value) -> Option<Seen> {
    let is_bots = said.pointer("/author/bot").and_then(Value::as_bool);
    let content = said["content"].as_str().filter(|_| is_bots == Some(true))?;
    let answers = said.pointer("/message_reference/message_id");
    Some(Seen {
        id: id(said)?,
        channel,
        marks: script.marks(content),
        answers: answers
            .and_then(Value::as_str)
            .and_then(|id| id.parse().ok()),
    })
}

fn id(said: &Value) -> Option<MessageId> {
    said["id"].as_str()?.parse().ok()
}
