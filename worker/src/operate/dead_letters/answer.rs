//! What the commands print: ids, kinds and reasons.

use std::fmt;

use proto::event::DeadLetter;
use proto::id::EventId;
use proto::subject::kind_token;
use serde::Serialize;

/// The answer to one command.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// All records.
    Listing(Listing),
    /// One record.
    One(Shown),
    /// What became of a record.
    Settled {
        /// The event.
        event_id: String,
        /// What became of its record.
        outcome: Outcome,
    },
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The event is in the stream again, and the record is removed.
    Published,
    /// Discord has no such message any more: the record is removed.
    Gone,
    /// Its author has opted out of everything: the record is removed.
    OptedOut,
    /// The record is removed, as was asked.
    Dropped,
    /// The record does not say which message it was, or it was none; the record stays.
    NotAMessage,
    /// There is no such record.
    Unknown,
}

impl Answer {
    pub(super) fn settled(event: &EventId, outcome: Outcome) -> Self {
        Self::Settled {
            event_id: event.as_str().to_owned(),
            outcome,
        }
    }

    /// Tells whether what was asked for is done.
    pub const fn is_settled(&self) -> bool {
        !matches!(
            self,
            Self::Settled {
                outcome: Outcome::NotAMessage | Outcome::Unknown,
                ..
            }
        )
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listing(listing) => listing.fmt(f),
            Self::One(letter) => letter.fmt(f),
            Self::Settled { event_id, outcome } => write!(f, "{event_id}: {outcome}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Published => "published again",
            Self::Gone => "the message is gone; its record is dropped",
            Self::OptedOut => "its author has opted out; its record is dropped",
            Self::Dropped => "dropped",
            Self::NotAMessage => "cannot be read from Discord again; drop it",
            Self::Unknown => "there is no such dead letter",
        })
    }
}

/// One record, as it is printed.
#[derive(Debug, Serialize)]
pub struct Shown {
    event_id: String,
    kind: &'static str,
    reason: &'static str,
    partition: u32,
    guild_id: Option<String>,
    channel_id: Option<String>,
    message_id: Option<String>,
    given_up_at_ms: i64,
    stream_sequence: Option<u64>,
    size_bytes: u64,
}

impl Shown {
    pub(super) fn of(letter: &DeadLetter) -> Self {
        let id = |raw: u64| (raw != 0).then(|| raw.to_string());
        Self {
            event_id: letter.event_id.clone(),
            kind: kind_token(letter.kind()),
            reason: letter.reason().label(),
            partition: letter.partition,
            guild_id: id(letter.guild_id),
            channel_id: id(letter.channel_id),
            message_id: id(letter.message_id),
            given_up_at_ms: letter.given_up_at_ms,
            stream_sequence: (letter.stream_sequence != 0).then_some(letter.stream_sequence),
            size_bytes: letter.size_bytes,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "–".to_owned());
        write!(
            f,
            "{}  {}  {}  partition {}  server {}  channel {}  message {}  {} bytes  at {} ms",
            self.event_id,
            self.kind,
            self.reason,
            self.partition,
            id(&self.guild_id),
            id(&self.channel_id),
            id(&self.message_id),
            self.size_bytes,
            self.given_up_at_ms,
        )
    }
}

/// The answer of `list`.
#[derive(Debug, Serialize)]
pub struct Listing {
    pub(super) schema: u8,
    pub(super) dead_letters: Vec<Shown>,
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dead letters", self.dead_letters.len())?;
        for letter in &self.dead_letters {
            write!(f, "\n{letter}")?;
        }
        Ok(())
    }
}
