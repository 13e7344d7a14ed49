//! Gateway sessions: what each one may hear, its sequence, and the frames it can be told again.
//!
//! A session's buffer is also its outbox: a connection reads on from its cursor, so a resume is a
//! connection that starts at an older cursor, and a slow reader costs no second queue.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use proto::id::GuildId;
use serde_json::Value;
use tokio::sync::Notify;

use crate::sandbox::settings::MESSAGE_CONTENT;

/// Frames kept for a resume: ten minutes of 50 events a second.
const KEPT_FRAMES: usize = 32_768;
/// Bytes of them: those frames at 2 KiB each, or three times what the largest crowd takes.
const KEPT_BYTES: usize = 64 * 1024 * 1024;
/// Intent bit for servers, channels and roles.
const GUILDS: u64 = 1;

/// Something that sessions are told.
#[derive(Debug)]
pub(crate) struct Event {
    name: &'static str,
    guild: Option<GuildId>,
    /// The session needs this bit; 0 = everybody is told.
    intent: u64,
    body: String,
    /// What a session without the message content intent is told.
    without_content: Option<String>,
}

impl Event {
    /// An event of a server's structure.
    pub(crate) fn of_guild(name: &'static str, guild: GuildId, body: Value) -> Self {
        Self::new(name, Some(guild), GUILDS, &body)
    }

    /// An event that needs one intent; direct conversations have no guild.
    pub(crate) fn new(
        name: &'static str,
        guild: Option<GuildId>,
        intent: u64,
        body: &Value,
    ) -> Self {
        Self {
            name,
            guild,
            intent,
            body: body.to_string(),
            without_content: None,
        }
    }

    /// Adds what is told to sessions without the message content intent.
    pub(crate) fn or_without_content(mut self, body: &Value) -> Self {
        self.without_content = Some(body.to_string());
        self
    }

    /// Returns the event's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the server it happened in.
    pub(crate) fn guild(&self) -> Option<GuildId> {
        self.guild
    }

    /// Returns the whole of what is told.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    fn body_for(&self, intents: u64) -> &str {
        match &self.without_content {
            Some(body) if intents & MESSAGE_CONTENT == 0 => body,
            _ => &self.body,
        }
    }
}

/// What the sandbox's operator does to a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// The socket breaks, or is closed with this code.
    Drop(Option<u16>),
    /// Op 7: come again and resume.
    Reconnect,
    /// Op 9: the session is over, or can be resumed.
    Invalidate { is_resumable: bool },
    /// Op 1: send a heartbeat now.
    Heartbeat,
    /// The socket stays open and says nothing any more.
    Silence,
}

/// A frame with its sequence.
#[derive(Clone, Debug)]
struct Frame {
    sequence: u64,
    /// RESUMED is told to the connection that resumed, never again.
    only_for: Option<u64>,
    text: Utf8Bytes,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) intents: u64,
    pub(crate) shard: (u64, u64),
    pub(crate) sequence: u64,
    frames: VecDeque<Frame>,
    /// Bytes of all of them.
    size: usize,
    wake: Arc<Notify>,
    orders: VecDeque<Order>,
    /// The connection that listens, if any.
    connection: Option<u64>,
    disconnected_ms: u64,
}

/// All sessions by id.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: BTreeMap<String, Session>,
    dispatched: u64,
}

/// What a connection finds when it reads on.
#[derive(Debug)]
pub(crate) enum Next {
    /// Frames in order, possibly none, and the new cursor.
    Frames(Vec<Utf8Bytes>, u64),
    /// An order comes before further frames.
    Order(Order),
    /// The session is over, another connection has it, or the reader fell too far behind.
    Lost,
}

impl Session {
    fn hears(&self, event: &Event) -> bool {
        let shard = event
            .guild
            .map_or(0, |guild| (guild.0 >> 22) % self.shard.1.max(1));
        shard == self.shard.0 && self.wants(event)
    }

