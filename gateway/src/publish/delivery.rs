//! One event, until it is stored or can never be.

use std::sync::Mutex;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use prost::Message as _;
use proto::event::{self, DeadLetterReason, Envelope};
use proto::id::EventId;
use proto::letter::LETTER_VERSION;
use proto::subject::Names;
use std::error::Error as _;
use std::sync::PoisonError;
use tokio::time::Instant;

use super::{Event, Lane, shrink};
use crate::clock;
use crate::door::{Door, People, Verdict, redact};
use crate::link::{Connection, Link};
use crate::metrics::{self, DeadLetter, Retry};
use crate::resume::Lease;

/// First and longest pause before a publish is repeated: a restarting server is back in a second,
/// and 1,024 lanes at the longest pause are no load.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Refusals of the message itself, which the same bytes would meet for ever: its headers, or what
/// they expect of the stream. Everything else is about the server, and events wait for it.
const NEVER: [ErrorCode; 4] = [
    ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM,
    ErrorCode::STREAM_NOT_MATCH,
    ErrorCode::STREAM_WRONG_LAST_MESSAGE_ID,
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE,
];

/// At most one warning in this time, however many lanes are stuck.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// What became of an event that was to be delivered.
pub(super) enum Delivered {
    /// It is done with.
    Finished(Finished),
    /// The door is closed: it waits with its lane.
    Held(Event),
}

/// What a lane is told when its event is done with.
pub(super) struct Finished {
    pub(super) lane: Lane,
    pub(super) cost_bytes: usize,
}

/// How events get into the stream.
pub(super) struct Delivery {
    names: Names,
    stream: jetstream::Context,
    link: Link,
    door: Door,
    warned_at: Mutex<Option<Instant>>,
}

/// What is published, until it is stored.
struct Parcel {
    subject: String,
    /// The id by which the broker knows a second delivery, if it is to know one.
    broker_id: Option<String>,
    payload: Bytes,
    may_shrink: bool,
}

/// How it ended.
enum Outcome {
    Stored,
    /// Nobody knows whether its author is to be heard.
    Held,
    /// Its author is not to be heard.
    Dropped,
    /// The shard is somebody else's now, and so is the event.
    Left,
    Never(DeadLetter),
}

/// Why an attempt did not store the event.
enum Failure {
    Again(Retry),
    TooLarge,
    Rejected,
}

impl Delivery {
    pub(super) fn new(names: Names, stream: jetstream::Context, link: Link, door: Door) -> Self {
        Self {
            names,
            stream,
            link,
            door,
            warned_at: Mutex::default(),
        }
    }

    /// Publishes an event until it is stored, or a record of it in its place. Sends nothing while
    /// NATS is away, or while the shard may be somebody else's. Once it surely is, the event is
    /// left to that one, who has read it too: the resume point is before it.
    pub(super) async fn deliver(&self, event: Event) -> Delivered {
        let cost_bytes = event.cost_bytes();
        let lease = event.ticket.lease();
        let parcel = Parcel {
            subject: event.subject.clone(),
            broker_id: event.is_remembered.then(|| event.id.as_str().to_owned()),
            payload: event.payload.clone(),
            may_shrink: true,
        };
        let outcome = match self.store(parcel, event.people.as_ref(), lease).await {
            Outcome::Never(reason) => {
                give_up(reason, event.id.as_str(), event.payload.len());
                let parcel = self.letter(reason, &event.id, &event.payload);
                self.store(parcel, None, lease).await
            }
            outcome => outcome,
        };
        match outcome {
            Outcome::Held => {
                metrics::held();
                return Delivered::Held(event);
            }
            Outcome::Left => metrics::left_to_another(),
            Outcome::Stored => {
                metrics::stored(event.read_at.elapsed());
                event.ticket.settle();
            }
            Outcome::Dropped => {
                metrics::dropped();
                event.ticket.settle();
            }
            // It has been logged; without its record there is nothing left to try.
            Outcome::Never(_) => event.ticket.settle(),
        }
        Delivered::Finished(Finished {
            lane: event.lane,
            cost_bytes,
        })
    }

