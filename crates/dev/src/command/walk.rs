//! One person's way through a command: what was shown, and what they do with it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::files;
use super::steps::Step;
use crate::sandbox::client::{Client, Place};

/// Longest wait of one request; the sandbox holds none longer.
const ONE_WAIT_MS: u128 = 20_000;
/// Types of components (Discord components page, 2026-11).
const BUTTON: u64 = 2;
/// String, user, role, mentionable and channel selects.
const SELECTS: [u64; 5] = [3, 5, 6, 7, 8];

/// What a command of a menu is used on.
pub(super) enum Target {
    /// A message of the place, by its id.
    Message(u64),
    /// Somebody by name.
    Member(String),
}

/// A walk and what the person sees now.
pub(crate) struct Walk<'a> {
    sandbox: &'a Client,
    place: &'a Place,
    longest: Duration,
    view: Value,
    panel: Value,
    steps: usize,
}

impl<'a> Walk<'a> {
    /// Runs a command and waits for its answer.
    pub(crate) async fn start(
        sandbox: &'a Client,
        place: &'a Place,
        command: &str,
        longest: Duration,
    ) -> anyhow::Result<Self> {
        let files = files::of_line(command)?;
        let doing = json!({"command": command, "files": files});
        Self::open(sandbox, place, doing, longest).await
    }

    /// Uses the command of that name in the menu of a message or a person, and waits for its answer.
    pub(super) async fn start_on(
        sandbox: &'a Client,
        place: &'a Place,
        (name, target): (&str, &Target),
        longest: Duration,
    ) -> anyhow::Result<Self> {
        let (kind, id) = match target {
            Target::Message(id) => (3, Value::from(*id)),
            Target::Member(name) => {
                let place = place.seen_by(name).with(json!({}));
                let found = &sandbox.post("places", &place).await?;
                (2, found["user_id"].clone())
            }
        };
        let invoke = json!({"name": name, "type": kind, "target_id": id});
        Self::open(sandbox, place, json!({"invoke": invoke}), longest).await
    }

    async fn open(
        sandbox: &'a Client,
        place: &'a Place,
        doing: Value,
        longest: Duration,
    ) -> anyhow::Result<Self> {
        let (view, panel) = (Value::Null, Value::Null);
        let mut walk = Self {
            sandbox,
            place,
            longest,
            view,
            panel,
            steps: 0,
        };
        walk.interact(doing).await?;
        Ok(walk)
    }

    /// What the last step was answered with.
    pub(crate) fn view(&self) -> &Value {
        &self.view
    }

    /// The message with the panel that was shown last.
    fn panel(&self) -> &Value {
        &self.panel
    }

    /// How many interactions there were.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Does something with what is shown and waits for the answer.
    pub(crate) async fn take(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Press(button) => {
                let id = self.component(&[BUTTON], "label", button)?["custom_id"].clone();
                self.use_component(&id, &[]).await
            }
            Step::Select(select, value) => {
                let select = self.component(&SELECTS, "placeholder", select)?;
                let (id, value) = (select["custom_id"].clone(), choice(select, value));
                self.use_component(&id, &[value]).await
            }
            Step::Send(fields) => self.send(fields).await,
        }
    }

    /// Finds the component with that id, or that text under `key`.
    fn component(&self, kinds: &[u64], key: &str, wanted: &str) -> anyhow::Result<&Value> {
        let all = components(&self.panel()["components"]);
        let fitting = |one: &&Value| {
            one["type"]
                .as_u64()
                .is_some_and(|kind| kinds.contains(&kind))
        };
        let named = |one: &&&Value| one["custom_id"] == wanted || one[key] == wanted;
        let all: Vec<_> = all.into_iter().filter(fitting).collect();
        let names = || {
            let names = all.iter().map(|one| one[key].as_str().unwrap_or("unnamed"));
            names.collect::<Vec<_>>().join(", ")
        };
        let found = all.iter().find(named);
        found
            .copied()
            .with_context(|| format!("\"{wanted}\" is not shown; shown: {}", names()))
    }

    async fn use_component(&mut self, id: &Value, values: &[String]) -> anyhow::Result<()> {
        let message = self.panel()["id"].clone();
        let used = json!({"message_id": message, "custom_id": id, "values": values});
        self.interact(json!({"component": used})).await
    }

    async fn send(&mut self, given: &[(String, String)]) -> anyhow::Result<()> {
        let modal = &self.view()["modal"];
        if modal.is_null() {
            bail!("no form is open");
        }
        let known = fields(modal);
        let mut fields = Map::new();
        for (name, value) in given {
            let field = known.iter().find(|(id, label)| id == name || label == name);
            let names = || {
                known
                    .iter()
                    .map(|(id, _)| id.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let (id, _) = field.with_context(|| {
                format!("the form has no field \"{name}\"; fields: {}", names())
            })?;
            fields.insert(id.clone(), value.as_str().into());
        }
        let form = json!({"interaction_id": self.view()["id"], "fields": fields});
        self.interact(json!({"form": form})).await
    }

    async fn interact(&mut self, body: Value) -> anyhow::Result<()> {
        let started = &self
            .sandbox
            .post("interactions", &self.place.with(body))
            .await?;
        let id = started["id"].as_str().unwrap_or_default().to_owned();
        self.steps += 1;
        self.view = self.answer(&id).await?;
        let message = &self.view()["message"];
        if message.is_object() {
            self.panel = message.clone();
        }
        Ok(())
    }

    async fn answer(&self, id: &str) -> anyhow::Result<Value> {
        let deadline = Instant::now() + self.longest;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait_ms = left.as_millis().min(ONE_WAIT_MS);
            let view = &self
                .sandbox
                .get(&format!("interactions/{id}?wait_ms={wait_ms}"))
                .await?;
            match view["state"].as_str() {
                Some("answered") => return Ok(view.clone()),
                Some("failed") => bail!("the application did not respond within 3 s"),
                _ if left.is_zero() => {
                    bail!("no final answer within {} ms", self.longest.as_millis())
                }
                _ => {}
            }
        }
    }
}

/// Returns all components, those within others too.
pub(super) fn components(value: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for component in value.as_array().into_iter().flatten() {
        found.push(component);
        found.extend(components(&component["components"]));
        for key in ["component", "accessory"] {
            found.extend(component.get(key));
        }
    }
    found
}

/// Returns id and label of a form's fields.
pub(super) fn fields(modal: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for row in modal["components"].as_array().into_iter().flatten() {
        for field in components(&json!([row])) {
            if let Some(id) = field["custom_id"].as_str() {
                let label = if field["label"].is_string() {
                    &field["label"]
                } else {
                    &row["label"]
                };
                found.push((id.to_owned(), text(label)));
            }
        }
    }
    found
}

/// Returns the value of an option that is named by its label.
fn choice(select: &Value, wanted: &str) -> String {
    let options = select["options"].as_array().into_iter().flatten();
    let mut labelled = options.filter(|option| option["label"] == wanted);
    let value = labelled.next().and_then(|option| option["value"].as_str());
    value.unwrap_or(wanted).to_owned()
}
