//! `create_thread`: starts a public thread in the channel.
//!
//! Discord knows no nonce for threads, so an attempt whose outcome is unknown is never repeated.

use discord::{NewThread, Wanted};
use proto::id::ChannelId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Outcome;

/// Discord's bounds for a name (its channel page, 2026-11).
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 1..=100;

const DESCRIPTION: &str = "Starts a public thread in this channel. Use it only when somebody asks \
    for a thread. The thread is empty at first, and you go on speaking in this channel.";

pub(super) fn offer() -> (&'static str, Value) {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "The thread's name, at most 100 characters."},
        },
        "required": ["name"],
    });
    (DESCRIPTION, schema)
}

/// What the model gives.
#[derive(Deserialize)]
pub(super) struct Arguments {
    name: String,
}

impl Arguments {
    /// Returns the name, where Discord can take it.
    pub(super) fn name(self) -> Option<String> {
        let name = self.name.trim();
        NAME_LENGTH
            .contains(&name.chars().count())
            .then(|| name.to_owned())
    }
}

pub(super) async fn act(
    discord: &discord::Client,
    channel: ChannelId,
    (name, is_announcement): (&str, bool),
    wanted: Wanted<'_>,
) -> Result<Outcome, discord::Error> {
    let thread = NewThread {
        name,
        is_announcement,
    };
    let made = discord.create_thread(channel, thread, wanted).await?;
    Ok(Outcome::ThreadCreated(made))
}
