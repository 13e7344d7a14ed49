//! Where a scenario is played: its place, its people, what was said, what was broken.

mod beside;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use proto::id::MessageId;
use regex::{Captures, Regex};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::expect::{Expect, Seen};
use super::scenario::{Scenario, Step};
use crate::command::walk::Walk;
use crate::command::{EPHEMERAL, print};
use crate::control::{self, Name};
use crate::installation::Installation;
use crate::part::Part;
use crate::sandbox::client::{Client, Place};
use crate::say::reply::{self, Record};
use crate::{command, console, launch};

/// Longest wait for one answer to a command.
const COMMAND_WAIT: Duration = Duration::from_mins(1);
/// What is posted after the end of a turn, such as why there is no reply, comes within this time.
const NOTICE_WAIT: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A message of a person.
#[derive(Clone, Debug)]
struct Said {
    id: MessageId,
    channel: String,
}

/// What the newest step asked for an answer.
#[derive(Debug)]
enum Newest {
    Nothing,
    Message(Said),
    Answer(Seen),
}

/// A stage.
pub(super) struct Stage<'a> {
    installation: &'a Installation,
    sandbox: Client,
    url: String,
    server: String,
    /// Tells the people of this run from those of others.
    ending: String,
    bot: String,
    said: HashMap<String, Said>,
    newest: Newest,
    settings: Value,
    is_shown: bool,
}

impl<'a> Stage<'a> {
    /// Makes the place and, unless the scenario does so itself, sets the bot up there.
    pub(super) async fn open(
        scenario: &Scenario,
        installation: &'a Installation,
        is_shown: bool,
    ) -> anyhow::Result<Self> {
        let url = installation.sandbox_url()?;
        let sandbox = Client::new(url.clone());
        let run: u32 = rand::random();
        let (server, ending) = match &scenario.server {
            Some(server) => (server.clone(), String::new()),
            None => (
                format!("{} {run:08x}", scenario.name),
                format!("-{run:08x}"),
            ),
        };
        let world = &sandbox.get("world").await?;
        let bot = world["bot_id"].as_str().unwrap_or_default().to_owned();
        let settings = sandbox.get("settings").await?;
        let stage = Self {
            installation,
            sandbox,
            url,
            server,
            ending,
            bot,
            said: HashMap::new(),
            newest: Newest::Nothing,
            settings,
            is_shown,
        };
        if scenario.set_up {
            command::set_up(&stage.url, &stage.place(&Step::default())).await?;
        }
        Ok(stage)
    }