    /// Publishes under the same id until the stream acknowledges or refuses for good. Before each
    /// attempt the door is asked anew: somebody may have opted out since the last one.
    async fn store(&self, mut parcel: Parcel, people: Option<&People>, lease: &Lease) -> Outcome {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some(connection) = self.may_send(lease).await else {
                return Outcome::Left;
            };
            let payload = match people.map_or(Verdict::Pass, |people| self.door.judge(people)) {
                Verdict::Pass => parcel.payload.clone(),
                Verdict::Redact(hidden) => {
                    metrics::redacted();
                    redact(&parcel.payload, &hidden)
                }
                Verdict::Drop => return Outcome::Dropped,
                Verdict::Hold => return Outcome::Held,
            };
            match self.attempt(connection, &parcel, payload).await {
                Ok(()) => return Outcome::Stored,
                Err(Failure::Again(reason)) => {
                    self.note_retry(reason);
                    tokio::time::sleep(pause.mul_f64(jitter())).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Failure::TooLarge) if parcel.may_shrink => {
                    metrics::stripped();
                    parcel.may_shrink = false;
                    parcel.payload = shrink::shrink(&parcel.payload).unwrap_or(parcel.payload);
                }
                Err(Failure::TooLarge) => return Outcome::Never(DeadLetter::TooLarge),
                Err(Failure::Rejected) => return Outcome::Never(DeadLetter::Rejected),
            }
        }
    }

    /// Writes down that an event is given up: ids and reason, nobody's words.
    fn letter(&self, reason: DeadLetter, id: &EventId, payload: &Bytes) -> Parcel {
        // Our own bytes: they decode. If they did not, the record would still name the event.
        let envelope = Envelope::decode(payload.clone()).unwrap_or_default();
        let letter = event::DeadLetter {
            schema_version: LETTER_VERSION,
            event_id: id.as_str().to_owned(),
            kind: envelope.kind,
            partition: envelope.partition,
            reason: recorded(reason).into(),
            given_up_at_ms: clock::now_ms(),
            size_bytes: u64::try_from(payload.len()).unwrap_or(u64::MAX),
            ..event::DeadLetter::default()
        };
        let letter = letter.about(&envelope);
        Parcel {
            subject: self.names.dead_letter(id),
            broker_id: None,
            payload: letter.encode_to_vec().into(),
            may_shrink: false,
        }
    }

    /// Waits until NATS is there and the lease is held, both at the same moment. `None`: the
    /// shard is somebody else's.
    async fn may_send(&self, lease: &Lease) -> Option<Connection> {
        loop {
            let connected = tokio::select! {
                connection = self.link.connected() => Some(connection),
                () = lease.is_lost() => None,
            };
            let connection = connected?;
            if lease.is_held() {
                return Some(connection);
            }
            if lease.is_gone() {
                return None;
            }
            self.note_retry(Retry::NoLease);
            lease.is_settled().await;
        }
    }

    async fn attempt(
        &self,
        connection: Connection,
        parcel: &Parcel,
        payload: Bytes,
    ) -> Result<(), Failure> {
        let mut publish = PublishMessage::build().payload(payload);
        if let Some(id) = &parcel.broker_id {
            publish = publish.message_id(id);
        }
        let acknowledged = async {
            let sent = self
                .stream
                .send_publish(parcel.subject.clone(), publish)
                .await?;
            sent.await.map(drop)
        };
        tokio::select! {
            result = acknowledged => result.map_err(|error| classify(&error)),
            () = self.link.lost(connection) => Err(Failure::Again(Retry::Disconnected)),
        }
    }

    fn note_retry(&self, reason: Retry) {
        metrics::retry(reason);
        let mut warned_at = self
            .warned_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            *warned_at = Some(Instant::now());
            tracing::warn!(
                reason = reason.label(),
                "events wait: the stream does not take them"
            );
        }
    }
}

fn give_up(reason: DeadLetter, id: &str, size_bytes: usize) {
    metrics::dead_letter(reason);
    let event = runtime::ids::Shown(id);
    tracing::error!(event.id = %event, size_bytes, reason = reason.label(), "an event is given up");
}

const fn recorded(reason: DeadLetter) -> DeadLetterReason {
    match reason {
        DeadLetter::TooLarge => DeadLetterReason::TooLarge,
        DeadLetter::Rejected => DeadLetterReason::Rejected,
    }
}

/// Tells what can be tried again from what never will be taken.
fn classify(error: &PublishError) -> Failure {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Failure::TooLarge,
        PublishErrorKind::TimedOut => Failure::Again(Retry::Timeout),
        PublishErrorKind::BrokenPipe => Failure::Again(Retry::Disconnected),
        PublishErrorKind::StreamNotFound => Failure::Again(Retry::NoStream),
        PublishErrorKind::MaxAckPending => Failure::Again(Retry::Busy),
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::Other => classify_answer(error),
    }
}

/// A server's refusal. Its status does not tell: servers answer 400 to an account without room, too.
fn classify_answer(error: &PublishError) -> Failure {
    let answer = error
        .source()
        .and_then(|source| source.downcast_ref::<jetstream::Error>());
    match answer.map(jetstream::Error::error_code) {
        Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => Failure::TooLarge,
        Some(code) if NEVER.contains(&code) => Failure::Rejected,
        _ => Failure::Again(Retry::Busy),
    }
}

/// Between a half and one: stuck lanes do not come back at the same moment.
fn jitter() -> f64 {
    0.5 + rand::random::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, code: u64) -> PublishError {
        let error = json!({ "code": status, "err_code": code, "description": "words" });
        let error: jetstream::Error = serde_json::from_value(error).unwrap();
        PublishError::with_source(PublishErrorKind::Other, error)
    }

    #[test]
    fn server_without_room_is_asked_again_whatever_its_status_says() {
        for (status, code) in [
            (400, 10_002), // the account's resources are exceeded
            (500, 10_047), // so is the storage
            (503, 10_077), // the stream is full, by bytes or by messages
            (503, 10_023), // insufficient resources
            (400, 10_109), // the stream is sealed
            (400, 99_999), // a code of tomorrow
        ] {
            let failure = classify(&answer(status, code));
            assert!(
                matches!(failure, Failure::Again(Retry::Busy)),
                "{status} {code}"
            );
        }
    }

    #[test]
    fn message_that_can_never_be_taken_is_given_up() {
        assert!(matches!(classify(&answer(400, 10_054)), Failure::TooLarge));
        for code in [10_060, 10_070, 10_071, 10_097] {
            let failure = classify(&answer(400, code));
            assert!(matches!(failure, Failure::Rejected), "{code}");
        }
    }
}
