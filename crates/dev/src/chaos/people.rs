//! Says what the plan says, when it says so, and remembers what had to be answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::judge::{Asked, Wanted};
use super::plan::{Asks, CHANNELS, Change, DIRECT, SERVERS, Saying, Spot};
use super::script::Script;
use crate::command::set_up;
use crate::sandbox::client::{Client, Place};

/// The people of a run and what they have said.
#[derive(Clone, Debug)]
pub(super) struct People {
    sandbox: Client,
    script: Script,
    bot: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    sent: Arc<Mutex<usize>>,
}

impl People {
    /// Makes every place and sets the bot up there, by `/setup` as its owner would.
    pub(super) async fn gather(url: &str, script: Script) -> anyhow::Result<Self> {
        let sandbox = Client::new(url.to_owned());
        for server in 0..SERVERS {
            for channel in 0..CHANNELS {
                let place = place(Spot::Channel { server, channel }, server);
                if channel == 0 {
                    set_up(url, &place).await?;
                }
                sandbox.post("places", &place.with(json!({}))).await?;
            }
        }
        for user in 0..DIRECT {
            set_up(url, &place(Spot::Direct, user)).await?;
        }
        let world = &sandbox.get("world").await?;
        let bot = world["bot_id"].as_str().context("the sandbox has a bot")?;
        Ok(Self {
            bot: bot.to_owned(),
            sandbox,
            script,
            asked: Arc::default(),
            sent: Arc::default(),
        })
    }

    /// Returns what had to be answered so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns how many messages were sent so far.
    pub(super) fn sent(&self) -> usize {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says everything, each at its time after `began`.
    pub(super) async fn talk(&self, sayings: &[Saying], began: Instant) -> anyhow::Result<()> {
        let mut talking = JoinSet::new();
        for saying in sayings {
            sleep_until(began + Duration::from_millis(saying.at_ms)).await;
            talking.spawn(self.clone().say(saying.clone()));
            while let Some(said) = talking.try_join_next() {
                said??;
            }
        }
        while let Some(said) = talking.join_next().await {
            said??;
        }
        Ok(())
    }

    async fn say(self, saying: Saying) -> anyhow::Result<()> {
        let content = self.script.question(&saying, &self.bot);
        let place = place(saying.place, saying.user);
        let said = place.with(json!({"content": content}));
        let said = self.sandbox.post("messages", &said).await?;
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let id = |name: &str| {
            let id = said.get(name).and_then(Value::as_str);
            id.with_context(|| format!("a message has its {name}"))
        };
        let (trigger, channel) = (id("id")?, id("channel_id")?);
        if let Some(wanted) = wanted(&saying) {
            let asked = Asked {
                number: saying.number,
                trigger: trigger.parse()?,
                channel: channel.parse()?,
                parts: saying.parts,
                wanted,
                wants_thread: saying.wants_thread,
            };
            self.asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(asked);
        }
        let Some((after_ms, change)) = saying.change else {
            return Ok(());
        };
        sleep(Duration::from_millis(after_ms)).await;
        let path = format!("channels/{channel}/messages/{trigger}");
        match change {
            Change::Delete => self.sandbox.delete(&path).await?,
            Change::Edit => {
                let content = self.script.edited(&saying, &self.bot);
                self.sandbox
                    .patch(&path, &json!({"content": content}))
                    .await?
            }
        };
        Ok(())
    }
}

/// Returns what must become of a message; `None`: nothing.
fn wanted(saying: &Saying) -> Option<Wanted> {
    match (saying.asks, saying.change) {
        (Asks::Nothing, _) => None,
        (_, Some((_, Change::Delete))) => Some(Wanted::AnyBeginning),
        (Asks::Fault(_), _) => Some(Wanted::Excuse),
        (Asks::Answer, _) => Some(Wanted::Answer),
    }
}

fn place(spot: Spot, user: u16) -> Place {
    match spot {
        Spot::Channel { server, channel } => Place::channel(
            &format!("talker-{user}"),
            &format!("chaos-{server}/talk-{channel}"),
        ),
        // Others than those in the servers: who talks directly has a key of their own.
        Spot::Direct => Place::direct(&format!("private-{user}")),
    }
}