    /// Mends what the scenario broke.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        self.sandbox.delete("model/faults").await?;
        self.sandbox.delete("faults").await?;
        self.sandbox.change_settings(&self.settings).await?;
        let state = self.installation.state()?;
        for part in state.wanted() {
            if state.running(part).is_none() {
                self.start(part).await?;
            }
        }
        Ok(())
    }

    fn place(&self, step: &Step) -> Place {
        let user = format!("{}{}", step.user.as_deref().unwrap_or("alice"), self.ending);
        match step.place.as_deref().unwrap_or("general") {
            "dm" => Place::direct(&user),
            channel => Place::channel(&user, &format!("{}/{channel}", self.server)),
        }
    }

    /// Does one step.
    pub(super) async fn act(&mut self, step: &Step) -> anyhow::Result<()> {
        if let Some(text) = &step.say {
            return self.say(step, text).await;
        }
        if let Some(message) = &step.forward {
            return self.forward(step, message).await;
        }
        if let Some(line) = &step.command {
            return self.command(step, line).await;
        }
        if let Some(expect) = &step.expect {
            return self.look(expect).await;
        }
        if let Some(message) = step.react.as_ref().or(step.unreact.as_ref()) {
            return self.touch(step, message).await;
        }
        if let Some(name) = &step.thread {
            return self.start_thread(step, name).await;
        }
        if let Some(message) = step.edit.as_ref().or(step.delete.as_ref()) {
            let Said { id, channel } = self.find(message)?;
            let path = format!("channels/{channel}/messages/{id}");
            match &step.text {
                Some(text) => {
                    self.sandbox
                        .patch(&path, &json!({"content": self.fill(text)?}))
                        .await?
                }
                None => self.sandbox.delete(&path).await?,
            };
            return Ok(());
        }
        if let Some(ms) = step.wait_ms {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return Ok(());
        }
        let orders = [
            ("model/faults", &step.model_fault),
            ("faults", &step.discord_fault),
            ("gateway", &step.gateway),
        ];
        for (path, order) in orders {
            if let Some(order) = order {
                self.sandbox.post(path, order).await?;
            }
        }
        if let Some(settings) = &step.set {
            self.sandbox.change_settings(settings).await?;
        }
        self.control(step).await
    }

    async fn control(&self, step: &Step) -> anyhow::Result<()> {
        let part = |name: &str| name.parse::<Part>().map_err(anyhow::Error::msg);
        if let Some(name) = &step.kill {
            control::signal(self.installation, part(name)?, Name::Kill).await?;
        }
        if let Some(name) = step.stop.as_ref().or(step.restart.as_ref()) {
            control::signal(self.installation, part(name)?, Name::Term).await?;
        }
        if let Some(name) = step.start.as_ref().or(step.restart.as_ref()) {
            self.start(part(name)?).await?;
        }
        Ok(())
    }

    async fn start(&self, part: Part) -> anyhow::Result<()> {
        let _lock = self.installation.lock()?;
        let mut state = self.installation.state()?;
        launch::start(self.installation, &mut state, part).await?;
        launch::wait_until_ready(self.installation, &state, part).await
    }

    fn find(&self, name: &str) -> anyhow::Result<Said> {
        let said = self.said.get(name).cloned();
        said.with_context(|| format!("no message of the scenario is called \"{name}\""))
    }

    /// Writes `{bot}` as a mention of the bot and `{3×ha}` as "hahaha".
    fn fill(&self, text: &str) -> anyhow::Result<String> {
        let repeated = Regex::new(r"\{(\d{1,4})×([^}]+)\}")?;
        let text = repeated.replace_all(text, |found: &Captures<'_>| {
            let part = |index| {
                found
                    .get(index)
                    .map_or("", |part: regex::Match<'_>| part.as_str())
            };
            part(2).repeat(part(1).parse().unwrap_or(1))
        });
        Ok(text.replace("{bot}", &format!("<@{}>", self.bot)))
    }

    async fn say(&mut self, step: &Step, text: &str) -> anyhow::Result<()> {
        let place = self.place(step);
        let is_addressed = step
            .address
            .unwrap_or(step.reply_to.is_none() && place.channel.is_some());
        let mut message = json!({
            "content": self.fill(text)?, "address": is_addressed, "stickers": step.stickers,
            "poll": step.poll, "embeds": step.embeds,
        });
        if let Some(name) = &step.reply_to {
            let id = self.answered(name).await?;
            if let Some(fields) = message.as_object_mut() {
                fields.insert("reply_to".to_owned(), id.into());
            }
        }
        self.show(step.user.as_deref().unwrap_or("alice"), text);
        self.post(step, message).await
    }

    /// Posts a message, which is the newest from now on.
    async fn post(&mut self, step: &Step, message: Value) -> anyhow::Result<()> {
        let place = self.place(step);
        let said = self.sandbox.post("messages", &place.with(message)).await?;
        let field = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
        let said = Said {
            id: field("id").parse()?,
            channel: field("channel_id").to_owned(),
        };
        if let Some(name) = &step.id {
            self.said.insert(name.clone(), said.clone());
        }
        self.newest = Newest::Message(said);
        Ok(())
    }

    /// Returns the id of the message that is answered: a named one, or the bot's newest.
    async fn answered(&self, name: &str) -> anyhow::Result<String> {
        match (&self.newest, name) {
            (Newest::Message(said), "reply") => {
                let seen = self.messages_after(said).await?;
                let newest = seen.last().and_then(|message| message["id"].as_str());
                Ok(newest.context("the bot has not replied")?.to_owned())
            }
            _ => Ok(self.find(name)?.id.to_string()),
        }
    }

    async fn command(&mut self, step: &Step, line: &str) -> anyhow::Result<()> {
        let place = self.place(step);
        self.show(step.user.as_deref().unwrap_or("alice"), line);
        let mut walk = Walk::start(&self.sandbox, &place, line, COMMAND_WAIT).await?;
        for then in &step.then {
            walk.take(&then.step()?).await?;
        }
        let view = walk.view();
        let text = print::text(view);
        let flags = view
            .pointer("/message/flags")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        self.show("bot", &text);
        let is_ephemeral = flags & EPHEMERAL != 0;
        self.newest = Newest::Answer(Seen {
            texts: vec![text],
            is_ephemeral,
            ..Seen::default()
        });
        Ok(())
    }

    async fn look(&self, expect: &Expect) -> anyhow::Result<()> {
        let said = match (&expect.of, &self.newest) {
            (Some(name), _) => self.find(name)?,
            (None, Newest::Message(said)) => said.clone(),
            (None, Newest::Answer(seen)) => return tell(&expect.differences(seen)?, seen),
            (None, Newest::Nothing) => bail!("nothing was said yet"),
        };
        let longest = Duration::from_millis(expect.longest_ms());
        let mut deadline = Instant::now() + longest;
        let record = if expect.begun {
            None
        } else {
            let record = reply::record(self.installation, said.id, longest).await?;
            let is_settled = record.is_settled();
            ensure!(
                is_settled || expect.no_reply,
                "the reply is not whole after {longest:?}"
            );
            // A refusal is recorded before it is told.
            let notice = if expect.no_reply {
                Duration::ZERO
            } else {
                NOTICE_WAIT
            };
            deadline = Instant::now() + notice;
            Some(record)
        };
        loop {
            let seen = self.seen(&said, record.as_ref()).await?;
            let differences = expect.differences(&seen)?;
            if differences.is_empty() || Instant::now() >= deadline {
                seen.texts.iter().for_each(|text| self.show("bot", text));
                return tell(&differences, &seen);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the bot posted about a message: its reply, and messages that answer it.
    async fn seen(&self, said: &Said, record: Option<&Record>) -> anyhow::Result<Seen> {
        let recorded = record.map(Record::posts).unwrap_or_default();
        let trigger = said.id.to_string();
        // An accepted message has its record; before that, whatever the bot says may be meant.
        let is_open = record.is_none_or(|record| record.code.as_deref() != Some(reply::ACCEPTED));
        let is_meant = |message: &&Value| {
            let id = message["id"].as_str().unwrap_or_default();
            let answered = message.pointer("/message_reference/message_id");
            let answered = answered.and_then(Value::as_str);
            recorded.contains(&id) || answered == Some(&trigger) || (is_open && answered.is_none())
        };
        let messages = self.messages_after(said).await?;
        let meant: Vec<&Value> = messages.iter().filter(is_meant).collect();
        let text = |message: &&Value| message["content"].as_str().unwrap_or_default().to_owned();
        let first = meant
            .first()
            .and_then(|message| message["id"].as_str()?.parse::<MessageId>().ok());
        Ok(Seen {
            decision: record.and_then(|record| record.code.clone()),
            texts: meant.iter().map(text).collect(),
            first_ms: first.map(|first| {
                first
                    .created_at_ms()
                    .saturating_sub(said.id.created_at_ms())
            }),
            is_ephemeral: false,
        })
    }

    /// The bot's messages after one of a person, oldest first.
    async fn messages_after(&self, said: &Said) -> anyhow::Result<Vec<Value>> {
        let path = format!("messages?channel_id={}&after={}", said.channel, said.id);
        let all = self.sandbox.get(&path).await?;
        let all = all.as_array().cloned().unwrap_or_default();
        let is_own = |message: &Value| {
            message.pointer("/author/id").and_then(Value::as_str) == Some(&self.bot)
        };
        Ok(all.into_iter().filter(is_own).collect())
    }

    fn show(&self, who: &str, text: &str) {
        if self.is_shown {
            console::result(format_args!("{who}: {text}"));
        }
    }
}

/// Longest part of a text that is told.
const TOLD_CHARACTERS: usize = 300;

fn tell(differences: &[String], seen: &Seen) -> anyhow::Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let cut = |text: &String| text.chars().take(TOLD_CHARACTERS).collect::<String>();
    let texts: Vec<_> = seen.texts.iter().map(cut).collect();
    let decision = seen.decision.as_deref().unwrap_or("none");
    bail!(
        "{}\n  seen (decision {decision}): {texts:#?}",
        differences.join("; ")
    )
}
