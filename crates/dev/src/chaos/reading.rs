//! Reads from the sandbox what the bot said.

use std::collections::BTreeSet;

use anyhow::Context as _;
use proto::id::{ChannelId, MessageId};
use serde_json::Value;

use super::effects::Thread;
use super::judge::{Asked, Seen};
use super::script::Script;
use crate::sandbox::client::Client;

/// Messages of one answer of the sandbox.
const PAGE: usize = 1_000;

/// Discord's type of the note that a thread was started (its message page, 2026-11).
const THREAD_NOTE: u64 = 18;

/// What stands in the channels of a run.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// What the bot said, channel by channel, oldest first.
    pub(super) seen: Vec<Seen>,
    /// The threads that it started.
    pub(super) threads: Vec<Thread>,
    /// How many of its posts do not stand any more.
    pub(super) withdrawn: usize,
}

/// Reads what the bot said and did in the channels of a run.
pub(super) async fn standing(
    sandbox: &Client,
    script: Script,
    asked: &[Asked],
) -> anyhow::Result<Standing> {
    let channels: BTreeSet<ChannelId> = asked.iter().map(|asked| asked.channel).collect();
    let first = asked.iter().map(|asked| asked.trigger).min();
    let first = first.unwrap_or(MessageId(0));
    let mut all = Standing::default();
    for channel in &channels {
        for said in in_channel(sandbox, *channel, first).await? {
            all.threads.extend(thread(script, &said));
            all.seen.extend(of_bot(script, *channel, &said));
        }
    }
    let standing: BTreeSet<MessageId> = all.seen.iter().map(|seen| seen.id).collect();
    let posts = sandbox.get("posts").await?;
    let made = posts.as_array().into_iter().flatten();
    let made = made.filter(|post| post["repeated"] == false);
    let made: BTreeSet<MessageId> = made
        .filter_map(|post| post["message_id"].as_str()?.parse().ok())
        .filter(|id| *id > first)
        .collect();
    all.withdrawn = made.difference(&standing).count();
    Ok(all)
}

async fn in_channel(
    sandbox: &Client,
    channel: ChannelId,
    first: MessageId,
) -> anyhow::Result<Vec<Value>> {
    let mut said = Vec::new();
    let mut after = first;
    loop {
        let path = format!("messages?channel_id={channel}&after={after}");
        let page = sandbox.get(&path).await?;
        let page = page.as_array().context("the sandbox lists messages")?;
        said.extend_from_slice(page);
        after = page.last().and_then(id).unwrap_or(after);
        if page.len() < PAGE {
            return Ok(said);
        }
    }
}

fn is_of_bot(said: &Value) -> bool {
    said.pointer("/author/bot").and_then(Value::as_bool) == Some(true)
}

fn thread(script: Script, said: &Value) -> Option<Thread> {
    let is_note = said["type"] == THREAD_NOTE && is_of_bot(said);
    let name = said["content"].as_str().filter(|_| is_note)?;
    Some(Thread {
        note: id(said)?,
        // One without our name belongs to nobody.
        number: script.thread(name).unwrap_or(u32::MAX),
    })
}

fn of_bot(script: Script, channel: ChannelId, said: &Value) -> Option<Seen> {
    let is_said = said["type"] != THREAD_NOTE && is_of_bot(said);
    let content = said["content"].as_str().filter(|_| is_said)?;
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