    fn wants(&self, event: &Event) -> bool {
        event.intent == 0 || self.intents & event.intent != 0
    }

    fn push(&mut self, name: &str, body: &str, only_for: Option<u64>) {
        self.sequence += 1;
        let sequence = self.sequence;
        // The order of keys is Discord's: clients look for them from the front.
        let text = format!(r#"{{"t":"{name}","s":{sequence},"op":0,"d":{body}}}"#);
        self.size += text.len();
        self.frames.push_back(Frame {
            sequence,
            only_for,
            text: text.into(),
        });
        // The newest frame is kept whatever its size.
        while self.frames.len() > 1 && self.is_full() {
            let oldest = self.frames.pop_front();
            self.size -= oldest.map_or(0, |frame| frame.text.len());
        }
        self.wake.notify_one();
    }

    fn is_full(&self) -> bool {
        self.frames.len() > KEPT_FRAMES || self.size > KEPT_BYTES
    }

    fn holds_all_after(&self, sequence: u64) -> bool {
        let oldest = self
            .frames
            .front()
            .map_or(self.sequence + 1, |frame| frame.sequence);
        sequence + 1 >= oldest
    }
}

impl Sessions {
    /// Starts a session for a connection and tells it `ready`, then `guilds`.
    pub(crate) fn start(
        &mut self,
        id: String,
        session: NewSession,
        connection: u64,
    ) -> Arc<Notify> {
        let wake = Arc::new(Notify::new());
        let session = Session {
            intents: session.intents,
            shard: session.shard,
            sequence: 0,
            frames: VecDeque::new(),
            size: 0,
            wake: Arc::clone(&wake),
            orders: VecDeque::new(),
            connection: Some(connection),
            disconnected_ms: 0,
        };
        self.sessions.insert(id, session);
        wake
    }

    /// Tells one session something of its shard.
    pub(crate) fn tell(&mut self, id: &str, event: &Event) {
        let session = self.sessions.get_mut(id);
        if let Some(session) = session.filter(|session| session.wants(event)) {
            session.push(event.name, event.body_for(session.intents), None);
            self.dispatched += 1;
        }
    }

    /// Tells every session that may hear it.
    pub(crate) fn dispatch(&mut self, event: &Event) {
        for session in self
            .sessions
            .values_mut()
            .filter(|session| session.hears(event))
        {
            session.push(event.name, event.body_for(session.intents), None);
            self.dispatched += 1;
        }
    }

    /// Tells whether some session hears of this without having the message content intent.
    pub(crate) fn misses_content(&self, event: &Event) -> bool {
        let mut hearing = self
            .sessions
            .values()
            .filter(|session| session.hears(event));
        hearing.any(|session| session.intents & MESSAGE_CONTENT == 0)
    }

