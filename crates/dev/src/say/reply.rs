//! The whole reply to a message: its turns are final, by the bot's own record.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use proto::id::MessageId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use crate::installation::{Installation, State};
use crate::process::{Activity, Identity};
use crate::sandbox::client::Client;

/// How much longer than it was told the operator command may take: it starts and connects.
const COMMAND_MARGIN: Duration = Duration::from_secs(15);
/// The decision that a turn follows.
pub(crate) const ACCEPTED: &str = "accepted";

/// The bot's record of a message, as `worker explain` prints it.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) code: Option<String>,
    is_final: bool,
    turns: Vec<Turn>,
}

impl Record {
    /// Tells whether nothing will change any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.code.is_some() && self.is_final
    }

    /// Returns why there is no whole reply: what was decided, or how its turns ended. `None` when
    /// nothing is recorded, or something is still to come, or all went well.
    pub(crate) fn refusal(&self) -> Option<String> {
        match self.code.as_deref()? {
            ACCEPTED if self.is_final => {
                let ends = self.turns.iter().filter(|turn| turn.state != "done");
                let ends: Vec<String> = ends.map(end).collect();
                (!ends.is_empty()).then(|| ends.join(", "))
            }
            ACCEPTED => None,
            code => Some(code.to_owned()),
        }
    }

    /// Returns the ids of the reply's messages in the order of sending.
    pub(crate) fn posts(&self) -> Vec<&str> {
        let sent = self.turns.iter().flat_map(|turn| &turn.posts);
        sent.filter_map(|post| post.message_id.as_deref()).collect()
    }
}

#[derive(Debug, Deserialize)]
struct Turn {
    state: String,
    reason: Option<String>,
    posts: Vec<Sent>,
}

#[derive(Debug, Deserialize)]
struct Sent {
    message_id: Option<String>,
}

/// One message of the reply.
#[derive(Debug, Serialize)]
pub(super) struct Post {
    id: String,
    pub(super) content: String,
    author: String,
}

/// What became of a message.
#[derive(Debug)]
pub(super) struct Reply {
    /// The recorded decision, if there is one.
    pub(super) decision: Option<String>,
    /// The reply's messages that still exist, in the order in which they were sent.
    pub(super) posts: Vec<Post>,
    /// From the message to the first of the reply, by the ids that the sandbox gave them.
    pub(super) first_reply_ms: Option<u64>,
    /// Whether nothing will change any more.
    pub(super) is_settled: bool,
    /// Turns that did not end well, as `state (reason)`.
    ends: Vec<String>,
}

impl Reply {
    /// Waits until the record of a message is final, then reads its reply from the sandbox.
    pub(super) async fn wait(
        installation: &Installation,
        sandbox: &Client,
        trigger: MessageId,
        longest: Duration,
    ) -> anyhow::Result<Self> {
        let record = record(installation, trigger, longest).await?;
        let sent = record.turns.iter().flat_map(|turn| &turn.posts);
        let ids: Vec<&String> = sent.filter_map(|post| post.message_id.as_ref()).collect();
        let mut posts = Vec::with_capacity(ids.len());
        for id in &ids {
            // A message that somebody deleted since is no part of the reply.
            if let Some(message) = sandbox.find(&format!("messages/{id}")).await? {
                posts.push(post(id, &message));
            }
        }
        let first = ids.first().and_then(|id| id.parse::<MessageId>().ok());
        let first_reply_ms = first.map(|first| {
            first
                .created_at_ms()
                .saturating_sub(trigger.created_at_ms())
        });
        let ends = record
            .turns
            .iter()
            .filter(|turn| turn.state != "done")
            .map(end)
            .collect();
        let is_settled = record.is_settled();
        Ok(Self {
            decision: record.code,
            posts,
            first_reply_ms,
            is_settled,
            ends,
        })
    }

    /// Tells whether there is a reply or a recorded refusal.
    pub(super) fn is_good(&self) -> bool {
        let is_refused = self
            .decision
            .as_deref()
            .is_some_and(|code| code != ACCEPTED);
        self.is_settled && (is_refused || !self.posts.is_empty())
    }

