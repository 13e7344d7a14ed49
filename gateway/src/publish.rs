//! Storing events in order: lanes, a spool with a bound, and the task that empties it.
//!
//! Order in the stream is the order of publishing, and a client library may write a later message
//! before it repeats a lost one. So a channel has at most one unacknowledged publish, and is given
//! the next one when the last is acknowledged; all channels go on in parallel. An event that the
//! [`Door`] holds stands aside with its channel until the door is open.

mod delivery;
pub(crate) mod lanes;
mod shrink;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::jetstream;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use prost::Message as _;
use proto::event::Envelope;
use proto::event::envelope::Event as Body;
use proto::id::{ChannelId, EventId, GuildId};
use proto::subject::{EVENT_MAX_BYTES, Names, Partition};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::door::{Door, People};
use crate::link::Link;
use crate::metrics;
use crate::resume::Ticket;
use delivery::{Delivered, Delivery, Finished};
use lanes::Lanes;

/// Publishes that await acknowledgement at once: with one per channel, more channels than this are
/// never busy within a round trip, and a broker that is away holds no more than this in requests.
const MAX_IN_FLIGHT: usize = 1024;

/// What an event costs beside its payload: subject, id, ticket and its place in a lane.
const EVENT_OVERHEAD_BYTES: usize = 512;

/// What is published strictly one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The events of a channel.
    Channel(ChannelId),
    /// The events of a server as a whole.
    Guild(GuildId),
    /// The gaps of a partition.
    Partition(Partition),
}

/// An event on its way to the stream.
pub struct Event {
    lane: Lane,
    subject: String,
    id: EventId,
    /// Whether the broker keeps the id for its deduplication window.
    is_remembered: bool,
    /// Whose words and names are in it, if anybody's.
    people: Option<People>,
    payload: Bytes,
    ticket: Ticket,
    read_at: Instant,
}

/// Whether the broker has to recognise a second delivery. Not that of our own posts: a worker that
/// sees one twice learns nothing new, no decision hangs on it, and they are up to half of all
/// events. An id takes the broker about 200 bytes for ten minutes.
fn is_remembered(envelope: &Envelope) -> bool {
    !matches!(&envelope.event, Some(Body::MessageCreate(message)) if !message.nonce.is_empty())
}

impl Event {
    /// Encodes an envelope. `ticket` is settled when the event is stored or given up.
    pub fn new(lane: Lane, subject: String, envelope: &Envelope, ticket: Ticket) -> Self {
        let mut payload = Bytes::from(envelope.encode_to_vec());
        if payload.len() > EVENT_MAX_BYTES
            && let Some(smaller) = shrink::shrink(&payload)
        {
            metrics::stripped();
            payload = smaller;
        }
        let id = EventId::from_stored(envelope.event_id.clone());
        Self {
            lane,
            subject,
            id,
            is_remembered: is_remembered(envelope),
            people: envelope.event.as_ref().and_then(People::of),
            payload,
            ticket,
            read_at: Instant::now(),
        }
    }

    fn cost_bytes(&self) -> usize {
        let people = self.people.as_ref().map_or(0, People::len);
        self.payload.len() + people * size_of::<u64>() + EVENT_OVERHEAD_BYTES
    }
}

/// Takes events without waiting and stores them in order; a cheap clone.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    lanes: Mutex<Lanes<Lane, Event>>,
    /// Bytes of everything that is not stored yet.
    spooled: watch::Sender<usize>,
    work: Notify,
    limit_bytes: usize,
    door: Door,
}

impl Publisher {
    /// Makes an empty spool of at most about `limit_bytes`, whose events pass that door.
    pub fn new(limit_bytes: usize, door: Door) -> Self {
        let shared = Shared {
            lanes: Mutex::default(),
            spooled: watch::Sender::new(0),
            work: Notify::new(),
            limit_bytes,
            door,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Takes an event; never waits, never refuses. Whoever submits looks at [`Self::is_full`].
    pub fn submit(&self, event: Event) {
        // Counted before it can be taken: it may be stored before this function returns.
        let cost = event.cost_bytes();
        self.shared.spooled.send_modify(|bytes| *bytes += cost);
        metrics::spool_bytes(*self.shared.spooled.borrow());
        self.lanes().push(event.lane, event);
        self.shared.work.notify_one();
    }

    /// Tells whether reading must stop until there is room.
    pub fn is_full(&self) -> bool {
        *self.shared.spooled.borrow() >= self.shared.limit_bytes
    }

    /// Waits until half of the spool is free, so that reading does not stop again at once. Cancel
    /// safe.
    pub async fn has_room(&self) {
        let half = self.shared.limit_bytes / 2;
        self.wait_for(|bytes| *bytes <= half).await;
    }

    /// Waits until everything is stored. Cancel safe.
    pub async fn is_flushed(&self) {
        self.wait_for(|bytes| *bytes == 0).await;
    }

    /// Stores events until told to stop; what is then left stays behind the resume point.
    pub async fn run(
        self,
        names: Names,
        stream: jetstream::Context,
        link: Link,
        stop: CancellationToken,
    ) {
        let door = &self.shared.door;
        let delivery = Delivery::new(names, stream, link, door.clone());
        let mut in_flight = FuturesUnordered::new();
        // They hold their lanes and no place among those in flight: what has no words goes on.
        let mut held = VecDeque::new();
        let mut openings = door.openings();
        loop {
            while in_flight.len() < MAX_IN_FLIGHT
                && let Some(event) = self.next(&mut held)
            {
                in_flight.push(delivery.deliver(event));
            }
            metrics::in_flight(in_flight.len());
            tokio::select! {
                Some(delivered) = in_flight.next() => match delivered {
                    Delivered::Finished(finished) => self.finish(finished),
                    Delivered::Held(event) => held.push_back(event),
                },
                Ok(()) = openings.changed(), if !held.is_empty() => {}
                () = self.shared.work.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn wait_for(&self, condition: impl FnMut(&usize) -> bool) {
        let mut spooled = self.shared.spooled.subscribe();
        // The sender lives as long as `self`.
        if spooled.wait_for(condition).await.is_err() {
            tracing::debug!("the spool is gone");
        }
    }

    /// Takes the next event: while the door is open, the one that was held for the longest time.
    fn next(&self, held: &mut VecDeque<Event>) -> Option<Event> {
        if !held.is_empty() && self.shared.door.is_whole() {
            return held.pop_front();
        }
        self.lanes().take()
    }

    fn finish(&self, finished: Finished) {
        self.lanes().finish(&finished.lane);
        self.shared
            .spooled
            .send_modify(|bytes| *bytes = bytes.saturating_sub(finished.cost_bytes));
        metrics::spool_bytes(*self.shared.spooled.borrow());
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<Lane, Event>> {
        self.shared
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proto::event::Message;

    use super::*;

    fn created(nonce: &str) -> Envelope {
        let message = Message {
            nonce: nonce.to_owned(),
            ..Message::default()
        };
        Envelope {
            event: Some(Body::MessageCreate(message)),
            ..Envelope::default()
        }
    }

    #[test]
    fn broker_remembers_what_people_say_and_not_our_own_posts() {
        assert!(is_remembered(&created("")));
        assert!(!is_remembered(&created("1176543210987654144")));
    }
}