    /// Gives a session to a new connection that has heard everything up to `sequence`.
    pub(crate) fn resume(
        &mut self,
        id: &str,
        sequence: u64,
        connection: u64,
        not_older_than_ms: u64,
    ) -> Result<Arc<Notify>, NoResume> {
        let session = self.sessions.get_mut(id).ok_or(NoResume::Unknown)?;
        let is_expired =
            session.connection.is_none() && session.disconnected_ms < not_older_than_ms;
        if is_expired || !session.holds_all_after(sequence) {
            self.sessions.remove(id);
            return Err(NoResume::Unknown);
        }
        if sequence > session.sequence {
            return Err(NoResume::Sequence);
        }
        session.wake.notify_one();
        session.wake = Arc::new(Notify::new());
        session.connection = Some(connection);
        session.orders.clear();
        session.push("RESUMED", r#"{"_trace":["sandbox"]}"#, Some(connection));
        Ok(Arc::clone(&session.wake))
    }

    /// Reads on after `cursor`, at most `most` frames.
    pub(crate) fn next(&mut self, id: &str, connection: u64, cursor: u64, most: usize) -> Next {
        let Some(session) = self.sessions.get_mut(id) else {
            return Next::Lost;
        };
        if session.connection != Some(connection) || !session.holds_all_after(cursor) {
            return Next::Lost;
        }
        if let Some(order) = session.orders.pop_front() {
            return Next::Order(order);
        }
        let newest_first = session.frames.iter().rev();
        let unread = newest_first
            .take_while(|frame| frame.sequence > cursor)
            .count();
        let from = session.frames.len() - unread;
        let page: Vec<_> = session
            .frames
            .iter()
            .skip(from)
            .take(most)
            .cloned()
            .collect();
        let cursor = page.last().map_or(cursor, |frame| frame.sequence);
        let is_told = |frame: &Frame| frame.only_for.is_none_or(|only| only == connection);
        let frames = page
            .into_iter()
            .filter(is_told)
            .map(|frame| frame.text)
            .collect();
        Next::Frames(frames, cursor)
    }

    /// A connection is gone; its session waits to be resumed.
    pub(crate) fn leave(&mut self, id: &str, connection: u64, now_ms: u64) {
        let session = self.sessions.get_mut(id);
        if let Some(session) = session.filter(|session| session.connection == Some(connection)) {
            session.connection = None;
            session.disconnected_ms = now_ms;
        }
    }

    /// Ends a session for good, if this connection still has it.
    pub(crate) fn end(&mut self, id: &str, connection: u64) {
        if self
            .sessions
            .get(id)
            .is_some_and(|session| session.connection == Some(connection))
        {
            self.sessions.remove(id);
        }
    }

    /// Ends all sessions; whoever listens is told that there is none.
    pub(crate) fn end_all(&mut self) {
        for session in std::mem::take(&mut self.sessions).into_values() {
            session.wake.notify_one();
        }
    }

    /// Gives an order to all connected sessions and returns how many there are.
    pub(crate) fn order(&mut self, order: Order) -> usize {
        let connected = self
            .sessions
            .values_mut()
            .filter(|session| session.connection.is_some());
        connected
            .map(|session| {
                session.orders.push_back(order);
                session.wake.notify_one();
            })
            .count()
    }

    /// Forgets sessions that nobody resumed in time.
    pub(crate) fn expire(&mut self, not_older_than_ms: u64) {
        self.sessions.retain(|_, session| {
            session.connection.is_some() || session.disconnected_ms >= not_older_than_ms
        });
    }

    /// Returns how many frames were handed out.
    pub(crate) fn dispatched(&self) -> u64 {
        self.dispatched
    }

    /// Returns how many sessions exist, how many are connected, and how many frames were handed out.
    pub(crate) fn count(&self) -> (usize, usize, u64) {
        let connected = self
            .sessions
            .values()
            .filter(|session| session.connection.is_some());
        (self.sessions.len(), connected.count(), self.dispatched)
    }
}

/// What a client asks for when it identifies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSession {
    pub(crate) intents: u64,
    pub(crate) shard: (u64, u64),
}

/// Why a session is not resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoResume {
    /// No such session, or not all of it is kept: op 9.
    Unknown,
    /// The client claims to have heard more than was said: close 4007.
    Sequence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_bounded_by_their_bytes_and_who_is_behind_has_lost_the_session() {
        let mut sessions = Sessions::default();
        let new = NewSession {
            intents: 0,
            shard: (0, 1),
        };
        sessions.start("a".to_owned(), new, 1);
        let large = Event::new("LARGE", None, 0, &"x".repeat(KEPT_BYTES / 4).into());
        for _ in 0..4 {
            sessions.dispatch(&large);
        }
        let session = &sessions.sessions["a"];
        assert_eq!(session.frames.len(), 3);
        assert!(session.size <= KEPT_BYTES);
        assert!(matches!(sessions.next("a", 1, 0, 1), Next::Lost));
        assert!(matches!(sessions.next("a", 1, 1, 1), Next::Frames(_, 2)));
    }
}
