//! `worker dead-letters`: what became of events that were given up, and what to do about them.
//!
//! A record holds kind, ids and reason; the words are not stored (PRIV-81). An event is named by its
//! id, as `list` shows it.

mod answer;
mod retry;
mod stream;

use anyhow::Context as _;
use clap::Subcommand;
use proto::id::EventId;
use runtime::settings::sections::{DiscordSettings, NatsSettings};
use store::Store;

pub use self::answer::{Answer, Listing, Outcome, Shown};
use self::stream::DeadLetters;
use crate::run::connect_discord;

/// What an operator asks for.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// List the records, oldest first.
    List,
    /// Show one record.
    Show {
        /// Id of the event, as `list` shows it.
        #[arg(value_parser = parse_event)]
        event: EventId,
    },
    /// Read the message from Discord again, let it be judged anew, and remove the record.
    Retry {
        /// Id of the event, as `list` shows it.
        #[arg(value_parser = parse_event)]
        event: EventId,
    },
    /// Remove one record.
    Drop {
        /// Id of the event, as `list` shows it.
        #[arg(value_parser = parse_event)]
        event: EventId,
    },
}

impl Task {
    /// Tells whether more than the records is needed.
    pub const fn reads_messages(&self) -> bool {
        matches!(self, Self::Retry { .. })
    }
}

/// Where a message is read again, and where its author's choice is.
#[derive(Debug)]
pub struct Sources {
    /// The connection to Discord.
    pub discord: DiscordSettings,
    /// The database.
    pub database: store::Settings,
}

/// Does what was asked for. `sources` are needed for a retry alone.
///
/// # Errors
/// NATS, or what a retry needs, does not answer; nothing is lost then.
pub async fn run(
    task: &Task,
    nats: &NatsSettings,
    sources: Option<Sources>,
) -> anyhow::Result<Answer> {
    let letters = DeadLetters::open(nats).await?;
    match task {
        Task::List => Ok(Answer::Listing(letters.list().await?)),
        Task::Show { event } => Ok(match letters.find(event).await? {
            Some(found) => Answer::One(Shown::of(&found.letter)),
            None => Answer::settled(event, Outcome::Unknown),
        }),
        Task::Retry { event } => {
            let sources = sources.context("a retry needs Discord and the database")?;
            let discord = connect_discord(&sources.discord)?;
            let store = Store::connect(&sources.database)
                .await
                .context("cannot connect to the database")?;
            let outcome = retry::retry(&letters, event, nats, &discord, &store).await?;
            store.close().await;
            Ok(Answer::settled(event, outcome))
        }
        Task::Drop { event } => {
            let is_dropped = match letters.find(event).await? {
                Some(found) => letters.remove(found.sequence).await?,
                None => false,
            };
            let outcome = if is_dropped {
                Outcome::Dropped
            } else {
                Outcome::Unknown
            };
            Ok(Answer::settled(event, outcome))
        }
    }
}

fn parse_event(text: &str) -> Result<EventId, &'static str> {
    EventId::parse(text).ok_or("no event id; `worker dead-letters list` shows them")
}
