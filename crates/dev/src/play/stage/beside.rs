//! Steps beside speaking: reactions and threads.

use anyhow::Context as _;
use serde_json::json;

use super::super::scenario::Step;
use super::{Newest, Said, Stage};

impl Stage<'_> {
    /// Adds a reaction to a message or takes it away.
    pub(super) async fn touch(&self, step: &Step, message: &str) -> anyhow::Result<()> {
        let place = self.place(step);
        // Whoever is named is there from now on.
        self.sandbox.post("places", &place.with(json!({}))).await?;
        let Said { id, channel } = self.meant(message).await?;
        let emoji = step.emoji.as_deref().unwrap_or_default();
        let touch = json!({
            "user": place.user, "channel_id": channel, "message_id": id.to_string(),
            "emoji": emoji,
        });
        if step.react.is_some() {
            self.sandbox.post("reactions", &touch).await?;
        } else {
            self.sandbox.take("reactions", &touch).await?;
        }
        self.show(step.user.as_deref().unwrap_or("alice"), emoji);
        Ok(())
    }

    /// Forwards a message to where the step is.
    pub(super) async fn forward(&mut self, step: &Step, message: &str) -> anyhow::Result<()> {
        let Said { id, channel } = self.meant(message).await?;
        self.show(step.user.as_deref().unwrap_or("alice"), "(a forward)");
        let forward = json!({"channel_id": channel, "message_id": id.to_string()});
        self.post(step, json!({"forward": forward})).await
    }

    /// Starts a thread, which later steps name as they name channels.
    pub(super) async fn start_thread(&self, step: &Step, name: &str) -> anyhow::Result<()> {
        let thread = match &step.from {
            Some(message) => {
                let id = self.meant(message).await?.id.to_string();
                json!({"name": name, "message_id": id})
            }
            None => json!({"name": name}),
        };
        let thread = self.place(step).with(thread);
        self.sandbox.post("threads", &thread).await.map(drop)
    }

    /// Finds a message by its name; `reply` is the bot's newest.
    async fn meant(&self, name: &str) -> anyhow::Result<Said> {
        match &self.newest {
            Newest::Message(said) if name == "reply" => Ok(Said {
                id: self.answered(name).await?.parse().context("an id")?,
                channel: said.channel.clone(),
            }),
            _ => self.find(name),
        }
    }
}
