//! `worker explain MESSAGE`: what was decided about a message, and what became of its turns.
//!
//! Ids, states and reasons only; the words are not stored.

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use proto::id::MessageId;
use serde::Serialize;
use store::{ExplainedTurn, Explanation, Post, Step, Store};
use tokio::time::{Instant, sleep};

/// Between two looks while waiting for the end of a turn.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One document: the answer of this command.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: u8,
    message_id: String,
    /// `None` when nothing is recorded about the message.
    code: Option<&'static str>,
    decided_at: Option<DateTime<Utc>>,
    /// Whether nothing will change any more.
    is_final: bool,
    turns: Vec<TurnReport>,
}

#[derive(Debug, Serialize)]
struct TurnReport {
    turn_id: String,
    ordinal: i32,
    state: &'static str,
    reason: Option<String>,
    attempts: i32,
    worker: Option<String>,
    admitted_at: DateTime<Utc>,
    /// Of the last claim.
    claimed_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    posts: Vec<PostReport>,
    /// What people were told about its end, where that was not as one would wish.
    notice: Option<PostReport>,
    steps: Vec<StepReport>,
}

#[derive(Debug, Serialize)]
struct PostReport {
    ordinal: i32,
    state: &'static str,
    message_id: Option<String>,
}

/// A use of a tool that has effects.
#[derive(Debug, Serialize)]
struct StepReport {
    step: i32,
    ordinal: i32,
    tool: String,
    /// `started` for one of which nobody knows what came of it.
    state: &'static str,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.unwrap_or("nothing is recorded");
        write!(f, "message {}: {code}", self.message_id)?;
        if let Some(at) = self.decided_at {
            write!(f, ", {}", moment(at))?;
        }
        for turn in &self.turns {
            let reason = turn.reason.as_deref().map(|reason| format!(" ({reason})"));
            write!(
                f,
                "\n  turn {}: {}{}, {} posts, {} uses of tools, begun {} times",
                turn.turn_id,
                turn.state,
                reason.unwrap_or_default(),
                turn.posts.len(),
                turn.steps.len(),
                turn.attempts,
            )?;
            if let Some(at) = turn.ended_at {
                let after = at - turn.admitted_at;
                write!(
                    f,
                    ", ended {} after {} ms",
                    moment(at),
                    after.num_milliseconds()
                )?;
            }
        }
        Ok(())
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Report {
    /// Tells whether something is recorded and settled.
    pub const fn is_settled(&self) -> bool {
        self.code.is_some() && self.is_final
    }
}

/// Looks a message up, and again until it is settled or `wait` is over.
///
/// # Errors
/// The database cannot be reached.
pub async fn explain(
    database: &store::Settings,
    message: MessageId,
    wait: Duration,
) -> anyhow::Result<Report> {
    let store = Store::connect(database)
        .await
        .context("cannot connect to the database")?;
    let give_up = Instant::now() + wait;
    loop {
        let found = store
            .explain(message)
            .await
            .context("the record cannot be read")?;
        let report = report(message, found);
        if report.is_settled() || Instant::now() >= give_up {
            store.close().await;
            return Ok(report);
        }
        sleep(LOOK_EVERY).await;
    }
}

fn report(message: MessageId, found: Option<Explanation>) -> Report {
    let code = found.as_ref().map(|found| found.code.as_str());
    let decided_at = found.as_ref().map(|found| found.decided_at);
    let turns = found.map(|found| found.turns).unwrap_or_default();
    Report {
        schema: 1,
        message_id: message.to_string(),
        code,
        decided_at,
        is_final: turns.iter().all(|one| one.turn.state.is_final()),
        turns: turns.into_iter().map(turn_report).collect(),
    }
}

fn turn_report(explained: ExplainedTurn) -> TurnReport {
    let ExplainedTurn {
        turn,
        reason,
        times,
        posts,
        steps,
    } = explained;
    let (notices, reply): (Vec<Post>, Vec<Post>) = posts.into_iter().partition(Post::is_notice);
    TurnReport {
        turn_id: turn.id.to_string(),
        ordinal: turn.ordinal,
        state: turn.state.as_str(),
        reason,
        attempts: turn.attempts,
        worker: turn.worker,
        admitted_at: times.admitted,
        claimed_at: times.claimed,
        ended_at: times.ended,
        posts: reply.into_iter().map(post_report).collect(),
        notice: notices.into_iter().next().map(post_report),
        steps: steps.into_iter().map(step_report).collect(),
    }
}

fn post_report(post: Post) -> PostReport {
    PostReport {
        ordinal: post.ordinal,
        state: post.state.as_str(),
        message_id: post.message.map(|id| id.to_string()),
    }
}

fn step_report(step: Step) -> StepReport {
    StepReport {
        step: step.step,
        ordinal: step.ordinal,
        tool: step.tool,
        state: if step.result.is_some() {
            "finished"
        } else {
            "started"
        },
    }
}
