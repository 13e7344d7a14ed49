//! Waits until nothing more is to come, and judges what came.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::Args;
use super::effects::{self, Effects, Thread};
use super::judge::{Asked, Seen, Verdict, judge};
use super::people::People;
use super::reading::{self, Standing};
use super::script::Script;
use super::site::{NAME, Site};
use crate::sandbox::client::Client;
use crate::soak::broker::Broker;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Nothing runs and nothing comes any more for so many looks: what is missing stays missing. A
/// successor waits up to 15 s before it looks for a post in doubt, and a gateway may be resuming.
const STILL_LOOKS: u32 = 15;
const OPEN_TURNS: &str = "SELECT count(*) FROM turns WHERE ended_at IS NULL";

/// A run whose messages are sent and whose processes are whole again.
pub(super) struct Settling<'a> {
    pub(super) args: &'a Args,
    pub(super) site: &'a Site,
    pub(super) sandbox: &'a Client,
    pub(super) people: &'a People,
    pub(super) script: Script,
}

/// How everything stood at the end.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) asked: Vec<Asked>,
    pub(super) seen: Vec<Seen>,
    pub(super) threads: Vec<Thread>,
    pub(super) verdict: Verdict,
    pub(super) effects: Effects,
    /// Posts that somebody took back.
    pub(super) withdrawn: usize,
    /// Turns that nobody ended.
    pub(super) open_turns: usize,
    /// Events in the stream.
    pub(super) pending: u64,
    pub(super) is_settled: bool,
}

impl Settling<'_> {
    /// Waits until every answer is whole, no turn is open and the stream is empty, twice in a row;
    /// or until nothing has moved for long; or until the patience is over.
    pub(super) async fn wait(&self) -> anyhow::Result<Outcome> {
        let deadline = Instant::now() + Duration::from_secs(self.args.patience_seconds);
        let mut before = self.look().await?;
        let mut still = 0;
        loop {
            sleep(LOOK_EVERY).await;
            let now = self.look().await?;
            let is_quiet = now.open_turns == 0 && now.pending == 0;
            let has_moved = now.seen.len() != before.seen.len();
            still = if is_quiet && !has_moved { still + 1 } else { 0 };
            let is_settled = still > 0 && now.verdict.is_whole() || still >= STILL_LOOKS;
            before = now;
            before.is_settled = is_settled;
            if is_settled || Instant::now() >= deadline {
                return Ok(before);
            }
        }
    }

    async fn look(&self) -> anyhow::Result<Outcome> {
        let asked = self.people.asked();
        let Standing {
            seen,
            threads,
            withdrawn,
        } = reading::standing(self.sandbox, self.script, &asked).await?;
        let verdict = judge(&asked, &seen);
        let effects = effects::judge(&asked, &threads, &verdict);
        let open_turns = self.site.query(OPEN_TURNS).await?;
        let open_turns = open_turns.trim().parse().context("a count is a number")?;
        let broker = Broker::at(&self.site.broker_url, NAME.to_owned()).await?;
        let pending = broker.standing().await?.pending;
        Ok(Outcome {
            asked,
            seen,
            threads,
            verdict,
            effects,
            withdrawn,
            open_turns,
            pending,
            is_settled: false,
        })
    }
}
