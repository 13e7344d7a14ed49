//! An answer on its way: piece by piece at its pace, or broken as ordered.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;

use super::Format;
use super::fault::{Effect, Kind};
use super::load::InFlight;
use super::refusal;

/// An event that breaks off in the middle of its JSON.
const MALFORMED: &str = "data: {\"id\":\"sandbox\",\"choices\":[{\"delta\":{\"content\":\"half\n\n";

/// What was said before a break is given so long to leave.
const FLUSH_WAIT: Duration = Duration::from_millis(20);

/// The events of an answer.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Before the first words.
    pub(super) head: Vec<String>,
    /// The words, or the use of tools.
    pub(super) body: Vec<String>,
    /// What closes it.
    pub(super) tail: Vec<String>,
}

/// One thing to do.
enum Step {
    Send(String),
    Break,
}

/// How fast an answer goes out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) start: Duration,
    pub(super) piece: Duration,
}

impl Pace {
    /// The usual pace, unless a fault makes it slower.
    pub(super) fn of(usual_ms: u64, effect: Option<&Effect>) -> Self {
        let piece_ms = effect.and_then(Effect::piece_ms).unwrap_or(usual_ms);
        Self {
            start: Duration::from_millis(effect.map_or(0, Effect::start_ms)),
            piece: Duration::from_millis(piece_ms),
        }
    }
}

fn steps(
    frames: Frames,
    format: Format,
    effect: Option<&Effect>,
) -> Box<dyn Iterator<Item = Step> + Send> {
    let Frames {
        head,
        mut body,
        tail,
    } = frames;
    let send = |frames: Vec<String>| frames.into_iter().map(Step::Send);
    let half = body.len() / 2;
    match effect.map(|effect| effect.kind) {
        Some(Kind::CutOff) => {
            body.truncate(half);
            Box::new(send(head).chain(send(body)).chain([Step::Break]))
        }
        Some(Kind::Malformed) => {
            body.insert(half, MALFORMED.to_owned());
            Box::new(send(head).chain(send(body)).chain(send(tail)))
        }
        Some(Kind::ErrorEvent) => {
            body.truncate(half);
            Box::new(
                send(head)
                    .chain(send(body))
                    .chain([Step::Send(refusal::event(format))]),
            )
        }
        Some(Kind::Endless) if !body.is_empty() => {
            Box::new(send(head).chain(body.into_iter().cycle().map(Step::Send)))
        }
        _ => Box::new(send(head).chain(send(body)).chain(send(tail))),
    }
}

/// Sends events; the call counts as in flight until the last is out or the client is gone.
pub(super) fn body(
    frames: Frames,
    format: Format,
    effect: Option<&Effect>,
    pace: Pace,
    in_flight: InFlight,
) -> Body {
    let state = (steps(frames, format, effect), Some(in_flight), pace.start);
    let pieces = stream::unfold(state, move |(mut steps, mut in_flight, wait)| async move {
        let Some(step) = steps.next() else {
            if let Some(in_flight) = in_flight.take() {
                in_flight.finish();
            }
            return None;
        };
        pause(wait + pace.piece).await;
        let piece = match step {
            Step::Send(event) => Ok(Bytes::from(event)),
            Step::Break => {
                tokio::time::sleep(FLUSH_WAIT).await;
                Err(std::io::Error::other("broken as ordered"))
            }
        };
        Some((piece, (steps, in_flight, Duration::ZERO)))
    });
    Body::from_stream(pieces)
}

/// A timer waits for a millisecond at least; no wait is none.
async fn pause(wait: Duration) {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}
