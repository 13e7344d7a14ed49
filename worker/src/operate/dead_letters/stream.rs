//! The stream of records: one per event, under the event's id.

use anyhow::Context as _;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{
    DeleteMessageErrorKind, LastRawMessageErrorKind, RawMessageErrorKind, Stream,
};
use async_nats::jetstream::{self, ErrorCode};
use prost::Message as _;
use proto::event::DeadLetter;
use proto::id::EventId;
use proto::subject::{Names, OLDEST_SERVER};
use runtime::settings::sections::NatsSettings;

use super::{Listing, Shown};

/// The most records that one listing shows, the oldest first: nobody reads more, and settling them
/// makes room.
const LISTED_MAX: usize = 1_000;

/// The stream of records.
#[derive(Debug)]
pub(super) struct DeadLetters {
    pub(super) client: async_nats::Client,
    pub(super) names: Names,
    stream: Stream,
}

/// A record and its place in the stream.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) sequence: u64,
    pub(super) letter: DeadLetter,
}

impl DeadLetters {
    /// Opens the stream.
    pub(super) async fn open(nats: &NatsSettings) -> anyhow::Result<Self> {
        let client =
            runtime::nats::connect_within_a_minute(nats, "dead-letters", OLDEST_SERVER).await?;
        let names = Names::new(nats.prefix.clone());
        let context = jetstream::new(client.clone());
        let stream = context
            .get_stream(names.dead_letter_stream())
            .await
            .context("the stream of dead letters does not exist; run `worker migrate` first")?;
        Ok(Self {
            client,
            names,
            stream,
        })
    }

    /// Returns the records, oldest first, at most 1,000.
    pub(super) async fn list(&self) -> anyhow::Result<Listing> {
        let mut dead_letters = Vec::new();
        let mut next = 1;
        while dead_letters.len() < LISTED_MAX {
            let subject = self.names.all_dead_letters();
            let reading = self.stream.get_first_raw_message_by_subject(subject, next);
            let message = match reading.await {
                Ok(message) => message,
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => break,
                Err(error) => return Err(error).context("the dead letters cannot be read"),
            };
            next = message.sequence + 1;
            dead_letters.push(Shown::of(&decode(&message)?.letter));
        }
        Ok(Listing {
            schema: 1,
            dead_letters,
        })
    }

    /// Returns one record, `None` when there is none of that event.
    pub(super) async fn find(&self, event: &EventId) -> anyhow::Result<Option<Found>> {
        let subject = self.names.dead_letter(event);
        match self.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => decode(&message).map(Some),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error).context("the dead letter cannot be read"),
        }
    }

    /// Removes exactly the record that was read: a newer one of the same event stays.
    pub(super) async fn remove(&self, sequence: u64) -> anyhow::Result<bool> {
        match self.stream.delete_message(sequence).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::STREAM_MESSAGE_DELETE_FAILED =>
                {
                    Ok(false)
                }
                _ => Err(error).context("the dead letter cannot be removed"),
            },
        }
    }
}

fn decode(message: &StreamMessage) -> anyhow::Result<Found> {
    let sequence = message.sequence;
    let letter = DeadLetter::decode(message.payload.clone())
        .with_context(|| format!("the dead letter at sequence {sequence} is damaged"))?;
    Ok(Found { sequence, letter })
}
