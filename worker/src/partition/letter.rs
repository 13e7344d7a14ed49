//! What remains of an event that is given up: kind, ids and the reason (PRIV-81), in a stream of
//! its own.

use std::time::Duration;

use async_nats::jetstream::{self, Message as Delivery};
use prost::Message as _;
use proto::event::{self, DeadLetter, DeadLetterReason, Envelope};
use proto::id::EventId;
use proto::letter::LETTER_VERSION;
use proto::subject::{self, MESSAGE_ID_HEADER, Partition};
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::{clock, metrics};

/// One attempt to store a record, and the pause before the next.
const STORED_WITHIN: Duration = Duration::from_secs(5);
const STORE_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Returns the name under which an event travels, whatever its bytes say.
pub(super) fn travels_as(delivery: &Delivery) -> EventId {
    let headers = delivery.headers.as_ref();
    let named = headers.and_then(|headers| headers.get(MESSAGE_ID_HEADER));
    named
        .and_then(|name| EventId::parse(name.as_str()))
        .unwrap_or_else(|| EventId::of_sequence(sequence_of(delivery)))
}

/// Stores a record of an event, again and again until it is stored: only then may the event be
/// acknowledged. Storing it twice is harmless, the newer record replaces the older.
pub(super) async fn store(
    app: &App,
    partition: Partition,
    delivery: &Delivery,
    reason: DeadLetterReason,
) {
    let letter = write(partition, delivery, reason);
    while let Err(error) = publish(app, &letter).await {
        tracing::warn!(%partition, error = &*error, "a dead letter is not stored yet");
        sleep(STORE_AGAIN_AFTER).await;
    }
    metrics::dead_letter(reason);
    tracing::error!(
        %partition,
        event.id = %runtime::ids::Shown(&letter.event_id),
        stream.sequence = letter.stream_sequence,
        reason = reason.label(),
        "an event cannot be handled and is given up"
    );
}

async fn publish(app: &App, letter: &DeadLetter) -> anyhow::Result<()> {
    let event = EventId::from_stored(letter.event_id.clone());
    let subject = app.names.dead_letter(&event);
    let context = jetstream::new(app.nats.clone());
    let stored = async {
        let sent = context.publish(subject, letter.encode_to_vec().into());
        anyhow::Ok(sent.await?.await?)
    };
    timeout(STORED_WITHIN, stored).await??;
    Ok(())
}

fn write(partition: Partition, delivery: &Delivery, reason: DeadLetterReason) -> DeadLetter {
    let name = travels_as(delivery);
    let letter = DeadLetter {
        schema_version: LETTER_VERSION,
        kind: subject::kind_of(&delivery.subject).into(),
        partition: partition.0.into(),
        message_id: name.message().map_or(0, |message| message.0),
        event_id: name.as_str().to_owned(),
        reason: reason.into(),
        given_up_at_ms: i64::try_from(clock::unix_now_ms()).unwrap_or(i64::MAX),
        stream_sequence: sequence_of(delivery),
        size_bytes: u64::try_from(delivery.payload.len()).unwrap_or(u64::MAX),
        ..DeadLetter::default()
    };
    match read(delivery) {
        Ok(envelope) => letter.about(&envelope),
        Err(_) => letter,
    }
}

/// Reads an envelope of a version that is known.
pub(super) fn read(delivery: &Delivery) -> Result<Envelope, DeadLetterReason> {
    let payload = delivery.payload.clone();
    let decoded = std::panic::catch_unwind(|| Envelope::decode(payload));
    let Ok(Ok(envelope)) = decoded else {
        return Err(DeadLetterReason::Malformed);
    };
    if envelope.schema_version != event::SCHEMA_VERSION {
        return Err(DeadLetterReason::UnknownVersion);
    }
    Ok(envelope)
}

fn sequence_of(delivery: &Delivery) -> u64 {
    delivery.info().map_or(0, |info| info.stream_sequence)
}