    /// Says what is not as one would wish.
    pub(super) fn problem(&self, timeout_ms: u64) -> Option<String> {
        match &self.decision {
            None => Some(format!(
                "nothing is recorded about the message after {timeout_ms} ms"
            )),
            Some(_) if !self.is_settled => {
                Some(format!("the reply is not whole after {timeout_ms} ms"))
            }
            Some(code) if code != ACCEPTED => Some(format!("not answered: {code}")),
            Some(_) if !self.ends.is_empty() => Some(format!("turn {}", self.ends.join(", "))),
            Some(_) => None,
        }
    }
}

/// Says in few words what the record tells about a message now: a refusal, how its turns ended.
pub(crate) async fn fate(
    installation: &Installation,
    trigger: MessageId,
) -> anyhow::Result<String> {
    let record = record(installation, trigger, Duration::ZERO).await?;
    Ok(match record.code.as_deref() {
        None => "nothing recorded".to_owned(),
        Some(ACCEPTED) => record.turns.iter().map(end).collect::<Vec<_>>().join(", "),
        Some(code) => code.to_owned(),
    })
}

/// Says what to do where no whole reply comes: what does not work, and how to mend that.
pub(super) fn way_out(state: &State) -> String {
    let idle: Vec<String> = state
        .wanted()
        .into_iter()
        .filter_map(|part| match state.running(part).map(Identity::activity) {
            Some(Activity::Running) => None,
            Some(Activity::Frozen) => {
                Some(format!("{part} is frozen: ./dev stop {part} --signal CONT"))
            }
            Some(Activity::Gone) | None => Some(format!("{part} does not run: ./dev start {part}")),
        })
        .collect();
    if idle.is_empty() {
        "everything runs: see ./dev status, ./dev logs".to_owned()
    } else {
        idle.join("\n")
    }
}

fn post(id: &str, message: &Value) -> Post {
    let text = |path| {
        message
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Post {
        id: id.to_owned(),
        content: text("/content"),
        author: text("/author/username"),
    }
}

fn end(turn: &Turn) -> String {
    let reason = turn.reason.as_deref().map(|reason| format!(" ({reason})"));
    format!("{}{}", turn.state, reason.unwrap_or_default())
}

/// Waits until the bot's record of a message is final.
pub(crate) async fn record(
    installation: &Installation,
    trigger: MessageId,
    longest: Duration,
) -> anyhow::Result<Record> {
    read(&explain(installation, trigger, longest).await?)
}

/// Understands what [`explain`] returned.
pub(crate) fn read(explained: &Value) -> anyhow::Result<Record> {
    Record::deserialize(explained).context("`worker explain` printed something else")
}

/// The same as the bot's operator command prints it.
pub(crate) async fn explain(
    installation: &Installation,
    trigger: MessageId,
    longest: Duration,
) -> anyhow::Result<Value> {
    let (trigger, wait_ms) = (trigger.to_string(), longest.as_millis().to_string());
    let arguments = ["explain", &trigger, "--wait-ms", &wait_ms, "--json"];
    let mut command = installation.worker_command(&arguments)?;
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(longest + COMMAND_MARGIN, command.output()).await;
    let output = output.context("`worker explain` did not end in time")??;
    let printed = String::from_utf8_lossy(&output.stdout);
    let document = printed.lines().rfind(|line| line.starts_with('{'));
    match document {
        Some(document) => {
            serde_json::from_str(document).context("`worker explain` printed something else")
        }
        None => {
            let problem = String::from_utf8_lossy(&output.stderr);
            bail!("`worker explain` failed: {}", problem.trim())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_do_not_run_are_named_with_what_starts_them() {
        let state = State {
            workers: 1,
            ..State::default()
        };
        let way_out = way_out(&state);
        assert!(way_out.contains("gateway does not run: ./dev start gateway"));
        assert!(way_out.contains("./dev start worker-1"), "{way_out}");
    }
}
