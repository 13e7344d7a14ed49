//! Breaks things as the plan says, and notes what each lone kill has to be measured by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proto::id::MessageId;
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::plan::{Action, Trouble, What};
use super::recovery::Death;
use super::site::Site;
use crate::console;
use crate::part::Part;
use crate::sandbox::client::Client;

/// Turns of a worker that was just killed: what they answer, and whether a post of theirs or a use of
/// a tool was on its way. The name of a worker's process begins with its `WORKER_ID`.
const RUNNING_TURNS: &str = "SELECT t.trigger_message_id, EXISTS (SELECT FROM turn_posts p \
     WHERE p.turn_id = t.turn_id AND p.state = 'sending') OR EXISTS (SELECT FROM turn_steps s \
     WHERE s.turn_id = t.turn_id AND s.result IS NULL) FROM turns t \
     WHERE t.ended_at IS NULL AND t.state <> 'queued' AND t.worker_id LIKE ";

/// Whoever breaks things.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    site: Arc<Site>,
    sandbox: Client,
    record: Arc<Mutex<Record>>,
}

/// What was broken.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// How often each kind of process got each signal.
    pub(super) kills: BTreeMap<String, usize>,
    pub(super) cuts: usize,
    pub(super) troubles: usize,
    /// Lone kills.
    pub(super) deaths: Vec<Death>,
}

impl Crew {
    /// A crew for a site.
    pub(super) fn new(site: Arc<Site>, sandbox: Client) -> Self {
        Self {
            site,
            sandbox,
            record: Arc::default(),
        }
    }

    /// Returns what was broken so far.
    pub(super) fn record(&self) -> Record {
        self.with(|record| record.clone())
    }

    fn with<T>(&self, note: impl FnOnce(&mut Record) -> T) -> T {
        note(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Breaks everything, each at its time after `began`; returns when all of it is whole again.
    pub(super) async fn work(&self, actions: &[Action], began: Instant) -> anyhow::Result<()> {
        let mut working = JoinSet::new();
        for action in actions {
            sleep_until(began + Duration::from_millis(action.at_ms)).await;
            console::note(action);
            working.spawn(self.clone().act(action.clone()));
            while let Some(done) = working.try_join_next() {
                done??;
            }
        }
        while let Some(done) = working.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn act(self, action: Action) -> anyhow::Result<()> {
        let is_done = match &action.what {
            What::Kill { part, down_ms } => {
                let killed = self.end(*part, Signal::KILL, *down_ms, action.is_lone);
                killed.await?
            }
            What::End { part, down_ms } => {
                // PostgreSQL takes SIGTERM as "when all clients are gone".
                let signal = if *part == Part::Postgres {
                    Signal::INT
                } else {
                    Signal::TERM
                };
                self.end(*part, signal, *down_ms, false).await?
            }
            What::Freeze { part, for_ms } => {
                let keeper = &self.site.keeper;
                keeper.freeze(*part, Duration::from_millis(*for_ms)).await?
            }
            What::Cut(server) => {
                self.site.cut(*server);
                self.with(|record| record.cuts += 1);
                return Ok(());
            }
            What::Trouble(trouble) => {
                self.with(|record| record.troubles += 1);
                return self.trouble(trouble).await;
            }
        };
        if let Some(name) = action.what.kill_name().filter(|_| is_done) {
            self.with(|record| *record.kills.entry(name).or_default() += 1);
        }
        Ok(())
    }

    async fn end(
        &self,
        part: Part,
        signal: Signal,
        down_ms: u64,
        is_lone: bool,
    ) -> anyhow::Result<bool> {
        let keeper = &self.site.keeper;
        let Some(at_ms) = keeper.end(part, signal).await? else {
            return Ok(false);
        };
        if is_lone {
            let death = self.death(part, at_ms).await?;
            self.with(|record| record.deaths.push(death));
        }
        sleep(Duration::from_millis(down_ms)).await;
        keeper.let_back(part);
        Ok(true)
    }

    /// Notes what a process that was just killed was busy with.
    async fn death(&self, part: Part, at_ms: u64) -> anyhow::Result<Death> {
        let turns = if let Part::Worker(_) = part {
            let statement = format!("{RUNNING_TURNS} '{part}-%'");
            turns(&self.site.query(&statement).await?)
        } else {
            Vec::new()
        };
        Ok(Death { part, at_ms, turns })
    }

    async fn trouble(&self, trouble: &Trouble) -> anyhow::Result<()> {
        let (path, order) = match trouble {
            Trouble::Discord(order) => ("faults", order),
            Trouble::Model(order) => ("model/faults", order),
            Trouble::Gateway(order) => ("gateway", order),
            Trouble::Forgetful { for_ms } => return self.forget_nonces(*for_ms).await,
        };
        self.sandbox.post(path, order).await.map(drop)
    }

    async fn forget_nonces(&self, for_ms: u64) -> anyhow::Result<()> {
        let settings = &self.sandbox.get("settings").await?;
        let usual = json!({"nonce_window_ms": settings["nonce_window_ms"]});
        let none = json!({"nonce_window_ms": 0});
        self.sandbox.change_settings(&none).await?;
        sleep(Duration::from_millis(for_ms)).await;
        self.sandbox.change_settings(&usual).await.map(drop)
    }
}

/// Reads what `psql` prints: `ID|t` or `ID|f`.
fn turns(printed: &str) -> Vec<(MessageId, bool)> {
    let lines = printed.lines().filter_map(|line| line.split_once('|'));
    lines
        .filter_map(|(id, is_sending)| Some((id.parse().ok()?, is_sending == "t")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_whether_a_post_was_on_its_way() {
        let wanted = [(MessageId(12), true), (MessageId(13), false)];
        assert_eq!(turns("12|t\n13|f\n|f\n"), wanted);
    }
}
