//! `worker dead-letters retry`: the message is read from Discord once more and published as an
//! event of its partition, so that it is judged anew; nothing of it was stored meanwhile.
//!
//! Running it twice is harmless: an event is decided once, whoever publishes it how often.

use anyhow::Context as _;
use async_nats::jetstream;
use async_nats::jetstream::message::PublishMessage;
use prost::Message as _;
use proto::event;
use proto::event::envelope::Event;
use proto::event::{DeadLetter, Envelope, EventKind, SCHEMA_VERSION};
use proto::id::{ChannelId, EventId, GuildId, MessageId, UserId};
use proto::subject::{PARTITIONS_METADATA, Partition};
use runtime::settings::sections::NatsSettings;
use store::{PrivacyLevel, Store};

use super::answer::Outcome;
use super::stream::DeadLetters;
use crate::channel::as_event;
use crate::clock;

/// Where a message is that can be read again.
struct Place {
    kind: EventKind,
    channel: ChannelId,
    message: MessageId,
}

/// Publishes an event again as its message is now.
pub(super) async fn retry(
    letters: &DeadLetters,
    event: &EventId,
    nats: &NatsSettings,
    discord: &discord::Client,
    store: &Store,
) -> anyhow::Result<Outcome> {
    let Some(found) = letters.find(event).await? else {
        return Ok(Outcome::Unknown);
    };
    let Some(place) = place_of(&found.letter) else {
        return Ok(Outcome::NotAMessage);
    };
    let message = discord
        .message(place.channel, place.message)
        .await
        .context("the message cannot be read from Discord")?;
    let outcome = match message {
        None => Outcome::Gone,
        // The gateway's door is behind us: who must not be heard is asked of the truth itself.
        Some(message) if !store.may_be_heard(UserId(message.author.id.get())).await? => {
            Outcome::OptedOut
        }
        Some(message) => {
            let guild = GuildId::non_zero(found.letter.guild_id);
            let mut message = as_event::message(&message, guild);
            hide_names(&mut message, store).await?;
            publish(letters, nats, event, &place, message).await?;
            Outcome::Published
        }
    };
    letters.remove(found.sequence).await?;
    Ok(outcome)
}

/// Takes out the names of mentioned people who must not be heard, as the gateway's door does
/// (PRIV-26).
async fn hide_names(message: &mut event::Message, store: &Store) -> Result<(), store::Error> {
    let id = |named: &event::Mention| UserId(named.user_id);
    let people: Vec<UserId> = message.mentions.iter().map(id).collect();
    let levels = store.privacy_levels(&people).await?;
    for named in &mut message.mentions {
        if levels.get(&id(named)) == Some(&PrivacyLevel::Full) {
            named.display_name.clear();
        }
    }
    Ok(())
}

fn place_of(letter: &DeadLetter) -> Option<Place> {
    let kind = letter.kind();
    let is_message = matches!(kind, EventKind::MessageCreate | EventKind::MessageUpdate);
    let channel = ChannelId::non_zero(letter.channel_id)?;
    let message = MessageId::non_zero(letter.message_id)?;
    is_message.then_some(Place {
        kind,
        channel,
        message,
    })
}

async fn publish(
    letters: &DeadLetters,
    nats: &NatsSettings,
    event: &EventId,
    place: &Place,
    message: event::Message,
) -> anyhow::Result<()> {
    let context = jetstream::new(letters.client.clone());
    let stream = letters.names.event_stream();
    runtime::nats::check_stream(&context, &stream, PARTITIONS_METADATA, nats.partitions).await?;
    let partition = Partition::of_channel(place.channel, nats.partitions);
    let now_ms = i64::try_from(clock::unix_now_ms()).unwrap_or(i64::MAX);
    let envelope = Envelope {
        schema_version: SCHEMA_VERSION,
        event_id: event.as_str().to_owned(),
        kind: place.kind.into(),
        partition: partition.0.into(),
        received_at_ms: now_ms,
        retried_at_ms: now_ms,
        event: Some(match place.kind {
            EventKind::MessageUpdate => Event::MessageUpdate(message),
            _ => Event::MessageCreate(message),
        }),
        ..Envelope::default()
    };
    // A name of its own: under the first one the stream would take it for a repetition, and its
    // spent tries would count.
    let travels_as = format!("{event}:r{now_ms}");
    let publish = PublishMessage::build()
        .payload(envelope.encode_to_vec().into())
        .message_id(&travels_as);
    let subject = letters.names.event(partition, place.kind);
    let sent = context.send_publish(subject, publish).await?;
    sent.await.context("the event is not stored")?;
    Ok(())
}
