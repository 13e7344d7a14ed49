//! What happened to a message: the bot's own record, asked for through its operator command, and
//! what this sandbox saw of it.

use std::process::Stdio;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use proto::id::MessageId;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::sandbox::Sandbox;
use crate::sandbox::admin::{Wrong, answer};
use crate::sandbox::clock;
use crate::sandbox::world::World;
use crate::sandbox::world::messages::Message;

/// The longest that the operator command may take: it starts, connects and reads.
const COMMAND_WAIT: Duration = Duration::from_secs(10);
/// How long after a message its channel is looked at.
const SPAN_MS: u64 = 120_000;

/// Tells what happened to a message, as far as anybody knows; `record` is null when the bot cannot
/// be asked, and `problem` says why.
pub(super) async fn explain(State(sandbox): State<Sandbox>, Path(id): Path<u64>) -> Response {
    let Some(seen) = sandbox.peek(|world| seen(world, MessageId(id))) else {
        return answer(Err(Wrong::absent("message")));
    };
    let (trigger, seen) = seen;
    let asked = record(sandbox.explain_command(), &trigger.to_string()).await;
    let (record, problem) = match asked {
        Ok(record) => (record, None),
        Err(problem) => (Value::Null, Some(problem)),
    };
    answer(Ok(
        json!({"message_id": id.to_string(), "sandbox": seen, "record": record, "problem": problem}),
    ))
}

/// Returns the message that everything began with, and what was seen since.
fn seen(world: &World, id: MessageId) -> Option<(MessageId, Value)> {
    let mut channels = world.places.channels.values();
    let message = channels.find_map(|channel| channel.messages.get(&id))?;
    let trigger = trigger(world, message);
    let from_ms = trigger.created_ms;
    let to_ms = clock::now_ms().min(from_ms + SPAN_MS);
    let mut calls = world.journal.calls_in(message.channel.0, from_ms, to_ms);
    if let Some(cause) = &message.cause {
        calls.extend(
            world
                .journal
                .calls_in(cause.id.0, from_ms.saturating_sub(SPAN_MS), to_ms),
        );
    }
    let posts = world
        .stats
        .posts
        .iter()
        .filter(|post| post.channel_id == message.channel);
    let posts = posts.filter(|post| (from_ms..=to_ms).contains(&post.at_ms));
    let seen = json!({
        "trigger_id": trigger.id.to_string(), "created_ms": from_ms,
        "dispatch": world.journal.dispatch_of(trigger.id),
        "calls": calls, "posts": posts.collect::<Vec<_>>(),
        "model_requests": world.journal.asked_in(from_ms, to_ms),
    });
    Some((trigger.id, seen))
}

/// What the bot said belongs to the message that it answers, or to the last one before it.
fn trigger<'a>(world: &'a World, message: &'a Message) -> &'a Message {
    let is_person = |said: &Message| {
        world
            .people
            .get(said.author)
            .is_some_and(|user| !user.is_bot)
    };
    if is_person(message) || message.cause.is_some() {
        return message;
    }
    let answered = message
        .reference
        .and_then(|id| world.message(message.channel, id));
    answered
        .filter(|answered| is_person(answered))
        .unwrap_or_else(|| {
            let channel = world.places.channels.get(&message.channel);
            let mut before = channel
                .into_iter()
                .flat_map(|channel| channel.messages.range(..message.id));
            before
                .rfind(|(_, said)| is_person(said))
                .map_or(message, |(_, said)| said)
        })
}

async fn record(program: &[String], message: &str) -> Result<Value, String> {
    let Some((program, arguments)) = program.split_first() else {
        return Err("this sandbox was started without a bot to ask".to_owned());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args([message, "--json"])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match timeout(COMMAND_WAIT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("the bot cannot be asked: {error}")),
        Err(_) => return Err("the bot did not answer in time".to_owned()),
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    let document = printed.lines().rfind(|line| line.starts_with('{'));
    let document = document.and_then(|line| serde_json::from_str(line).ok());
    document.ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty());
        last.unwrap_or("the bot answered nothing").to_owned()
    })
}
